"""A report's runs as work of the ledger.

due ─▶ dates that came due get their run ─▶ the oldest that may be looked at
run ─▶ data there? ──no──▶ noted what it waits for, no task is left, the next date's turn
         │ report.begun       PROCESSING
         │ report.spooled     asked, and written to scratch; what was read stood still
         │ publish            backups, puts, manifest (`publish.py`)
         └ report.noted       SUCCESS, its files and the end of the task, in one transaction
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from tallymark.errors import ClaimLost, EngineAway, RetryableError, TallymarkError
from tallymark.ledger.backoff import LONGEST_S, next_try
from tallymark.ledger.failure import is_fatal, storable
from tallymark.ledger.handler import Due
from tallymark.ledger.objects import Object
from tallymark.ledger.task import Task, drop, leave
from tallymark.reports import runs, store
from tallymark.reports.attempt import Attempt, NotReady
from tallymark.reports.due import calendar_of, due_dates, next_due_at
from tallymark.reports.parts import Parts
from tallymark.reports.runs import Run
from tallymark.reports.standing import put_back, standing
from tallymark.reports.store import Report
from tallymark.reports.stranded import note_stranded
from tallymark.reports.tend import Tend
from tallymark.state.database import database_gone, reading, writing

log = logging.getLogger(__name__)

HOUR = timedelta(hours=1)
LOOK_S, LONGEST_LOOK_S = 30.0, 300.0
"""Between two looks at data that is not there; longer, the longer it has not been."""
STILL_ASKED = "It is asked for by the hour, and made when its data comes within 30 days."
GIVEN_UP = "Nobody asks for it any more: regenerate the date when its data is there."


@dataclass(frozen=True)
class Generator:
    """Makes the reports. Every failure is noted on its run, and holds up no other date."""

    parts: Parts
    look_s: float = LOOK_S

    @property
    def tend(self) -> Tend:
        return Tend(self.parts)

    def due(self, object: Object, now: datetime) -> Due:
        with reading(self.parts.database) as conn:
            report = store.get(conn, object.source)
        self._plan(report, now)
        for _ in range(2):
            with reading(self.parts.database) as conn:
                run = runs.first_open(conn, report.report_id, now)
                look_at = runs.next_look_at(conn, report.report_id)
            if run is None or run.state != "PROCESSING":
                break
            note_stranded(self.parts.database, object, run, now)
        if run is not None:
            return Due([(run.start_at, run.end_at)], now, run.revision)
        tend_at = self.tend.due_at(report, now)
        if tend_at <= now:
            return Due([(None, None)], now)
        tick_at = next_due_at(report.spec, calendar_of(report.spec, self.parts.calendar), now)
        return Due([], min(at for at in (look_at, tick_at, tend_at) if at is not None))

    def run(self, task: Task) -> None:
        with reading(self.parts.database) as conn:
            report = store.get(conn, task.object.source)
            run = task.start_at and runs.of_task(
                conn, report.report_id, task.start_at, task.end_at, task.revision
            )
        if task.start_at is None:
            self.tend.run(task, report)
        elif run:
            self._run(task, report, run)
        else:
            # its date was closed meanwhile
            with writing(self.parts.database) as tx:
                drop(tx, task, self.parts.clock.now())

    def _plan(self, report: Report, now: datetime) -> None:
        calendar = calendar_of(report.spec, self.parts.calendar)
        found = due_dates(
            report.spec, calendar, report.planned_to_at, now, changed_at=report.changed_at
        )
        if not found:
            return
        with writing(self.parts.database) as tx:
            if store.planned(tx, report, now):
                deadline = timedelta(seconds=report.spec.deadline_s)
                runs.add(tx, report.report_id, found, deadline, now)

    def _run(self, task: Task, report: Report, run: Run) -> None:
        attempt = Attempt(self.parts, task, report, run)
        try:
            attempt.make()
        except ClaimLost:
            raise
        except (NotReady, EngineAway) as error:
            self._wait(attempt, storable(str(error)), told=run.state == "FAILED")
        except Exception as error:
            # whatever it is, it is noted on its run: the next date has its turn
            if database_gone(error):
                raise
            self._failed(attempt, error)

    def _wait(self, attempt: Attempt, waits_for: str, *, told: bool) -> None:
        """It uses up no attempt; at the deadline it says so, once. `told`: it has."""
        run, now = attempt.run, self.parts.clock.now()
        late = now >= run.deadline_at
        values = {
            "state": "FAILED" if late else "RETRY" if attempt.attempts else "SUBMITTED",
            "attempts": attempt.attempts,
            "waits_for": waits_for,
            "waiting_since_at": run.waiting_since_at or now,
            "memory": dict(attempt.memory),
            **self._next_look(run, self._pause(run, now), now),
        }
        error = f"at its deadline it still waited: {waits_for}"
        says_so = late and not told
        if says_so:
            values |= {"error": error, "advice": STILL_ASKED, "ended_at": now}
        if not values["open"]:
            values["advice"] = GIVEN_UP
        with writing(self.parts.database) as tx:
            found = standing(tx, attempt.report, run)
            drop(tx, attempt.task, now)
            put = put_back(tx, found, run, values, now)
        if says_so and put:
            log.warning("report %s of %s: %s", run.report_id, run.end_on, error)

    def _failed(self, attempt: Attempt, error: Exception) -> None:
        run, now = attempt.run, self.parts.clock.now()
        expected = isinstance(error, TallymarkError | OSError)
        text = storable(str(error) if expected and str(error) else repr(error))
        log.warning("report %s of %s: %s", run.report_id, run.end_on, text, exc_info=not expected)
        fatal, late = is_fatal(error), now >= run.deadline_at
        after_s = error.retry_after_s if isinstance(error, RetryableError) else None
        tried_at = next_try(max(run.attempts, 1), 4 * LONGEST_S, now, after_s)
        values = {
            "state": "FAILED" if fatal or late else "RETRY",
            "error": text,
            "advice": "Mend its cause and regenerate the date." if fatal else None,
            "waits_for": None,
            "ended_at": now,
            "seconds": attempt.seconds,
            **self._next_look(run, tried_at - now, now),
        }
        if fatal:
            values["open"] = 0
        with writing(self.parts.database) as tx:
            found = standing(tx, attempt.report, run)
            leave(tx, attempt.task, text, now)
            put_back(tx, found, run, values, now)

    def _pause(self, run: Run, now: datetime) -> timedelta:
        waited_s = (now - (run.waiting_since_at or now)).total_seconds()
        return timedelta(seconds=max(self.look_s, min(waited_s / 10, LONGEST_LOOK_S)))

    def _next_look(self, run: Run, pause: timedelta, now: datetime) -> dict[str, object]:
        late = now >= run.deadline_at
        over = now >= runs.asked_until(run)
        check_at = now + (max(pause, HOUR) if late else pause)
        return {"check_at": check_at, "checked_at": now, "open": int(not over)}
