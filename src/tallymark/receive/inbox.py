"""What was pushed and is not yet in the lake: taken in groups, acknowledged when durable.

    accept / submit ──▶ queue ──▶ one writer thread: all that arrived within a few milliseconds
                                  in one transaction: ids not seen yet ▶ rows ▶ last accepted

It never reads a record: that is the work of a flush.
"""

from __future__ import annotations

import logging
import queue
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from datetime import datetime

from sqlalchemy import Connection, Engine, func, select, text
from sqlalchemy.exc import SQLAlchemyError

from tallymark.clock import Clock
from tallymark.errors import RetryableError
from tallymark.model import Received, check_aware
from tallymark.receive import group, seen
from tallymark.receive.group import Accepted, Request
from tallymark.state.database import database_gone, writing
from tallymark.state.schema import inbox

log = logging.getLogger(__name__)

GROUP_RECORDS = 20_000
WAITING_BYTES = 48 * 1024 * 1024
# what a record costs in memory beyond its body
RECORD_BYTES = 300

INSERT = text(
    "INSERT INTO inbox (source, received_at, dedupe_id, headers, body)"
    " VALUES (:source, :received_at, :dedupe_id, :headers, :body)"
)


class Inbox:
    """Takes requests from any thread and writes them from one."""

    def __init__(
        self,
        engine: Engine,
        clock: Clock,
        *,
        linger_s: float = 0.002,
        waiting_bytes: int = WAITING_BYTES,
        forget_every_s: float = 600,
    ) -> None:
        self._engine = engine
        self._clock = clock
        self._linger_s = linger_s
        self._limit_bytes = waiting_bytes
        self._waiting_bytes = 0
        self._lock = threading.Lock()
        self._queue: queue.SimpleQueue[Request | None] = queue.SimpleQueue()
        self._memory = seen.Memory(engine, clock, every_s=forget_every_s)
        self._closing = threading.Event()
        self._failing = False
        self._writer = threading.Thread(target=self._write, name="inbox", daemon=True)
        self._writer.start()

    def accept(
        self,
        source: str,
        received_at: datetime,
        headers: Mapping[str, str],
        records: Sequence[Received],
    ) -> Accepted:
        """Return when the records are durable.

        Raises: RetryableError when they could not be written, or too much waits already.
        """
        return self.submit(source, received_at, headers, records).result()

    def submit(
        self,
        source: str,
        received_at: datetime,
        headers: Mapping[str, str],
        records: Sequence[Received],
    ) -> Future[Accepted]:
        """As `accept`, without waiting: the future says what `accept` returns or raises."""
        weight = sum(len(r.body) for r in records) + RECORD_BYTES * (1 + len(records))
        request = Request(source, check_aware(received_at), headers, records, weight)
        with self._lock:
            if self._closing.is_set():
                raise RetryableError("the receiver is stopping", retry_after_s=1)
            # one request always fits, however heavy: it was let in by its size in bytes
            if self._waiting_bytes and self._waiting_bytes + weight > self._limit_bytes:
                raise RetryableError("too much waits to be written", retry_after_s=1)
            self._waiting_bytes += weight
            # a caller who goes away must not cancel what is about to be written
            request.done.set_running_or_notify_cancel()
            self._queue.put(request)
        return request.done

    def writable(self) -> bool:
        """Whether the last write went well; after a failed one, try with a small one."""
        if self._failing:
            try:
                self._memory.probe(self._clock.now())
            except SQLAlchemyError:
                return False
            self._failing = False
        return not self._failing

    def close(self) -> None:
        """Write what was taken, then stop; later requests are refused."""
        with self._lock:
            if not self._closing.is_set():
                self._closing.set()
                self._queue.put(None)
        self._writer.join()

    # -- the writer thread ---------------------------------------------------------------------

    def _write(self) -> None:
        while (first := self._queue.get()) is not None:
            requests, ended = self._gather(first)
            self._settle(requests)
            with self._lock:
                self._waiting_bytes -= sum(request.weight_bytes for request in requests)
            self._memory.forget_some()
            if ended:
                return

    def _gather(self, first: Request) -> tuple[list[Request], bool]:
        self._closing.wait(self._linger_s)
        requests, n = [first], len(first.records)
        while n < GROUP_RECORDS:
            try:
                request = self._queue.get_nowait()
            except queue.Empty:
                break
            if request is None:
                return requests, True
            requests.append(request)
            n += len(request.records)
        return requests, False

    def _settle(self, requests: list[Request]) -> None:
        try:
            accepted = self._commit(requests)
        except Exception as error:
            self._failing = True
            if len(requests) > 1 and not database_gone(error):
                # one of them may be at fault: the others must not suffer
                for request in requests:
                    self._settle([request])
                return
            if not isinstance(error, SQLAlchemyError):
                log.exception("the inbox could not write")
            else:
                log.warning("the inbox cannot be written: %s", error)
            for request in requests:
                request.done.set_exception(RetryableError("the inbox cannot be written"))
            return
        self._failing = False
        for request, answer in zip(requests, accepted, strict=True):
            request.done.set_result(answer)

    def _commit(self, requests: list[Request]) -> list[Accepted]:
        with writing(self._engine) as tx:
            fresh = self._memory.add(tx, group.ids(requests))
            rows: list[dict[str, object]] = []
            accepted = [group.take(request, fresh, rows) for request in requests]
            if rows:
                tx.execute(INSERT, rows)
            return accepted


def waiting(conn: Connection, source: str, limit: int | None = None) -> int:
    """How many rows of a source are not known to be in the lake; counted up to the limit."""
    rows = select(inbox.c.id).where(inbox.c.source == source)
    return int(
        conn.execute(select(func.count()).select_from(rows.limit(limit).subquery())).scalar_one()
    )


def first_waiting_at(conn: Connection, source: str) -> datetime | None:
    """When the oldest row that is not known to be in the lake was received."""
    query = select(func.min(inbox.c.received_at)).where(inbox.c.source == source)
    return conn.execute(query).scalar()
