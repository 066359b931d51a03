"""Collect one span of one object: fetch what is not kept yet, then commit it in one transaction.

kept pages of the task  ──▶  fetch the rest, each page: archive ▶ row in calls (fenced)
                        ──▶  decode, at most 1 M rows at once ▶ lake.commit
                             claim check, batch, coverage, end of the task: one transaction
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection, Engine, insert, select

from tallymark.archive import calls
from tallymark.archive.keep import Archive
from tallymark.clock import Clock
from tallymark.collect.chunks import Chunk, chunks
from tallymark.collect.fetch import Fetch, period_of
from tallymark.collect.source import Source
from tallymark.lake import decode, quarantine
from tallymark.lake.commit import Committed, Lake, Write, earlier
from tallymark.ledger import claim, coverage, due
from tallymark.ledger.objects import Object
from tallymark.ledger.task import Task
from tallymark.ledger.worker import Due
from tallymark.model import Covered, Page, Reached, nobody
from tallymark.state.database import reading, writing
from tallymark.state.ids import next_id
from tallymark.state.schema import batches

BATCH_ROWS = 1_000_000


@dataclass(frozen=True)
class Poll:
    """The worker's handler of the kind `collect`."""

    engine: Engine
    archive: Archive
    lake: Lake
    sources: Mapping[str, Source]
    fetch: Fetch
    clock: Clock
    reached: Reached = nobody
    batch_rows: int = BATCH_ROWS

    def due(self, obj: Object, now: datetime) -> Due:
        """What of this object is due; what is missing for good is written down."""
        source = self.sources[obj.source]
        with reading(self.engine) as conn:
            known = coverage.load(conn, obj.id, obj.settled_at)
        plan = due.plan(
            source.stream(obj),
            source.schedule(obj),
            start_at=obj.settled_at,
            coverage=known,
            now=now,
            catch_up=obj.catch_up,
            note=_why_missed(source, obj),
        )
        if plan.missing:
            with writing(self.engine) as tx:
                coverage.fill(tx, obj.id, plan.missing)
        return Due([(span.start_at, span.end_at) for span in plan.spans], plan.check_at)

    def run(self, task: Task) -> None:
        """Fetch and commit; goes on from the pages and batches that are already there.

        Raises: RetryableError, FatalError as the connector raises them; ClaimLost.
        """
        self.reached("poll.claimed")
        source = self.sources[task.object.source]
        pages = self.fetch.pages(source, task)
        if pages:
            self._load(source, task, pages)

    def _load(self, source: Source, task: Task, pages: list[calls.Call]) -> None:
        stream = source.stream(task.object)
        first, end = pages[0].n, pages[-1].n + 1
        start = max([first, *self._loaded(task, first)])
        kept = {page.n: page for page in pages}

        def load(from_n: int) -> Iterator[Page]:
            for n in range(max(from_n, first), end):
                yield replace(self.archive.get(kept[n].archive_key), n=n, call_id=kept[n].id)

        whole = start == first
        for chunk in chunks(
            source.connector,
            stream,
            load,
            begin=first,
            first=start,
            end=end,
            batch_rows=self.batch_rows,
        ):
            self.reached("poll.decoded")
            self._commit(source, task, chunk, pages[0].received_at, whole=whole)
            whole = False

    def _loaded(self, task: Task, first: int) -> list[int]:
        """Where the batches of this task end that are already in the ledger."""
        query = select(batches.c.end_page).where(
            batches.c.task_id == task.id, batches.c.first_page >= first
        )
        with reading(self.engine) as conn:
            return [int(end) for end in conn.execute(query).scalars()]

    def _commit(
        self, source: Source, task: Task, chunk: Chunk, read_at: datetime, *, whole: bool
    ) -> None:
        obj, stream, now = task.object, source.stream(task.object), self.clock.now()
        span = period_of(task)
        batch_id = next_id(self.engine, "batch")
        rows, refused = decode.to_table(stream, chunk.rows, batch_id, now)
        rejected = [*chunk.rejected, *refused]
        with reading(self.engine) as conn:
            old = earlier(conn, obj.id, span.start_at, span.end_at) if whole else ()
        read = _read(source, task, chunk, read_at)

        def finish(tx: Connection, committed: Committed) -> None:
            claim.check(tx, task)
            if committed.changed or not old:
                tx.execute(insert(batches).values(_batch(task, chunk, batch_id, committed, now)))
            quarantine.write(tx, obj.id, batch_id, rejected, now)
            if chunk.last:
                coverage.write(tx, obj.id, read.start_at, read.end_at, read.covered)
                claim.end(tx, task, now)
            elif whole:
                # half a restatement stands in the table until the last batch: say so
                half = Covered(span.start_at, span.end_at, "waiting", read_at, "being read")
                coverage.write(tx, obj.id, span.start_at, span.end_at, [half])

        write = Write(
            table=f"{obj.source}.{obj.stream}",
            stream=stream,
            rows=rows,
            batch_id=batch_id,
            replaces=old,
            start_at=span.start_at,
            end_at=span.end_at,
        )
        self.lake.commit(write, finish)


@dataclass(frozen=True)
class _Read:
    start_at: datetime
    end_at: datetime
    covered: list[Covered]


def _read(source: Source, task: Task, chunk: Chunk, read_at: datetime) -> _Read:
    """What this reading covers. A gauge's reading belongs to the period in which it was taken."""
    stream = source.stream(task.object)
    schedule = source.schedule(task.object)
    span = schedule.period(read_at) if stream.kind == "gauge" else period_of(task)
    covered = due.after_read(stream, schedule, span, read_at, chunk.there)
    return _Read(span.start_at, span.end_at, covered)


def _batch(
    task: Task, chunk: Chunk, batch_id: int, committed: Committed, now: datetime
) -> dict[str, object]:
    return {
        "id": batch_id,
        "object_id": task.object.id,
        "task_id": task.id,
        "lake_table": f"{task.object.source}.{task.object.stream}",
        "start_at": task.start_at,
        "end_at": task.end_at,
        "first_page": chunk.first_page,
        "end_page": chunk.end_page,
        "rows": committed.rows,
        "snapshot_id": committed.snapshot_id,
        "committed_at": now,
    }


def _why_missed(source: Source, obj: Object) -> str:
    if obj.last_error is None:
        return "nobody asked: Tallymark was not running"
    return f"{source.connector.title} gave no reading ({obj.last_error})"
