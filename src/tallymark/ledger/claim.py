"""Tasks and their claims: one conditional update, and only row count 1 goes on.

Every claim carries a fencing number; every write of a task names it, so that an owner that was
stopped and continued writes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence, Set
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    and_,
    exists,
    insert,
    select,
    update,
)
from sqlalchemy import Row as SqlRow

from tallymark.clock import Clock
from tallymark.errors import ClaimLost
from tallymark.ledger import coverage, objects
from tallymark.ledger.backoff import LONGEST_S
from tallymark.ledger.boots import Boot
from tallymark.ledger.failing import record
from tallymark.ledger.failure import ASK_AGAIN, Failure
from tallymark.ledger.objects import Object, has_come
from tallymark.ledger.owners import Owners
from tallymark.ledger.task import Task as Task
from tallymark.ledger.task import has_pages, lost, open_tasks, ours, read_task
from tallymark.model import Covered
from tallymark.state import schema
from tallymark.state.database import reading, writing
from tallymark.state.schema import tasks

MAX_DEATHS = 5


class Claims:
    """The tasks that this boot takes: new ones, waiting ones, and those of dead owners."""

    def __init__(self, engine: Engine, boot: Boot, clock: Clock, timeout_s: float) -> None:
        self.engine = engine
        self.boot = boot
        self.timeout_s = timeout_s
        self._clock = clock
        self._owners = Owners(clock, timeout_s, boot.id)

    def start(
        self,
        object: Object,
        start_at: datetime | None,
        end_at: datetime | None,
        revision: int = 1,
        *,
        note: str | None = None,
        states: Sequence[str] = ("active",),
    ) -> Task | None:
        """Claim a span that is due; None where the object has changed since it was read."""
        with writing(self.engine) as tx:
            # the lock on the object's row comes before the look for an open task
            seen = and_(
                schema.objects.c.id == object.id,
                schema.objects.c.version == object.version,
                schema.objects.c.state.in_(states),
            )
            locked = update(schema.objects).where(seen).values(version=object.version)
            is_open = select(tasks.c.id).where(
                tasks.c.object_id == object.id, tasks.c.state.in_(objects.OPEN)
            )
            if tx.execute(locked).rowcount != 1 or tx.execute(is_open).first() is not None:
                return None
            values: dict[str, Any] = {
                "object_id": object.id,
                "start_at": start_at,
                "end_at": end_at,
                "revision": revision,
                "state": "running",
                "owner": self.boot.id,
                "claim_no": 1,
                "note": note,
                "created_at": self._clock.now(),
            }
            task_id = tx.execute(insert(tasks).values(**values).returning(tasks.c.id)).scalar_one()
            return read_task(tx, task_id)

    def resume(self, now: datetime) -> Task | None:
        """Claim a waiting task whose next try has come."""
        ready = and_(
            tasks.c.state == "waiting", has_come(tasks.c.next_try_at, tasks.c.parked_at, now)
        )
        return self._first(ready)

    def claim_lost(self, in_work: Set[int]) -> Task | None:
        """Claim again what is ours but not in work here: the answer to its claim never came."""
        mine = and_(tasks.c.state == "running", tasks.c.owner == self.boot.id)
        return self._first(and_(mine, tasks.c.id.not_in(in_work)))

    def _first(self, condition: ColumnElement[bool]) -> Task | None:
        with reading(self.engine) as conn:
            found = open_tasks(conn, condition)
        for row in found:
            with writing(self.engine) as tx:
                if self._claim(tx, row, deaths=row.deaths):
                    return read_task(tx, row.id)
        return None

    def take_over(self) -> Task | None:
        """Claim a task whose owner is dead; one that keeps killing its process fails for good."""
        with reading(self.engine) as conn:
            found = [row for row in self._of_others(conn) if self._owners.judge(conn, row.owner)]
        for row in found:
            with writing(self.engine) as tx:
                # judged anew in each transaction: the permission outlives none
                death = self._owners.judge(tx, row.owner)
                if death is None:
                    continue
                deaths = row.deaths if death.clean else self._deaths(tx, row) + 1
                if not self._claim(tx, row, deaths=deaths, beat_no=death.beat_no):
                    continue
                task = read_task(tx, row.id)
                if deaths < MAX_DEATHS:
                    return task
                self._bury(tx, task)
        return None

    def observe(self) -> None:
        """Look at the beats of others; must be called more often than half the time-out."""
        with reading(self.engine) as conn:
            self._owners.observe(conn)

    def undecided(self) -> bool:
        """Whether a task runs under an owner of whom we cannot say yet that it lives."""
        with reading(self.engine) as conn:
            return any(not self._owners.lives(row.owner) for row in self._of_others(conn))

    def lost_database(self) -> None:
        """Nobody could beat: wait one time-out before judging anybody."""
        self._owners.forget()

    def reload(self, task: Task) -> Task | None:
        """The task as it stands; None where it is no longer ours or has ended."""
        with reading(self.engine) as conn:
            still = select(tasks.c.id).where(ours(task))
            return None if conn.execute(still).first() is None else read_task(conn, task.id)

    def finish(self, task: Task) -> None:
        """End a task whose handler left it open."""
        # most handlers end their tasks themselves, together with their results
        with suppress(ClaimLost), writing(self.engine) as tx:
            end(tx, task, self._clock.now())

    def _of_others(self, conn: Connection) -> list[SqlRow[Any]]:
        return open_tasks(conn, and_(tasks.c.state == "running", tasks.c.owner != self.boot.id))

    def _claim(
        self, tx: Connection, seen: SqlRow[Any], *, deaths: int, beat_no: int | None = None
    ) -> bool:
        as_seen = [tasks.c.id == seen.id, tasks.c.state == seen.state]
        as_seen.append(tasks.c.claim_no == seen.claim_no)
        if beat_no is not None:
            stands_still = schema.boots.c.beat_no == beat_no
            as_seen.append(exists().where(schema.boots.c.boot == seen.owner, stands_still))
        values: dict[str, Any] = {
            "state": "running",
            "owner": self.boot.id,
            "claim_no": seen.claim_no + 1,
            "deaths": deaths,
            "next_try_at": None,
        }
        return tx.execute(update(tasks).where(*as_seen).values(**values)).rowcount == 1

    def _deaths(self, tx: Connection, row: SqlRow[Any]) -> int:
        """Deaths in a row without progress: a claim that kept a page was not killed by the task."""
        return 0 if has_pages(tx, row.id, claim_no=row.claim_no) else int(row.deaths)

    def _bury(self, tx: Connection, task: Task) -> None:
        now = self._clock.now()
        error = f"its process died {task.deaths} times in a row while it ran"
        advice = f"Look into the log for what ended the process; {ASK_AGAIN}"
        # where there is no span that could be settled, only time keeps it from dying on
        next_try_at = now if task.start_at is not None else now + timedelta(seconds=LONGEST_S)
        failure = Failure(error=error, at=now, next_try_at=next_try_at, advice=advice)
        fail(tx, task, failure, settle=True)


def check(tx: Connection, task: Task) -> None:
    """Lock the task's row for this transaction. Raises: ClaimLost where it is not ours."""
    _update(tx, task, {"state": "running"})


def end(tx: Connection, task: Task, now: datetime) -> None:
    """The task is done; its object is well. Raises: ClaimLost."""
    _update(tx, task, {"state": "done", "ended_at": now, "error": None})
    well = {"attempts": 0, "last_error": None, "advice": None, "failing_since_at": None}
    tx.execute(
        update(schema.objects)
        .where(schema.objects.c.id == task.object.id)
        .values(**well, check_at=now, checked_at=now)
    )


def note(tx: Connection, task: Task, text: str | None) -> None:
    """Keep what the next claim of this task must know. Raises: ClaimLost."""
    _update(tx, task, {"note": text})


def wait(tx: Connection, task: Task, failure: Failure) -> None:
    """Keep the task, with its pages, for a later try. Raises: ClaimLost."""
    _update(
        tx,
        task,
        {
            "state": "waiting",
            "owner": None,
            "next_try_at": failure.next_try_at,
            "parked_at": failure.at,
            "error": failure.error,
        },
    )
    record(tx, task.object.id, failure)


def release(tx: Connection, task: Task, failure: Failure) -> None:
    """Let the claim go: the next try takes what is due then. Raises: ClaimLost."""
    _update(tx, task, {"state": "released", "ended_at": failure.at, "error": failure.error})
    record(tx, task.object.id, failure)


def fail(tx: Connection, task: Task, failure: Failure, *, settle: bool) -> None:
    """End the task for good; `settle`: its span is not asked for again by itself.

    Raises: ClaimLost.
    """
    _update(tx, task, {"state": "failed", "ended_at": failure.at, "error": failure.error})
    if settle and task.start_at is not None and task.end_at is not None:
        failed = Covered(task.start_at, task.end_at, "failed", None, failure.error)
        coverage.write(tx, task.object.id, task.start_at, task.end_at, [failed])
    record(tx, task.object.id, failure)


def _update(tx: Connection, task: Task, values: dict[str, Any]) -> None:
    if tx.execute(update(tasks).where(ours(task)).values(**values)).rowcount != 1:
        raise lost(task)
