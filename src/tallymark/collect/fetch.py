"""The pages of a span: each is in the archive before its row is written, and asked for once.

client.get ─▶ archive ─▶ row in calls, fenced by the claim ─▶ the next page
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import cast

from sqlalchemy import Engine

from tallymark.archive import calls
from tallymark.archive.keep import Archive, claim_of, page_key, task_prefix
from tallymark.clock import Clock
from tallymark.collect.source import Clients, Source
from tallymark.connectors import PulledConnector
from tallymark.errors import CursorGone, FatalError, RetryableError
from tallymark.ledger import claim
from tallymark.ledger.failure import Failure
from tallymark.ledger.task import Task
from tallymark.model import Page, Period, Reached, Span, nobody
from tallymark.state.database import reading, writing


@dataclass(frozen=True)
class Fetch:
    """Fetches what is not kept yet, from the page on that is not there."""

    engine: Engine
    archive: Archive
    clients: Clients
    clock: Clock
    reached: Reached = nobody

    def pages(self, source: Source, task: Task) -> list[calls.Call]:
        """All pages of the task's span; what is kept already is not asked for again.

        None where it is too late to ask: the task is let go.
        Raises: RetryableError, FatalError as the connector raises them; ClaimLost.
        """
        pages = self._adopt(task)
        if pages and pages[-1].cursor is None:
            return pages
        ended = self.clock.now() >= period_of(task).end_at
        if ended and source.stream(task.object).kind == "gauge":
            self._let_go(task)
            return []
        self._fetch(source, task, pages[-1].cursor if pages else None)
        with reading(self.engine) as conn:
            return calls.kept(conn, task.id)

    def _fetch(self, source: Source, task: Task, cursor: str | None) -> None:
        """The rest of the span; all of it again where the vendor forgot where we were."""
        try:
            self._fetch_from(source, task, cursor)
        except CursorGone as gone:
            self._set_aside(task, gone)
            try:
                self._fetch_from(source, task, None)
            except CursorGone as again:
                self._set_aside(task, again)
                raise RetryableError(f"the cursor died twice: {again}") from again

    def _set_aside(self, task: Task, gone: CursorGone) -> None:
        """Raises: the error where it was the span's first request that was refused."""
        with writing(self.engine) as tx:
            if not calls.kept(tx, task.id):
                raise gone
            calls.supersede(tx, task)

    def _let_go(self, task: Task) -> None:
        """The period of a gauge has ended: what of it was read is not enough, and is set aside."""
        now, error = self.clock.now(), task.object.last_error or "it ended before it was read"
        with writing(self.engine) as tx:
            calls.supersede(tx, task)
            claim.release(tx, task, Failure(error=error, at=now, next_try_at=now))

    def _fetch_from(self, source: Source, task: Task, cursor: str | None) -> None:
        obj = task.object
        connector = cast(PulledConnector, source.connector)
        period = period_of(task)
        span = Span(obj.stream, obj.subject, period.start_at, period.end_at)
        client = self.clients.bind(source, task)
        with reading(self.engine) as conn:
            first = calls.next_n(conn, task.id)
        for n, page in enumerate(connector.pages(client, span, cursor), first):
            self._keep(task, replace(page, n=n))

    def _keep(self, task: Task, page: Page) -> None:
        obj = task.object
        key = page_key(obj.source, obj.stream, task.id, task.claim_no, page.n)
        self.archive.put(key, page)
        self.reached("poll.archived")
        with writing(self.engine) as tx:
            calls.record(tx, task, page, key)
        self.reached("poll.recorded")

    def _adopt(self, task: Task) -> list[calls.Call]:
        """The kept pages; one that is in the archive without its row gets it from the file."""
        with reading(self.engine) as conn:
            n, begun_by = calls.next_n(conn, task.id), calls.begun_by(conn, task.id)
        found = self.archive.find(task_prefix(task.object.source, task.object.stream, task.id))
        files = [key for key in found if claim_of(key) >= begun_by]
        while found := [key for key in files if key.endswith(f"-{n}.json.zst")]:
            newest = max(found, key=claim_of)
            with writing(self.engine) as tx:
                calls.record(tx, task, self.archive.get(newest), newest)
            n += 1
        with reading(self.engine) as conn:
            return calls.kept(conn, task.id)


def period_of(task: Task) -> Period:
    """The span that a collecting task is for."""
    if task.start_at is None or task.end_at is None:
        raise FatalError(f"task {task.id} has no span to collect")
    return Period(task.start_at, task.end_at)
