"""Reading the lake: DuckDB's own Iceberg reader, pinned to one metadata file, shut in the lake.

Never by planned Parquet files: read by name, they lose renamed columns and bring back deleted rows.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import duckdb
from pyiceberg.serializers import FromInputFile
from sqlalchemy import Connection, select

from tallymark.errors import ConfigError
from tallymark.lake.catalog import NAME
from tallymark.lake.synced import SyncedFileIO
from tallymark.state.schema import heads, iceberg_tables

EXTENSIONS = ("avro", "iceberg")


@dataclass(frozen=True)
class Pointer:
    """A table's newest commit, and the number of it that marks are compared with."""

    metadata_location: str
    table_uuid: str
    snapshot_id: int | None
    seq: int


def pointer(conn: Connection, lake_table: str) -> Pointer | None:
    """All of it in one SELECT, so that it is of one commit; None: nothing was committed yet."""
    namespace, _, name = lake_table.partition(".")
    row = conn.execute(
        select(
            iceberg_tables.c.metadata_location,
            heads.c.table_uuid,
            heads.c.snapshot_id,
            heads.c.seq,
        )
        .join_from(iceberg_tables, heads, heads.c.lake_table == lake_table)
        .where(
            iceberg_tables.c.catalog_name == NAME,
            iceberg_tables.c.table_namespace == namespace,
            iceberg_tables.c.table_name == name,
        )
    ).one_or_none()
    return None if row is None else Pointer(*row)


def is_foreign(at: Pointer) -> bool:
    """Whether somebody else committed after us: the table's snapshot is not the head's."""
    metadata = FromInputFile.table_metadata(SyncedFileIO().new_input(at.metadata_location))
    return metadata.current_snapshot_id != at.snapshot_id


def scan(metadata_location: str) -> str:
    """The table as it stands in that file, for the FROM of a query."""
    return f"iceberg_scan({_quoted(metadata_location)})"


class Reader:
    """One locked-down DuckDB for a process; it costs 15 ms to open, a cursor nothing.

    It reads no file outside the lake, and no network.
    """

    def __init__(
        self,
        lake_root: Path,
        *,
        memory_mb: int = 512,
        threads: int = 2,
        scratch: Path | None = None,
    ) -> None:
        """`scratch` is where a query larger than the memory spills to; without it, it fails."""
        settings: dict[str, str | bool | int | float | list[str]] = {
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            # the two are of the same pinned wheels as DuckDB itself, and none is loaded after
            # them: to check their 60 MB at every start takes 0.3 s and finds nothing
            "allow_unsigned_extensions": True,
            "memory_limit": f"{memory_mb}MB",
            "threads": threads,
            "temp_directory": "" if scratch is None else str(scratch),
        }
        self._duckdb = duckdb.connect(":memory:", config=settings)
        for name in EXTENSIONS:
            self._duckdb.execute(f"LOAD {_quoted(str(_extension(name)))}")
        self._duckdb.execute("SET GLOBAL TimeZone = 'UTC'")
        _shut_in(self._duckdb, lake_root.absolute())

    @contextmanager
    def cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection of its own for one piece of work; threads use one each."""
        cursor = self._duckdb.cursor()
        try:
            yield cursor
        finally:
            cursor.close()

    def close(self) -> None:
        self._duckdb.close()


def _shut_in(connection: duckdb.DuckDBPyConnection, root: Path) -> None:
    # both spellings: a file's address is compared as it is written
    allowed = ", ".join(_quoted(f"{scheme}{root.as_posix()}/") for scheme in ("", "file://"))
    connection.execute(f"SET allowed_directories = [{allowed}]")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET lock_configuration = true")


def _extension(name: str) -> Path:
    """The extension's file in its wheel: nothing is ever downloaded.

    Raises: ConfigError where there is no wheel for this machine.
    """
    try:
        package = importlib.import_module(f"duckdb_extension_{name}")
    except ImportError as error:
        raise ConfigError(
            f"DuckDB's {name} extension is missing: install duckdb-extension-{name}"
            f"=={duckdb.__version__} (there is none for musl or Intel macs)"
        ) from error
    found = files(package) / "extensions" / f"v{duckdb.__version__}" / f"{name}.duckdb_extension"
    return Path(str(found))


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
