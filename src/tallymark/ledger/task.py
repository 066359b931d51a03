"""One span of one object in work, and how its row is read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, delete, or_, select, update

from tallymark.errors import ClaimLost
from tallymark.ledger import objects
from tallymark.ledger.objects import Object
from tallymark.state import schema
from tallymark.state.schema import tasks


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """A claim on a span of one object, by one boot."""

    id: int
    object: Object
    start_at: datetime | None
    end_at: datetime | None
    revision: int
    claim_no: int
    deaths: int
    note: str | None
    """What its next claim must know; a task that has one is not let go before it has ended."""
    owner: str


def ours(task: Task) -> ColumnElement[bool]:
    return and_(
        tasks.c.id == task.id,
        tasks.c.state == "running",
        tasks.c.owner == task.owner,
        tasks.c.claim_no == task.claim_no,
    )


def open_tasks(conn: Connection, condition: ColumnElement[bool]) -> list[Row[Any]]:
    # a note says that a person began it: it is ended, whatever became of its object
    wanted = or_(schema.objects.c.state == "active", tasks.c.note.is_not(None))
    columns = (tasks.c.id, tasks.c.state, tasks.c.owner, tasks.c.claim_no, tasks.c.deaths)
    found = (
        select(*columns)
        .join(schema.objects, schema.objects.c.id == tasks.c.object_id)
        .where(condition, wanted)
        .order_by(tasks.c.id)
    )
    return list(conn.execute(found))


def read_task(conn: Connection, task_id: int) -> Task:
    row = conn.execute(select(tasks).where(tasks.c.id == task_id)).one()
    return Task(
        id=row.id,
        object=objects.get(conn, row.object_id),
        start_at=row.start_at,
        end_at=row.end_at,
        revision=row.revision,
        claim_no=row.claim_no,
        deaths=row.deaths,
        note=row.note,
        owner=row.owner,
    )


def has_pages(conn: Connection, task_id: int, claim_no: int | None = None) -> bool:
    """Whether pages of a task are kept (of one of its claims), so that it goes on from there."""
    calls = schema.calls
    kept = select(calls.c.id).where(calls.c.task_id == task_id, calls.c.superseded == 0)
    if claim_no is not None:
        kept = kept.where(calls.c.claim_no == claim_no)
    return conn.execute(kept.limit(1)).first() is not None


def drop(tx: Connection, task: Task, now: datetime) -> None:
    """There was nothing to do yet: the task leaves no row. Raises: ClaimLost."""
    if tx.execute(delete(tasks).where(ours(task))).rowcount != 1:
        raise lost(task)
    _look_now(tx, task, now)


def leave(tx: Connection, task: Task, error: str, now: datetime) -> None:
    """End a task that came to nothing, where its kind of work notes by itself when it goes on; its
    object is not held up. Raises: ClaimLost."""
    left = {"state": "released", "ended_at": now, "error": error}
    if tx.execute(update(tasks).where(ours(task)).values(**left)).rowcount != 1:
        raise lost(task)
    _look_now(tx, task, now)


def _look_now(tx: Connection, task: Task, now: datetime) -> None:
    here = schema.objects.c.id == task.object.id
    tx.execute(update(schema.objects).where(here).values(check_at=now, checked_at=now))


def still_ours(conn: Connection, task: Task) -> None:
    """Look, without a lock. Raises: ClaimLost."""
    if conn.execute(select(tasks.c.id).where(ours(task))).first() is None:
        raise lost(task)


def lost(task: Task) -> ClaimLost:
    return ClaimLost(f"task {task.id} of {task.object.source} is no longer ours")
