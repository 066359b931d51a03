"""Where cubes lie: one table a cube and generation, and the number that each has consumed.

A refresh replaces buckets and number in one transaction, fenced by what it had seen of the state.
A rebuild fills a new generation in steps, then swaps.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any

import pyarrow as pa
from pyarrow import csv
from sqlalchemy import Connection, Engine, Table, exc, insert, inspect, select, text, update

from tallymark.cubes.damage import (
    damaged,
    file_number,
    follow_file,
    table_missing,
    throw_away,
)
from tallymark.cubes.tables import (
    PREFIX,
    clear,
    cube_state,
    data_prefix,
    data_table,
    metadata,
    roll_up,
    value_columns,
)
from tallymark.cubes.touched import Rollup
from tallymark.errors import CommitConflict, RetryableError
from tallymark.model import CubeSpec, Grain, Period
from tallymark.state.database import reading, writing
from tallymark.state.schema import to_us

ROWS_AT_ONCE = 20_000
_LOCK = 0x7A11_0002


@dataclass(frozen=True, slots=True)
class CubeState:
    """What a cube holds: the fence of every write to it."""

    generation: int
    table_uuid: str
    seq: int
    spec_digest: str
    calendar_digest: str


@dataclass(frozen=True)
class Piece:
    """Base buckets to put in the place of those that stand there, and what follows from them."""

    buckets: Sequence[Period]
    rows: pa.Table
    rollups: Sequence[Rollup]


class CubeStore:
    """The cubes of one engine; made on sight. Threads may share it."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        follow_file(engine)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One snapshot of the cubes. Raises: RetryableError where the file had to go."""
        with self._guarded(), reading(self._engine) as conn:
            yield conn

    def state(self, cube: str) -> CubeState | None:
        """None: the cube was never built, or is lost."""
        try:
            with self.reading() as conn:
                return load_state(conn, cube)
        except exc.DBAPIError as error:
            if table_missing(error):
                return None
            raise

    def replace(self, spec: CubeSpec, seen: CubeState, seq: int, pieces: Iterable[Piece]) -> None:
        """Put buckets and number in place, together.

        Raises: CommitConflict when the cube is no longer what was seen.
        """
        fence = _fence(spec.name, seen).values(seq=seq)
        with self._writing() as tx:
            if tx.execute(fence).rowcount != 1:
                raise CommitConflict(f"the cube {spec.name} moved on")
            for piece in pieces:
                _put(tx, spec, seen.generation, piece)

    def begin_build(self, spec: CubeSpec) -> int:
        """Make an empty table for a new generation; what others left behind is dropped."""
        with self._writing() as tx:
            row = tx.execute(
                update(cube_state)
                .where(cube_state.c.cube == spec.name)
                .values(building=cube_state.c.building + 1)
                .returning(cube_state.c.generation, cube_state.c.building)
            ).one_or_none()
            generation, building = row or _first(tx, spec.name)
            _drop(tx, data_prefix(spec.name), keep=data_table(spec, generation).name)
            data_table(spec, building).create(tx)
            return int(building)

    def fill(self, spec: CubeSpec, building: int, piece: Piece) -> None:
        """Add buckets to a generation that nobody reads yet."""
        try:
            with self._writing() as tx:
                _put(tx, spec, building, piece)
        except exc.DBAPIError as error:
            if table_missing(error):
                raise CommitConflict(f"another rebuild of {spec.name} began") from error
            raise

    def finish_build(self, spec: CubeSpec, seen: CubeState | None, new: CubeState) -> None:
        """Let a full generation be read.

        Raises: CommitConflict when the cube is no longer what was seen, or another build began.
        """
        swap = _fence(spec.name, seen or _NONE).where(cube_state.c.building == new.generation)
        with self._writing() as tx:
            values = {name: getattr(new, name) for name in CubeState.__dataclass_fields__}
            if tx.execute(swap.values(values)).rowcount != 1:
                raise CommitConflict(f"the cube {spec.name} moved on")
            _drop(tx, data_prefix(spec.name), keep=data_table(spec, new.generation).name)

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        with self._guarded(), writing(self._engine) as tx:
            _ensure(tx)
            yield tx

    @contextmanager
    def _guarded(self) -> Iterator[None]:
        seen = None if self._engine.dialect.name != "sqlite" else file_number(self._engine)
        try:
            yield
        except exc.DBAPIError as error:
            if not damaged(error):
                raise
            throw_away(self._engine, seen)
            advice = "cubes.db was damaged: it is built anew"
            raise RetryableError(advice, retry_after_s=0) from error


_NONE = CubeState(0, "", -1, "", "")


def load_state(conn: Connection, cube: str) -> CubeState | None:
    columns = [cube_state.c[name] for name in CubeState.__dataclass_fields__]
    row = conn.execute(select(*columns).where(cube_state.c.cube == cube)).one_or_none()
    return CubeState(*row) if row and row.generation else None


def _fence(cube: str, seen: CubeState) -> Any:
    return update(cube_state).where(
        cube_state.c.cube == cube,
        cube_state.c.generation == seen.generation,
        cube_state.c.table_uuid == seen.table_uuid,
        cube_state.c.seq == seen.seq,
    )


def _first(tx: Connection, cube: str) -> tuple[int, int]:
    none = {name: getattr(_NONE, name) for name in CubeState.__dataclass_fields__}
    tx.execute(insert(cube_state).values(cube=cube, building=1, **none))
    return 0, 1


def _ensure(tx: Connection) -> None:
    """Make the tables where there are none; those of another format go."""
    if inspect(tx).has_table(cube_state.name):
        return
    if tx.dialect.name == "postgresql":
        tx.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        if inspect(tx).has_table(cube_state.name):
            return
    _drop(tx, PREFIX)
    metadata.create_all(tx)


def _drop(tx: Connection, prefix: str, *, keep: str | None = None) -> None:
    quote = tx.dialect.identifier_preparer.quote
    for name in inspect(tx).get_table_names():
        if name.startswith(prefix) and name != keep:
            tx.exec_driver_sql(f"DROP TABLE {quote(name)}")


def _put(tx: Connection, spec: CubeSpec, generation: int, piece: Piece) -> None:
    base = spec.grains[0]
    _each(tx, clear(spec, generation, base), piece.buckets)
    _insert(tx, data_table(spec, generation), base, value_columns(spec), piece.rows)
    for rollup in piece.rollups:
        _each(tx, clear(spec, generation, rollup.grain), rollup.periods)
        _each(tx, roll_up(spec, generation, rollup.finer, rollup.grain), rollup.periods)


def _each(tx: Connection, statement: Any, periods: Sequence[Period]) -> None:
    if periods:
        spans = [{"from_us": to_us(p.start_at), "to_us": to_us(p.end_at)} for p in periods]
        tx.execute(statement, spans)


def _insert(
    tx: Connection, table: Table, grain: Grain, columns: Sequence[str], rows: pa.Table
) -> None:
    quote = tx.dialect.identifier_preparer.quote
    names = ", ".join(map(quote, columns))
    if tx.dialect.name == "postgresql":
        _copy(tx, f"{quote(table.name)} (grain, {names})", grain, rows.select(list(columns)))
        return
    marks = ", ".join("?" * len(columns))
    sql = f"INSERT INTO {quote(table.name)} (grain, {names}) VALUES ('{grain}', {marks})"
    for batch in rows.select(list(columns)).to_batches(max_chunksize=ROWS_AT_ONCE):
        tuples = zip(*(column.to_pylist() for column in batch.columns), strict=True)
        while some := list(islice(tuples, ROWS_AT_ONCE)):
            tx.exec_driver_sql(sql, some)


def _copy(tx: Connection, into: str, grain: Grain, rows: pa.Table) -> None:
    # null is an empty field, an empty text a quoted one
    options = csv.WriteOptions(include_header=False)
    cursor: Any = tx.connection.cursor()
    with cursor.copy(f"COPY {into} FROM STDIN WITH (FORMAT csv)") as copy:
        for batch in rows.to_batches(max_chunksize=ROWS_AT_ONCE):
            grains = pa.repeat(pa.scalar(grain), batch.num_rows)
            named = pa.RecordBatch.from_arrays(
                [grains, *batch.columns], names=["grain", *rows.column_names]
            )
            sink = io.BytesIO()
            csv.write_csv(named, sink, options)
            copy.write(sink.getvalue())
