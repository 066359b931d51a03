"""Runs whose task ended without a word: its process died too often, or by an unexpected error."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, Engine, select, update

from tallymark.ledger.objects import OPEN, Object, get
from tallymark.reports import runs
from tallymark.reports.runs import Run
from tallymark.state.database import writing
from tallymark.state.schema import objects, tasks


def note_stranded(engine: Engine, object: Object, run: Run, now: datetime) -> None:
    """Where no task of the object is in work, a run that says PROCESSING is not."""
    with writing(engine) as tx:
        # the lock that a claim on a new task takes first
        seen = (objects.c.id == object.id, objects.c.version == object.version)
        locked = update(objects).where(*seen).values(version=object.version)
        if tx.execute(locked).rowcount != 1 or _in_work(tx, object.id):
            return
        buried = _last_state(tx, object.id, run) == "failed"
        error = get(tx, object.id).last_error or "its task ended unexpectedly"
        runs.change(
            tx,
            run.id,
            state="FAILED" if buried else "RETRY",
            open=int(not buried),
            error=error,
            advice="Look into the log, then regenerate the date." if buried else None,
            ended_at=now,
            check_at=now,
            checked_at=now,
        )


def _in_work(tx: Connection, object_id: int) -> bool:
    found = select(tasks.c.id).where(tasks.c.object_id == object_id, tasks.c.state.in_(OPEN))
    return tx.execute(found.limit(1)).first() is not None


def _last_state(tx: Connection, object_id: int, run: Run) -> str | None:
    mine = (tasks.c.object_id == object_id, tasks.c.end_at == run.end_at)
    found = select(tasks.c.state).where(*mine, tasks.c.revision == run.revision)
    return tx.execute(found.order_by(tasks.c.id.desc()).limit(1)).scalar()
