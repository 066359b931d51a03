"""Upkeep as work of the ledger: for each table, like any other task."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, update

from tallymark.clock import Clock
from tallymark.lake.commit import Lake
from tallymark.lake.maintain import maintain
from tallymark.ledger import claim
from tallymark.ledger.objects import Object
from tallymark.ledger.task import Task
from tallymark.ledger.worker import Due
from tallymark.state.database import reading, writing
from tallymark.state.schema import heads

EVERY = timedelta(days=1)
SELDOM = timedelta(days=7)
MANY_COMMITS = 24
"""After fewer commits there is little to join: it waits for the seldom turn."""


@dataclass(frozen=True)
class Upkeep:
    """The worker's handler of the kind `maintain`: one object a table."""

    lake: Lake
    clock: Clock

    def due(self, obj: Object, now: datetime) -> Due:
        table = f"{obj.source}.{obj.stream}"
        query = select(heads).where(heads.c.lake_table == table)
        with reading(self.lake.catalog.engine) as conn:
            row = conn.execute(query).one_or_none()
        if row is None:
            return Due([], now + EVERY / 24)
        if row.kept_up_at is None or row.kept_up_at > now:
            return Due([(None, None)], now)
        commits = row.seq - row.kept_up_seq
        wait = EVERY if commits >= MANY_COMMITS else SELDOM
        if commits and now >= row.kept_up_at + wait:
            return Due([(None, None)], now)
        return Due([], max(now, row.kept_up_at) + EVERY)

    def run(self, task: Task) -> None:
        """Raises: ClaimLost; CommitConflict."""
        table = f"{task.object.source}.{task.object.stream}"
        maintain(self.lake, table, self.clock.now(), lambda tx: claim.check(tx, task))
        done = update(heads).where(heads.c.lake_table == table)
        with writing(self.lake.catalog.engine) as tx:
            claim.check(tx, task)
            tx.execute(done.values(kept_up_at=self.clock.now(), kept_up_seq=heads.c.seq))
            claim.end(tx, task, self.clock.now())
