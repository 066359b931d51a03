"""Reading a cube: slices of buckets and the number that they hold, in one snapshot."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, TypeVar

import orjson
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


@dataclass(frozen=True, slots=True)
class Strip:
    """The values of one bucket side by side; `keys`, one combination of `by` for each, sorted."""

    start_us: int
    keys: list[tuple[str, ...]]
    """Mostly the very list of the bucket before it."""
    values: list[int | float]


Found = TypeVar("Found", Cell, Strip)


def read_cells(
    store: CubeStore, spec: CubeSpec, calendar_digest: str, wanted: Sequence[Slice]
) -> tuple[CubeState | None, list[list[Cell]]]:
    """The cells of each slice that have a value, in no order, and what the cube held then.

    State None: there is no cube that means the same, so that nothing can be read.
    """
    return _read(store, spec, calendar_digest, wanted, _cells)


def read_strips(
    store: CubeStore, spec: CubeSpec, calendar_digest: str, wanted: Slice
) -> tuple[CubeState | None, list[Strip]]:
    """The same of one slice, a strip for each of its buckets that has a value: for large answers,
    without an object for each value."""
    state, (found,) = _read(store, spec, calendar_digest, [wanted], _strips)
    return state, found


def _read(
    store: CubeStore,
    spec: CubeSpec,
    calendar_digest: str,
    wanted: Sequence[Slice],
    read: Callable[[Connection, CubeSpec, int, Slice], list[Found]],
) -> tuple[CubeState | None, list[list[Found]]]:
    means = (spec_digest(spec), calendar_digest)
    for _ in range(2):
        try:
            with store.reading() as conn:
                state = load_state(conn, spec.name)
                if state is None or (state.spec_digest, state.calendar_digest) != means:
                    break
                return state, [read(conn, spec, state.generation, piece) for piece in wanted]
        except exc.DBAPIError as error:
            if not table_missing(error):
                raise
            # a rebuild took the generation away between two statements: look again
    return None, [[] for _ in wanted]


def _cells(conn: Connection, spec: CubeSpec, generation: int, wanted: Slice) -> list[Cell]:
    n = len(wanted.by)
    rows = conn.execute(_select(spec, generation, wanted))
    return [Cell(row[0], tuple(row[1 : n + 1]), row[n + 1], row[n + 2]) for row in rows]


def _strips(conn: Connection, spec: CubeSpec, generation: int, wanted: Slice) -> list[Strip]:
    if conn.dialect.name == "sqlite" and wanted.measure.type == "long" and wanted.by:
        return _packed(conn, spec, generation, wanted)
    cells = sorted(_cells(conn, spec, generation, wanted), key=lambda c: (c.start_us, c.by))
    return [
        Strip(start_us, [c.by for c in some], [c.value for c in some])
        for start_us, some in (
            (us, list(of_bucket)) for us, of_bucket in groupby(cells, key=lambda c: c.start_us)
        )
    ]


def _packed(conn: Connection, spec: CubeSpec, generation: int, wanted: Slice) -> list[Strip]:
    """A bucket is one row of JSON lists: SQLite packs them several times faster than Python takes
    rows. Only whole numbers: it does not write every double to its last digit."""
    cells = _select(spec, generation, wanted).subquery()
    start, *packed = list(cells.c)[: len(wanted.by) + 2]
    lists = [func.json_group_array(column) for column in packed]
    found: list[Strip] = []
    seen: list[str] = []
    keys: list[tuple[str, ...]] = []
    order: list[int] | None = None
    for start_us, *texts, numbers in conn.execute(select(start, *lists).group_by(start)):
        if texts != seen:  # else it holds what the bucket before it did
            as_found = list(zip(*map(orjson.loads, texts), strict=True))
            places = sorted(range(len(as_found)), key=as_found.__getitem__)
            seen, keys = texts, [as_found[i] for i in places]
            # as it lies, it mostly is sorted
            order = None if keys == as_found else places
        values = orjson.loads(numbers)
        found.append(Strip(start_us, keys, values if order is None else [values[i] for i in order]))
    return found


def _select(spec: CubeSpec, generation: int, wanted: Slice) -> Select[Any]:
    columns = data_table(spec, generation).c
    measure, value = wanted.measure, columns[wanted.measure.name]
    last = measure.aggregate == "last"
    at = columns[f"{measure.name}_at"] if last else null()
    by = [columns[name] for name in wanted.by]
    where = (
        columns.grain == wanted.grain,
        columns.start_us >= wanted.from_us,
        columns.start_us < wanted.to_us,
        value.is_not(None),
        *(columns[name].in_(values) for name, values in wanted.filters.items()),
    )
    if set(wanted.by) == set(spec.dimensions):
        # each row is a cell by itself
        return select(columns.start_us, *by, value, at).where(*where)
    total: ColumnElement[Any]
    match measure.aggregate:
        case "min":
            total = func.min(value)
        case "max":
            total = func.max(value)
        case "sum" | "count" | "last":
            total = func.sum(value).cast(value.type)
    newest_at = func.max(at) if last else at
    return (
        select(columns.start_us, *by, total, newest_at)
        .where(*where)
        .group_by(columns.start_us, *by)
    )
