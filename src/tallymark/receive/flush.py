"""What was pushed goes into the lake: every row once, whatever ends in between.

    settle what an earlier flush left: in the ledger ▶ delete its rows; not there ▶ flush it
    stamp the rows that wait ──▶ archive them as one page ──▶ decode, commit (one transaction:
    claim check, batch row, quarantine, marks, pointer) ──▶ delete exactly the stamped rows

The batch's number is the stamp, so the inbox and the ledger, which are two files on SQLite, agree:
a stamp that is in the ledger has landed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Connection, insert, select

from tallymark.archive import calls
from tallymark.archive.keep import Archive, page_key, task_prefix
from tallymark.clock import Clock
from tallymark.connectors import PushedConnector, pack
from tallymark.lake import decode, quarantine
from tallymark.lake.commit import Committed, Lake, Write
from tallymark.ledger import claim
from tallymark.ledger.objects import Object
from tallymark.ledger.task import Task
from tallymark.ledger.worker import Due
from tallymark.model import Page, Reached, Stream, nobody
from tallymark.receive import stamped
from tallymark.receive.inbox import first_waiting_at, waiting
from tallymark.state.database import Databases, reading, writing
from tallymark.state.ids import next_id
from tallymark.state.schema import batches

BATCH_ROWS = 50_000
BATCH_BYTES = 32 * 1024 * 1024
LOOK_S = 5.0


@dataclass(frozen=True)
class Flush:
    """The worker's handler of the kind `flush`: one object a source."""

    databases: Databases
    archive: Archive
    lake: Lake
    sources: Mapping[str, PushedConnector]
    clock: Clock
    flush_s: float = 60
    reached: Reached = nobody
    batch_rows: int = BATCH_ROWS
    batch_bytes: int = BATCH_BYTES

    def due(self, obj: Object, now: datetime) -> Due:
        """Due when the oldest row has waited long enough, many wait, or a flush was cut short."""
        look_at = now + timedelta(seconds=min(self.flush_s, LOOK_S))
        with reading(self.databases.inbox) as conn:
            first_at = first_waiting_at(conn, obj.source)
            if first_at is None:
                return Due([], look_at)
            if self._ready(conn, obj.source, (now - first_at).total_seconds()):
                return Due([(None, None)], now)
        return Due([], min(look_at, first_at + timedelta(seconds=self.flush_s)))

    def _ready(self, conn: Connection, source: str, waited_s: float) -> bool:
        # received after now: the clock was set back since
        if not 0 <= waited_s < self.flush_s:
            return True
        if stamped.stamps(conn, source):
            return True
        return waiting(conn, source, self.batch_rows) >= self.batch_rows

    def run(self, task: Task) -> None:
        """Settle what was left, then flush one batch.

        Raises: ClaimLost.
        """
        source = task.object.source
        with reading(self.databases.inbox) as conn:
            left = stamped.stamps(conn, source)
        for batch_id in left:
            if not self._landed(batch_id):
                self._load(task, batch_id)
            self._delete(source, batch_id)
        fresh = self._stamp(task)
        if fresh is not None:
            self._load(task, fresh)
            self._delete(source, fresh)
        with writing(self.databases.control) as tx:
            claim.end(tx, task, self.clock.now())

    def _landed(self, batch_id: int) -> bool:
        with reading(self.databases.control) as conn:
            found = conn.execute(select(batches.c.id).where(batches.c.id == batch_id))
            return found.first() is not None

    def _stamp(self, task: Task) -> int | None:
        source = task.object.source
        with reading(self.databases.inbox) as conn:
            last = stamped.last_of_batch(
                conn, source, n_rows=self.batch_rows, n_bytes=self.batch_bytes
            )
        if last is None:
            return None
        with writing(self.databases.control) as tx:
            claim.check(tx, task)
        batch_id = next_id(self.databases.control, "batch")
        with writing(self.databases.inbox) as tx:
            n = stamped.stamp(tx, source, batch_id, last)
        self.reached("flush.stamped")
        return batch_id if n else None

    def _load(self, task: Task, batch_id: int) -> None:
        """Commit the rows of a stamp under that stamp."""
        obj, now = task.object, self.clock.now()
        connector = self.sources[obj.source]
        stream = _stream(connector, obj)
        page = self._page(task, batch_id)
        rows, rejected = decode.to_table(stream, connector.rows(stream.name, [page]), batch_id, now)
        table = f"{obj.source}.{obj.stream}"

        def finish(tx: Connection, committed: Committed) -> None:
            claim.check(tx, task)
            batch = {
                "id": batch_id,
                "object_id": obj.id,
                "task_id": task.id,
                "lake_table": table,
                "first_page": page.n,
                "end_page": page.n + 1,
                "rows": committed.rows,
                "snapshot_id": committed.snapshot_id,
                "committed_at": now,
            }
            tx.execute(insert(batches).values(batch))
            quarantine.write(tx, obj.id, batch_id, rejected, now)

        self.lake.commit(Write(table=table, stream=stream, rows=rows, batch_id=batch_id), finish)
        self.reached("flush.committed")

    def _page(self, task: Task, batch_id: int) -> Page:
        """The stamped rows as a page that is in the archive and on record."""
        url = f"inbox:{task.object.source}/{batch_id}"
        with reading(self.databases.control) as conn:
            kept = [call for call in calls.kept(conn, task.id) if call.url == url]
            n = kept[0].n if kept else calls.next_n(conn, task.id)
        if kept:
            page = self.archive.get(kept[0].archive_key)
            return replace(page, n=n, call_id=kept[0].id)
        key, page = self._archived(task, url, n) or self._archive(task, url, n, batch_id)
        with writing(self.databases.control) as tx:
            call_id = calls.record(tx, task, page, key)
        return replace(page, call_id=call_id)

    def _archived(self, task: Task, url: str, n: int) -> tuple[str, Page] | None:
        """The page that an earlier claim archived, but did not live to record."""
        for key in self.archive.find(task_prefix(task.object.source, task.object.stream, task.id)):
            if key.endswith(f"-{n}.json.zst") and (page := self.archive.get(key)).url == url:
                return key, page
        return None

    def _archive(self, task: Task, url: str, n: int, batch_id: int) -> tuple[str, Page]:
        with reading(self.databases.inbox) as conn:
            body = pack(stamped.records(conn, task.object.source, batch_id))
        page = Page(url=url, status=200, body=body, received_at=self.clock.now(), n=n)
        key = page_key(task.object.source, task.object.stream, task.id, task.claim_no, n)
        self.archive.put(key, page)
        self.reached("flush.archived")
        return key, page

    def _delete(self, source: str, batch_id: int) -> None:
        stamped.delete(self.databases.inbox, source, batch_id)
        self.reached("flush.deleted")


def _stream(connector: PushedConnector, obj: Object) -> Stream:
    return next(stream for stream in connector.streams if stream.name == obj.stream)
