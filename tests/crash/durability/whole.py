"""Whether all that the ledger names is in the lake, wherever its disk is mounted now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pyiceberg.io.pyarrow import PyArrowFile, PyArrowFileIO
from pyiceberg.table import StaticTable
from sqlalchemy import Connection, select

from tallymark.archive.keep import Archive
from tallymark.files.local import LocalFiles
from tallymark.lake.sweep import reachable
from tallymark.lake.synced import path_of
from tallymark.state.database import open_databases, reading
from tallymark.state.schema import batches, calls, iceberg_tables


class Elsewhere(PyArrowFileIO):
    """Reads a lake whose metadata names the place where it was written."""

    def new_input(self, location: str) -> PyArrowFile:
        return super().new_input(str(self.path(location)))

    def path(self, location: str) -> Path:
        was, here = self.properties["was"], self.properties["here"]
        return Path(path_of(location).replace(was, here, 1))


@dataclass(frozen=True)
class Kept:
    """What a ledger says is kept."""

    pages: frozenset[str] = frozenset()
    """Their keys in the archive."""
    rows: dict[tuple[str, int], int] = field(default_factory=dict)
    """How many, by table and batch."""
    tables: dict[str, str] = field(default_factory=dict)
    """Where the metadata of each lies."""


def kept(home: Path) -> Kept:
    with _control(home) as conn:
        pages = conn.execute(select(calls.c.archive_key)).scalars()
        loaded = conn.execute(select(batches).where(batches.c.rows > 0))
        tables = conn.execute(select(iceberg_tables))
        return Kept(
            frozenset(pages),
            {(row.lake_table, row.id): row.rows for row in loaded},
            {f"{t.table_namespace}.{t.table_name}": t.metadata_location for t in tables},
        )


def damage(home: Path, lake: Path, was: Path | None = None) -> list[str]:
    """What the ledger names and is not whole in the lake, which `was` elsewhere when written."""
    ledger = kept(home)
    return _of_pages(ledger, lake) + _of_tables(ledger, lake, was or lake)


def damage_after_cut(before: Kept, home: Path, was: Path) -> list[str]:
    """What a power cut took of all that was `before`: the home that `was` is now at `home`."""
    try:
        found = kept(home)
    except Exception as error:  # noqa: BLE001 - a ledger that does not open is all of the damage
        return [f"the ledger is lost: {error!r}"]
    lost = [f"the row of page {key} is lost" for key in before.pages - found.pages]
    lost += [f"batch {batch} is lost" for batch in before.rows.keys() - found.rows.keys()]
    return lost + damage(home, home / "lake", was / "lake")


def _of_pages(ledger: Kept, lake: Path) -> list[str]:
    archive, bad = Archive(LocalFiles(lake)), []
    for key in ledger.pages:
        try:
            archive.get(key)
        except Exception as error:  # noqa: BLE001 - whatever it is, the page is not whole
            bad.append(f"page {key}: {error!r}")
    return bad


def _of_tables(ledger: Kept, lake: Path, was: Path) -> list[str]:
    place = {"was": str(was), "here": str(lake), "py-io-impl": f"{__name__}.{Elsewhere.__name__}"}
    bad, rows = [], {}
    for name, location in ledger.tables.items():
        try:
            table = StaticTable.from_metadata(location, place)
            io = table.io
            assert isinstance(io, Elsewhere)
            paths = [io.path(file) for file in reachable(table)]
            bad += [f"{p} is missing or empty" for p in paths if not _has_bytes(p)]
            numbers = table.scan().to_arrow()["_batch"].to_pylist()
        except Exception as error:  # noqa: BLE001 - a table that does not open is damage
            bad.append(f"{name}: {error!r}")
            continue
        rows |= {(name, number): n for number, n in Counter(numbers).items()}
    return bad if rows == ledger.rows else [*bad, f"rows: {rows}, in the ledger: {ledger.rows}"]


def _has_bytes(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 0


@contextmanager
def _control(home: Path) -> Iterator[Connection]:
    databases = open_databases(None, home)
    try:
        with reading(databases.control) as conn:
            yield conn
    finally:
        databases.close()
