"""A lake for tests: one stream's rows, committed, and read back by each reader."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
from sqlalchemy import Connection, select

from tallymark.lake import decode
from tallymark.lake.catalog import open_catalog
from tallymark.lake.commit import Committed, Finish, Lake, Write
from tallymark.lake.views import Reader, pointer, scan
from tallymark.model import Field, Page, Reached, Row, Stream, nobody
from tallymark.state.database import Databases, reading
from tallymark.state.schema import heads, touched
from tests.clock import FakeClock

TABLE = "github.repositories"
DAY = datetime(2026, 3, 1, tzinfo=UTC)
STREAM = Stream(
    name="repositories",
    kind="gauge",
    fields=(Field("repo", "text"), Field("stars", "long")),
    subject="repo",
    key=("repo", "ts"),
    partition="day",
)

Reading = tuple[datetime, str, int | None]


def at(hours: float) -> datetime:
    return DAY + timedelta(hours=hours)


def page(n: int = 0, **changes: Any) -> Page:
    fields: dict[str, Any] = {"url": "u", "status": 200, "body": b"", "received_at": at(24), "n": n}
    return Page(**(fields | changes))


def rows(
    readings: Iterable[Reading | tuple[Any, ...]], batch_id: int, stream: Stream = STREAM
) -> pa.Table:
    """One row a reading: `ts`, then the stream's fields in their order."""
    names = ("ts", *(field.name for field in stream.fields))
    made = [Row(page(), dict(zip(names, reading, strict=True))) for reading in readings]
    table, rejected = decode.to_table(stream, made, batch_id, at(24))
    assert rejected == []
    return table


def nothing_else(tx: Connection, committed: Committed) -> None:
    """A batch that the ledger need not know of."""


class TestLake:
    """A lake on real databases; `put` commits a batch of readings."""

    __test__ = False

    def __init__(self, databases: Databases, home: Path, reached: Reached = nobody) -> None:
        self.root = home / "lake"
        self.engine = databases.control
        self.clock = FakeClock(at(24))
        self.partition: Literal["day", "month"] = "day"
        self.lake = Lake(open_catalog(databases.control, self.root), self.clock, reached)

    def put(
        self,
        batch_id: int,
        readings: Sequence[Reading | tuple[Any, ...]],
        *,
        replaces: tuple[int, ...] = (),
        span: tuple[datetime, datetime] | None = None,
        stream: Stream | None = None,
        finish: Finish = nothing_else,
    ) -> Committed:
        stream = replace(stream or STREAM, partition=self.partition)
        write = Write(
            table=TABLE,
            stream=stream,
            rows=rows(readings, batch_id, stream),
            batch_id=batch_id,
            replaces=replaces,
            start_at=span[0] if span else None,
            end_at=span[1] if span else None,
            within="span" if span else "batches",
        )
        return self.lake.commit(write, finish)

    def table(self) -> Any:
        return self.lake.catalog.load_table(TABLE)

    def read(self) -> list[tuple[Any, ...]]:
        """The stream's own columns, through PyIceberg, in order."""
        return in_order(self.table().scan().to_arrow())

    def read_by_duckdb(self, reader: Reader) -> list[tuple[Any, ...]]:
        with reading(self.engine) as conn:
            found = pointer(conn, TABLE)
        assert found is not None
        with reader.cursor() as duck:
            query = f"SELECT * FROM {scan(found.metadata_location)}"
            return in_order(duck.execute(query).to_arrow_table())

    def marks(self) -> dict[int, int]:
        """Hours since 1970 and the number of the commit that touched them last."""
        query = select(touched.c.hour, touched.c.seq).where(touched.c.lake_table == TABLE)
        with reading(self.engine) as conn:
            return {row.hour: row.seq for row in conn.execute(query)}

    def head(self) -> tuple[str, int | None, int]:
        query = select(heads.c.table_uuid, heads.c.snapshot_id, heads.c.seq).where(
            heads.c.lake_table == TABLE
        )
        with reading(self.engine) as conn:
            row = conn.execute(query).one()
        return row.table_uuid, row.snapshot_id, row.seq


def in_order(table: pa.Table) -> list[tuple[Any, ...]]:
    own = table.drop_columns(list(decode.SYSTEM_COLUMNS))
    return sorted((tuple(row.values()) for row in own.to_pylist()), key=repr)


def hour(instant: datetime) -> int:
    return int(instant.timestamp()) // 3600
