"""Reading a cube: slices of buckets and the number that they hold, in one snapshot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, exc, func, null, select

from tallymark.cubes.damage import table_missing
from tallymark.cubes.store import CubeState, CubeStore, load_state
from tallymark.cubes.tables import data_table, spec_digest
from tallymark.model import CubeSpec, Grain, Measure


@dataclass(frozen=True, kw_only=True)
class Slice:
    """Buckets of one grain that start in `[from_us, to_us)`, of one measure."""

    grain: Grain
    from_us: int
    to_us: int
    measure: Measure
    by: tuple[str, ...] = ()
    filters: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Cell:
    """The value of one combination of `by` in one bucket; `at_us`: when its last reading was."""

    start_us: int
    by: tuple[str, ...]
    value: int | float
    at_us: int | None = None


def read_cells(
    store: CubeStore, spec: CubeSpec, calendar_digest: str, wanted: Sequence[Slice]
) -> tuple[CubeState | None, list[list[Cell]]]:
    """The cells of each slice that have a value, in no order, and what the cube held then.

    State None: there is no cube that means the same, so that nothing can be read.
    """
    for _ in range(2):
        try:
            with store.reading() as conn:
                return _read(conn, spec, calendar_digest, wanted)
        except exc.DBAPIError as error:
            if not table_missing(error):
                raise
            # a rebuild took the generation away between two statements: look again
    return None, [[] for _ in wanted]


def _read(
    conn: Connection, spec: CubeSpec, calendar_digest: str, wanted: Sequence[Slice]
) -> tuple[CubeState | None, list[list[Cell]]]:
    state = load_state(conn, spec.name)
    if state is None or (state.spec_digest, state.calendar_digest) != (
        spec_digest(spec),
        calendar_digest,
    ):
        return None, [[] for _ in wanted]
    return state, [_cells(conn, spec, state.generation, piece) for piece in wanted]


def _cells(conn: Connection, spec: CubeSpec, generation: int, wanted: Slice) -> list[Cell]:
    n = len(wanted.by)
    rows = conn.execute(_select(spec, generation, wanted))
    return [Cell(row[0], tuple(row[1 : n + 1]), row[n + 1], row[n + 2]) for row in rows]


def _select(spec: CubeSpec, generation: int, wanted: Slice) -> Select[Any]:
    columns = data_table(spec, generation).c
    measure, value = wanted.measure, columns[wanted.measure.name]
    total: ColumnElement[Any]
    match measure.aggregate:
        case "min":
            total = func.min(value)
        case "max":
            total = func.max(value)
        case "sum" | "count" | "last":
            total = func.sum(value).cast(value.type)
    last = measure.aggregate == "last"
    at = func.max(columns[f"{measure.name}_at"]) if last else null()
    by = [columns[name] for name in wanted.by]
    return (
        select(columns.start_us, *by, total, at)
        .where(
            columns.grain == wanted.grain,
            columns.start_us >= wanted.from_us,
            columns.start_us < wanted.to_us,
            value.is_not(None),
            *(columns[name].in_(values) for name, values in wanted.filters.items()),
        )
        .group_by(columns.start_us, *by)
    )
