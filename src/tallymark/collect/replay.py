"""Make a table's rows again from the archive, with no call: a new column, or a lake that was lost.

The ledger says which batches there were, and the archive has their pages. The newest batch of a
span wins, as it did when it was committed. Rows keep the number of the batch that brought them,
so that replaying twice gives the same table.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pyarrow as pa
from sqlalchemy import Connection, Engine, select

from tallymark.archive import calls
from tallymark.archive.keep import Archive
from tallymark.clock import Clock
from tallymark.collect.chunks import chunks
from tallymark.collect.source import Source
from tallymark.connectors import Connector
from tallymark.errors import FatalError, NotFound, RetryableError, TallymarkError
from tallymark.lake import decode
from tallymark.lake.commit import Committed, Lake, Write
from tallymark.lake.marks import hours
from tallymark.ledger import claim
from tallymark.ledger.claim import Claims
from tallymark.ledger.failure import describe, is_fatal
from tallymark.ledger.objects import Object
from tallymark.ledger.task import Task
from tallymark.ledger.worker import Due, Handler
from tallymark.model import Page, Row, Stream
from tallymark.state.database import reading, writing
from tallymark.state.schema import batches

Ranges = list[tuple[datetime, datetime]]
NOTE = "replay"
"""Notes of a task that it is a replay, for whoever takes it over."""
LOOK_AGAIN = timedelta(seconds=2)
"""A process learns of another workspace that soon."""


@dataclass(frozen=True)
class Piece:
    """A batch of the ledger, and the spans that newer batches of its object have read again."""

    batch_id: int
    task_id: int
    first_page: int
    end_page: int
    committed_at: datetime
    replaced: Ranges


Gathered = list[tuple[Piece, pa.Table]]


@dataclass(frozen=True)
class Replay:
    """Replays one object at a time, under a claim, so that nothing is collected meanwhile.

    A replay that was cut short is done again from its beginning: it then finds what it did.
    """

    engine: Engine
    archive: Archive
    lake: Lake
    sources: Mapping[str, Source]
    claims: Claims
    clock: Clock
    batch_rows: int = 1_000_000

    def object(self, obj: Object) -> int:
        """Replay all batches of an object, also of one that stopped; returns how many rows.

        Raises: RetryableError when the object is in work just now; FatalError for a page that is
        damaged or gone.
        """
        task = self.claims.start(obj, None, None, note=NOTE, states=(obj.state,))
        if task is None:
            raise RetryableError(f"{obj.source} {obj.subject} is in work: try again in a moment")
        try:
            return self.run(task)
        except TallymarkError as error:
            with writing(self.engine) as tx:
                failure = describe(error, task.object, self.clock.now(), 0.0)
                if is_fatal(error):
                    claim.fail(tx, task, failure, settle=False)
                else:
                    claim.release(tx, task, failure)
            raise

    def run(self, task: Task) -> int:
        """Raises: as `object`; ClaimLost."""
        obj, source = task.object, self.sources[task.object.source]
        connector, stream, rows = source.connector, source.stream(obj), 0
        gathered: Gathered = []
        for piece in self._pieces(obj):
            table = self._rows(piece, connector, stream)
            if gathered and sum(t.num_rows for _, t in gathered) + table.num_rows > self.batch_rows:
                rows += self._commit(task, stream, gathered, end=False)
                gathered = []
            gathered.append((piece, table))
        return rows + self._commit(task, stream, gathered, end=True)

    def _pieces(self, obj: Object) -> list[Piece]:
        query = select(batches).where(batches.c.object_id == obj.id).order_by(batches.c.id.desc())
        with reading(self.engine) as conn:
            rows = [dict(row._mapping) for row in conn.execute(query)]
        return list(reversed(list(_pieces(rows))))

    def _rows(self, piece: Piece, connector: Connector, stream: Stream) -> pa.Table:
        with reading(self.engine) as conn:
            kept = calls.kept(conn, piece.task_id)

        def load(from_n: int) -> Iterator[Page]:
            for call in kept:
                if call.n >= from_n:
                    yield replace(self._page(call.archive_key), n=call.n, call_id=call.id)

        found: list[Row] = []
        for chunk in chunks(
            connector,
            stream,
            load,
            begin=kept[0].n,
            first=piece.first_page,
            end=piece.end_page,
            batch_rows=self.batch_rows,
            # what comes again on a later page, of another batch, is left out as it was then
            whole_end=kept[-1].n + 1,
        ):
            found += [row for row in chunk.rows if not _inside(piece.replaced, row.values["ts"])]
        return decode.to_table(stream, found, piece.batch_id, self.clock.now())[0]

    def _page(self, key: str) -> Page:
        try:
            return self.archive.get(key)
        except NotFound as error:
            raise FatalError(f"the archived page {key} is gone: restore it") from error

    def _commit(self, task: Task, stream: Stream, gathered: Gathered, *, end: bool) -> int:
        tables = [table for _, table in gathered] or [decode.schema(stream).empty_table()]

        def finish(tx: Connection, committed: Committed) -> None:
            claim.check(tx, task)
            if end:
                claim.end(tx, task, self.clock.now())

        write = Write(
            table=f"{task.object.source}.{task.object.stream}",
            stream=stream,
            rows=pa.concat_tables(tables),
            batch_id=gathered[-1][0].batch_id if gathered else 0,
            replaces=tuple(piece.batch_id for piece, _ in gathered),
            within="batches",
            # what is only made again has not come anew: nothing is restated by it
            came_at={
                hour: piece.committed_at for piece, table in gathered for hour in hours(table)
            },
        )
        return self.lake.commit(write, finish).rows


@dataclass(frozen=True)
class Replayable:
    """The handler of a kind that collects: what was begun as a replay is ended as one."""

    handler: Handler
    replay: Replay

    def due(self, obj: Object, now: datetime) -> Due:
        return self.handler.due(obj, now) if self._knows(obj) else Due([], now + LOOK_AGAIN)

    def run(self, task: Task) -> None:
        """Raises: as the handler; RetryableError where the object is of another workspace."""
        if not self._knows(task.object):
            # somebody else's is newer, or ours: whoever knows the object goes on
            text = f"this process does not know {task.object.source} {task.object.stream} yet"
            raise RetryableError(text, retry_after_s=LOOK_AGAIN.total_seconds())
        if task.note == NOTE:
            self.replay.run(task)
        else:
            self.handler.run(task)

    def _knows(self, obj: Object) -> bool:
        source = self.replay.sources.get(obj.source)
        stream = source.streams.get(obj.stream) if source else None
        return stream is not None and (stream.kind == "push") == (obj.kind == "flush")


def _pieces(newest_first: list[dict[str, Any]]) -> Iterator[Piece]:
    """The batches, newest first, each with the spans that newer tasks have read again."""
    taken: Ranges = []
    dropped: dict[int, Ranges] = {}
    for row in newest_first:
        task_id = row["task_id"]
        if task_id not in dropped:
            dropped[task_id] = taken
            if row["start_at"] is not None:
                taken = _joined([*taken, (row["start_at"], row["end_at"])])
        yield Piece(
            row["id"],
            task_id,
            row["first_page"],
            row["end_page"],
            row["committed_at"],
            dropped[task_id],
        )


def _joined(ranges: Ranges) -> Ranges:
    joined: Ranges = []
    for start_at, end_at in sorted(ranges):
        if joined and start_at <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end_at, joined[-1][1]))
        else:
            joined.append((start_at, end_at))
    return joined


def _inside(ranges: Ranges, ts: datetime) -> bool:
    return any(start_at <= ts < end_at for start_at, end_at in ranges)
