"""A configured account as the worker sees it, and the client bound to one of its objects."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine

from tallymark.archive import calls
from tallymark.archive.keep import Archive
from tallymark.calendar.schedule import Schedule
from tallymark.connectors import Client, Connector
from tallymark.errors import FatalError, NotFound, RetryableError
from tallymark.ledger import claim
from tallymark.ledger.budget import Budgets
from tallymark.ledger.objects import Object
from tallymark.ledger.task import Task
from tallymark.model import Stream
from tallymark.net import Known, Net
from tallymark.state.database import reading

# a wait that short is slept; a longer one lets the claim go
PATIENCE_S = 2.0


@dataclass(frozen=True)
class Source:
    """A connector with its settings, and how often it may be asked."""

    name: str
    connector: Connector
    streams: dict[str, Stream]
    budget_requests: int
    budget_every_s: float

    def stream(self, obj: Object) -> Stream:
        return self.streams[obj.stream]

    def schedule(self, obj: Object) -> Schedule:
        return Schedule.parse(obj.every, self.stream(obj).zone)


@dataclass(frozen=True)
class SourceBudget:
    """The requests of one task, counted over all tasks of its source and all nodes."""

    budgets: Budgets
    source: Source
    task: Task
    pause: Callable[[float], None]

    def take(self) -> None:
        """Raises: RetryableError with the time to wait when the budget is used up; ClaimLost."""
        while True:
            source = self.source
            per_s = source.budget_requests / source.budget_every_s
            burst = source.budget_requests
            wait_s = self.budgets.take(source.name, 1, per_s, burst, self._check)
            if wait_s <= 0:
                return
            if wait_s > PATIENCE_S:
                text = f"the budget of {source.name} is used up for {wait_s:.0f} s"
                raise RetryableError(text, retry_after_s=wait_s)
            self.pause(wait_s)

    def block(self, until_at: datetime) -> None:
        self.budgets.block(self.source.name, until_at)

    def _check(self, tx: Connection) -> None:
        # whoever was stopped and taken over asks the vendor nothing more
        claim.check(tx, self.task)


@dataclass(frozen=True)
class KeptAnswers:
    """What a conditional request needs: the last answer of the same address, if still there."""

    engine: Engine
    archive: Archive
    object_id: int

    def last(self, url: str) -> Known | None:
        """The ETag, and the page and file that hold the body."""
        with reading(self.engine) as conn:
            found = calls.last_for(conn, self.object_id, url)
        if found is None:
            return None
        etag, key = found
        try:
            return Known(etag, key, self.archive.get(key))
        except (NotFound, FatalError):
            return None  # gone or damaged: ask unconditionally


@dataclass(frozen=True)
class Clients:
    """Makes the client of one task: its source's budget, its object's conditions."""

    net: Net
    engine: Engine
    archive: Archive
    budgets: Budgets
    pause: Callable[[float], None]

    def bind(self, source: Source, task: Task) -> Client:
        budget = SourceBudget(self.budgets, source, task, self.pause)
        return self.net.client(budget, KeptAnswers(self.engine, self.archive, task.object.id))
