"""The rooms of one home, put together for a measurement without a worker around them."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
from sqlalchemy import Connection

from tallymark.calendar.periods import Calendar
from tallymark.clock import SystemClock
from tallymark.compute.duckdb import DuckDBCompute
from tallymark.cubes.build import Refresh
from tallymark.cubes.store import CubeStore
from tallymark.lake.catalog import open_catalog
from tallymark.lake.commit import Committed, Lake, Write
from tallymark.lake.views import Pointer, Reader, pointer
from tallymark.model import CubeSpec, Stream
from tallymark.state.database import Databases, migrate, open_databases, reading


@dataclass
class Rooms:
    """A home's databases, lake and cubes."""

    home: Path
    databases: Databases
    lake: Lake
    reader: Reader
    store: CubeStore

    def append(self, table: str, stream: Stream, rows: pa.Table, batch_id: int) -> None:
        """One commit; the ledger's side is left out, the marks are not."""
        self.lake.commit(Write(table=table, stream=stream, rows=rows, batch_id=batch_id), _nothing)

    def refresh(self, spec: CubeSpec, zone: str = "Europe/Berlin") -> None:
        compute = DuckDBCompute(self.reader)
        calendar = Calendar(zone)
        specs = {spec.name: spec}
        clock = SystemClock()
        Refresh(self.databases, self.store, specs, calendar, compute, clock).refresh(spec)

    def pointer(self, table: str) -> Pointer:
        with reading(self.databases.control) as conn:
            found = pointer(conn, table)
        assert found is not None
        return found

    def close(self) -> None:
        self.reader.close()
        self.databases.close()


def open_rooms(home: Path, *, empty: bool = True, memory_mb: int = 512) -> Rooms:
    if empty:
        shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True, exist_ok=True)
    databases = open_databases(None, home)
    migrate(databases)
    root = home / "lake"
    root.mkdir(exist_ok=True)
    lake = Lake(open_catalog(databases.control, root), SystemClock())
    reader = Reader(root, memory_mb=memory_mb)
    return Rooms(home, databases, lake, reader, CubeStore(databases.cubes))


def _nothing(tx: Connection, committed: Committed) -> None:
    """A commit that no ledger knows of."""
