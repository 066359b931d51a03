"""One batch becomes true: its rows in the table and its ledger rows, in one transaction or not.

load ─▶ read the rows that it replaces ─▶ same? then only the ledger's rows
     ─▶ add columns, append what is new, or overwrite where a row changed or went
     ─▶ [ finish, head, marks, pointer swap ]
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal, TypeVar

import pyarrow as pa
from pyiceberg.exceptions import CommitFailedException, ValidationException
from pyiceberg.expressions import BooleanExpression
from pyiceberg.table import Table, Transaction
from sqlalchemy import Connection, select

from tallymark.clock import Clock
from tallymark.errors import CommitConflict
from tallymark.lake import decode, marks, replaced, tables
from tallymark.lake.catalog import InCommit, LedgerCatalog, Step
from tallymark.lake.transaction import LeanTransaction
from tallymark.model import Reached, Stream, nobody
from tallymark.state.database import writing
from tallymark.state.schema import batches

ATTEMPTS = 5

T = TypeVar("T")


@dataclass(frozen=True)
class Committed:
    """What became of a batch. `changed` False: the table holds these rows already."""

    changed: bool
    rows: int
    snapshot_id: int | None = None
    seq: int | None = None


Finish = Callable[[Connection, Committed], None]
"""Writes the ledger's side in the commit's transaction, its check of the claim first.

It runs again on every attempt, and raises ClaimLost to refuse.
"""


@dataclass(frozen=True, kw_only=True)
class Write:
    """One batch: the rows, and which rows of the table they replace."""

    table: str
    stream: Stream
    rows: pa.Table
    batch_id: int
    replaces: tuple[int, ...] = ()
    """The earlier batches of this object whose span meets this one."""
    start_at: datetime | None = None
    end_at: datetime | None = None
    within: Literal["span", "batches"] = "span"
    """`span`: only rows of those batches inside the span; `batches`: all of theirs (a replay)."""
    came_at: Mapping[int, datetime] = field(default_factory=dict)
    """By hour since 1970: when its rows came, where that is not now (a replay)."""


class Lake:
    """The tables, and the only way to write to them. Threads may share it."""

    def __init__(self, catalog: LedgerCatalog, clock: Clock, reached: Reached = nobody) -> None:
        self.catalog = catalog
        self._clock = clock
        self._reached = reached
        self._locks: dict[str, threading.Lock] = {}

    def commit(self, write: Write, finish: Finish) -> Committed:
        """Commit a batch.

        Raises: what `finish` raises; CommitConflict when others were faster again and again;
        FatalError for a column whose type no reader could follow.
        """
        return self.repeated(write.table, lambda: self._commit(write, finish))

    def ensure(self, table: str, stream: Stream) -> None:
        """Make the table, or let it take on the stream's new columns, before there are rows."""
        self.repeated(table, lambda: self._ensure(table, stream))

    def repeated(self, table: str, step: Callable[[], T]) -> T:
        """Run a step that loads, decides and commits; from its start again where others won.

        One step a table at a time in this process: a lost race costs a whole commit.
        """
        with self._locks.setdefault(table, threading.Lock()):
            for _ in range(ATTEMPTS):
                try:
                    return step()
                except (CommitFailedException, ValidationException) as error:
                    lost = error
            raise CommitConflict(f"others committed to {table} first, {ATTEMPTS} times") from lost

    def joined(
        self, table: Table, in_commit: InCommit, touched: Mapping[int, datetime] | None = None
    ) -> Transaction:
        """A transaction of the table whose commit is one with the ledger's, marks and head too.

        `touched`: the hours that it changes, each with when its rows came.
        """
        name = ".".join(table.name())

        def all_of_it(tx: Connection, step: Step) -> None:
            in_commit(tx, step)
            marks.write(tx, name, step, touched or {}, self._clock.now())

        table.catalog = self.catalog.joining(all_of_it, self._reached)
        return LeanTransaction(table)

    def _commit(self, write: Write, finish: Finish) -> Committed:
        if write.rows.num_rows == 0 and not write.replaces:
            return self._only_ledger(write, finish)
        span = (write.start_at, write.end_at) if write.within == "span" else (None, None)
        where = replaced.where(write.replaces, *span)
        table = tables.load_or_create(self.catalog, write.table, write.stream)
        old = replaced.read(table, write.rows.schema, where)
        delta = replaced.difference(old, write.rows)
        if delta.nothing and not tables.lacks(table, write.rows.schema):
            return self._only_ledger(write, finish)
        n_rows = delta.added.num_rows if delta.gone.num_rows == 0 else write.rows.num_rows
        result = Committed(not delta.nothing, n_rows)

        def in_commit(tx: Connection, step: Step) -> None:
            nonlocal result
            snapshot_id, seq = step.after.current_snapshot_id, marks.seq_of(step.after)
            result = replace(result, snapshot_id=snapshot_id, seq=seq)
            finish(tx, result)

        now, hours = self._clock.now(), marks.hours(delta.gone, delta.added)
        touched = {hour: write.came_at.get(hour, now) for hour in hours}
        change = self.joined(table, in_commit, touched)
        if tables.lacks(table, write.rows.schema):
            tables.take_on(change, write.rows.schema)
        if not delta.nothing:
            _change(change, write, where, delta)
        change.commit_transaction()
        return result

    def _only_ledger(self, write: Write, finish: Finish) -> Committed:
        result = Committed(False, write.rows.num_rows)
        with writing(self.catalog.engine) as tx:
            finish(tx, result)
        self._reached("commit.committed")
        return result

    def _ensure(self, table: str, stream: Stream) -> None:
        loaded = tables.load_or_create(self.catalog, table, stream)
        columns = decode.schema(stream)
        if tables.lacks(loaded, columns):
            change = self.joined(loaded, _nothing_else)
            tables.take_on(change, columns)
            change.commit_transaction()


def _change(
    change: Transaction, write: Write, where: BooleanExpression, delta: replaced.Difference
) -> None:
    # for people and for `doctor`; the ledger's own row is what counts
    properties = {"tallymark.batch": str(write.batch_id)}
    if delta.gone.num_rows == 0:
        # rows that are there already stay under the batch that brought them
        change.append(delta.added, snapshot_properties=properties)
    elif write.rows.num_rows == 0:
        change.delete(where, snapshot_properties=properties)
    else:
        change.overwrite(write.rows, overwrite_filter=where, snapshot_properties=properties)


def _nothing_else(tx: Connection, step: Step) -> None:
    """A commit that the ledger need not know of."""


def earlier(
    conn: Connection, object_id: int, start_at: datetime | None, end_at: datetime | None
) -> tuple[int, ...]:
    """The object's batches that brought rows and whose span meets this one; no span: all."""
    query = select(batches.c.id).where(batches.c.object_id == object_id, batches.c.rows > 0)
    if start_at is not None:
        query = query.where(batches.c.end_at > start_at)
    if end_at is not None:
        query = query.where(batches.c.start_at < end_at)
    return tuple(conn.execute(query.order_by(batches.c.id)).scalars())
