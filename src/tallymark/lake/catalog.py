"""The Iceberg catalog in the control database: its pointer swap joins our transaction.

    write data files ─▶ stage and write metadata ─▶ one transaction:
                        claim check, batch, coverage, marks, head | swap of the pointer

PyIceberg repeats a refused commit by itself: only a check inside that transaction, on each attempt,
keeps a stale owner out. A refusal is an error of our own, so that it is not repeated.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlparse

from pyiceberg.catalog import Catalog
from pyiceberg.catalog.sql import IcebergTables, SqlCatalog
from pyiceberg.exceptions import CommitFailedException, NoSuchTableError
from pyiceberg.table import CommitTableResponse, StagedTable, Table
from pyiceberg.table.metadata import TableMetadata
from pyiceberg.table.update import (
    AddSnapshotUpdate,
    RemoveSnapshotsUpdate,
    TableRequirement,
    TableUpdate,
)
from pyiceberg.typedef import Identifier
from sqlalchemy import Connection, Engine, RowMapping, Select, select, update

from tallymark.errors import ConfigError
from tallymark.lake.synced import path_of
from tallymark.model import Reached, nobody
from tallymark.state.database import reading, writing
from tallymark.state.schema import iceberg_tables

NAME = "lake"
MOST_SNAPSHOTS = 20
CUT_TO_SNAPSHOTS = 10
"""Once there are too many, so many are left: the cost of a commit grows with those kept."""


@dataclass(frozen=True)
class Step:
    """A commit as it would be: the table's metadata before it and after it."""

    before: TableMetadata
    after: TableMetadata


InCommit = Callable[[Connection, Step], None]
"""What else becomes true with a commit; raises to refuse it."""


@dataclass(frozen=True)
class Joined:
    """What a commit takes into its transaction."""

    in_commit: InCommit
    reached: Reached = nobody


class LedgerCatalog(SqlCatalog):
    """PyIceberg's SQL catalog on our engine and our tables; `open_catalog` makes it."""

    joined: Joined | None = None

    def joining(self, in_commit: InCommit, reached: Reached = nobody) -> LedgerCatalog:
        """This catalog, with `in_commit` in the transaction of every commit of its tables."""
        other = copy.copy(self)
        other.joined = Joined(in_commit, reached)
        return other

    def load_table(self, identifier: str | Identifier) -> Table:
        # PyIceberg's own text would take SQLite's write lock to read one row
        with reading(self.engine) as conn:
            row = conn.execute(_row_of(self.name, identifier)).mappings().one_or_none()
        if row is None:
            raise NoSuchTableError(f"Table does not exist: {identifier!r}")
        return self._convert_orm_to_iceberg(_orm(row))

    def commit_table(
        self,
        table: Table,
        requirements: tuple[TableRequirement, ...],
        updates: tuple[TableUpdate, ...],
    ) -> CommitTableResponse:
        if self.joined is None:
            return super().commit_table(table, requirements, updates)
        current = self.load_table(table.name())
        staged = self._update_and_stage_table(
            current, table.name(), requirements, _with_expiry(current.metadata, updates)
        )
        self._write_metadata(staged.metadata, staged.io, staged.metadata_location)
        self.joined.reached("commit.files_written")
        self._decide(self.joined.in_commit, current, staged)
        self.joined.reached("commit.committed")
        return CommitTableResponse(
            metadata=staged.metadata,
            metadata_location=staged.metadata_location,  # type: ignore[call-arg]
        )

    def _decide(self, in_commit: InCommit, current: Table, staged: StagedTable) -> None:
        refused = True
        try:
            with writing(self.engine) as tx:
                in_commit(tx, Step(current.metadata, staged.metadata))
                _swap(tx, self.name, current, staged)
                # from here on only the database knows how it ended
                refused = False
        finally:
            if refused:
                # readers without a catalog take the folder's highest number for the newest
                staged.io.delete(staged.metadata_location)


def open_catalog(engine: Engine, root: Path) -> LedgerCatalog:
    """The catalog on the control database, its tables in the folder `root`.

    Raises: ConfigError for a folder whose name cannot be part of a file's address.
    """
    catalog = LedgerCatalog(
        NAME,
        # a throw-away engine: the tables are ours and so is the engine
        uri="sqlite://",
        init_catalog_tables="false",
        warehouse=address_of(root),
        **{"py-io-impl": "tallymark.lake.synced.SyncedFileIO"},
    )
    catalog.engine.dispose()
    catalog.engine = engine
    return catalog


def address_of(root: Path) -> str:
    path = root.absolute().as_posix()
    address = f"file://{path}"
    if urlparse(address).path != path or any(sign in path for sign in "%*?[]{}"):
        raise ConfigError(
            f"the lake's folder {path} has a sign in its name that file addresses use "
            "(one of #?%*[]{}): choose another TALLYMARK_LAKE_URL or TALLYMARK_HOME"
        )
    return address


def moved(conn: Connection, root: Path) -> list[str]:
    """The tables whose files are said to lie outside `root`: the folder was moved or copied.

    Iceberg's metadata names every file by its absolute path, so such a table cannot be opened.
    """
    inside = f"{path_of(address_of(root))}/"
    query = select(iceberg_tables).where(iceberg_tables.c.catalog_name == NAME)
    return sorted(
        f"{row['table_namespace']}.{row['table_name']}"
        for row in conn.execute(query).mappings()
        if not path_of(row["metadata_location"] or "").startswith(inside)
    )


def _row_of(catalog: str, identifier: str | Identifier) -> Select[tuple[object, ...]]:
    return select(iceberg_tables).where(
        iceberg_tables.c.catalog_name == catalog,
        iceberg_tables.c.table_namespace
        == Catalog.namespace_to_string(Catalog.namespace_from(identifier)),
        iceberg_tables.c.table_name == Catalog.table_name_from(identifier),
    )


def _orm(row: RowMapping) -> IcebergTables:
    return IcebergTables(
        catalog_name=row["catalog_name"],
        table_namespace=row["table_namespace"],
        table_name=row["table_name"],
        metadata_location=row["metadata_location"],
        previous_metadata_location=row["previous_metadata_location"],
    )


def _with_expiry(
    current: TableMetadata, updates: tuple[TableUpdate, ...]
) -> tuple[TableUpdate, ...]:
    """The updates, and the oldest snapshots cut where there would be too many.

    Worked out on every attempt: another committer may have cut them already.
    """
    added = sum(isinstance(change, AddSnapshotUpdate) for change in updates)
    if len(current.snapshots) + added <= MOST_SNAPSHOTS:
        return updates
    named = {ref.snapshot_id for ref in current.refs.values()}
    oldest_first = sorted(current.snapshots, key=lambda snapshot: snapshot.sequence_number or 0)
    ids = [s.snapshot_id for s in oldest_first if s.snapshot_id not in named]
    cut = ids[: len(current.snapshots) + added - CUT_TO_SNAPSHOTS]
    if not cut:
        return updates
    return (RemoveSnapshotsUpdate(snapshot_ids=cut), *updates)  # type: ignore[call-arg]


def _swap(tx: Connection, catalog: str, current: Table, staged: StagedTable) -> None:
    identifier = current.name()
    swapped = tx.execute(
        update(iceberg_tables)
        .where(
            iceberg_tables.c.catalog_name == catalog,
            iceberg_tables.c.table_namespace
            == Catalog.namespace_to_string(Catalog.namespace_from(identifier)),
            iceberg_tables.c.table_name == Catalog.table_name_from(identifier),
            iceberg_tables.c.metadata_location == current.metadata_location,
        )
        .values(
            metadata_location=staged.metadata_location,
            previous_metadata_location=current.metadata_location,
        )
    )
    if swapped.rowcount != 1:
        raise CommitFailedException(f"{'.'.join(identifier)} moved on")
