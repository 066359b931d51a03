"""Each end date's runs: what they wait for, how they went, what they made.

SUBMITTED ─▶ PROCESSING ─▶ SUCCESS
    ▲             ├──────▶ RETRY ─▶ PROCESSING …
    └─ waits ─┘   └──────▶ FAILED      late: asked for by the hour up to 30 days (`open`)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, exists, func, insert, select, update

from tallymark.engines import Window
from tallymark.ledger.objects import has_come
from tallymark.reports.due import DueDate
from tallymark.state.schema import report_files, report_runs

LATE_FOR = timedelta(days=30)
"""How long after it was due a date is asked for."""
NOT_DUE = "the report was changed, and is not due with this end date any more"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One revision of one end date."""

    id: int
    report_id: str
    first_on: str
    end_on: str
    start_at: datetime
    end_at: datetime
    revision: int
    state: str
    open: bool
    due_at: datetime
    made_at: datetime
    deadline_at: datetime
    check_at: datetime
    waits_for: str | None
    waiting_since_at: datetime | None
    attempts: int
    begun_at: datetime | None
    ended_at: datetime | None
    seconds: float | None
    rows: int | None
    bytes: int | None
    error: str | None
    advice: str | None
    location: str | None
    sha256: str | None
    warnings: tuple[str, ...]
    reason: str | None
    memory: dict[str, str]


def add(
    tx: Connection,
    report_id: str,
    dates: Iterable[DueDate],
    deadline: timedelta,
    now: datetime,
) -> None:
    """A first revision for each date that has none."""
    wanted = {str(one.window.end_on): one for one in dates}
    if not wanted:
        return
    mine = and_(report_runs.c.report_id == report_id, report_runs.c.end_on.in_(list(wanted)))
    there = set(tx.execute(select(report_runs.c.end_on).where(mine)).scalars())
    new = [_fresh(report_id, one, deadline, now) for on, one in wanted.items() if on not in there]
    if new:
        tx.execute(insert(report_runs), new)


def _fresh(report_id: str, one: DueDate, deadline: timedelta, now: datetime) -> dict[str, Any]:
    return {
        "report_id": report_id,
        **_covering(one.window),
        "revision": 1,
        "due_at": one.due_at,
        "deadline_at": max(one.due_at, now) + deadline,
        **_submitted(now),
    }


def again(
    tx: Connection, run: Run, window: Window, reason: str, deadline: timedelta, now: datetime
) -> None:
    """The next revision of a run's end date. `window`: what the report covers with it now."""
    values = {"report_id": run.report_id, "revision": run.revision + 1, "reason": reason}
    values |= {"due_at": now, "deadline_at": now + deadline, **_covering(window)}
    tx.execute(insert(report_runs).values(**values, **_submitted(now)))


def recut(
    tx: Connection, report_id: str, covers: Callable[[date], Window | None], now: datetime
) -> None:
    """What is still to come covers what the report, which was changed, covers with its end date."""
    for run in open_runs(tx, report_id):
        window = covers(date.fromisoformat(run.end_on))
        if window is None:
            change(tx, run.id, state="FAILED", open=0, ended_at=now, error=NOT_DUE, advice=None)
        else:
            # what was noted at earlier looks may be of other data
            soon = {"check_at": now, "checked_at": now, "memory": {}}
            change(tx, run.id, **_covering(window), **soon)


def _covering(window: Window) -> dict[str, Any]:
    return {
        "first_on": str(window.first_on),
        "end_on": str(window.end_on),
        "start_at": window.period.start_at,
        "end_at": window.period.end_at,
    }


def _submitted(now: datetime) -> dict[str, Any]:
    return {
        "state": "SUBMITTED",
        "open": 1,
        "made_at": now,
        "check_at": now,
        "checked_at": now,
        "warnings": [],
        "memory": {},
    }


def first_open(conn: Connection, report_id: str, now: datetime) -> Run | None:
    """The oldest date that is to be looked at now."""
    come = has_come(report_runs.c.check_at, report_runs.c.checked_at, now)
    return _first(conn, and_(_open(report_id), come))


def next_look_at(conn: Connection, report_id: str) -> datetime | None:
    """When the next of the open dates is to be looked at; None: none is open."""
    return conn.execute(select(func.min(report_runs.c.check_at)).where(_open(report_id))).scalar()


def of_task(
    conn: Connection, report_id: str, start_at: datetime, end_at: datetime | None, revision: int
) -> Run | None:
    """The open run that a task of the ledger stands for."""
    return _first(
        conn,
        and_(
            _open(report_id),
            report_runs.c.start_at == start_at,
            report_runs.c.end_at == end_at,
            report_runs.c.revision == revision,
        ),
    )


def of_report(conn: Connection, report_id: str, *, limit: int | None = None) -> list[Run]:
    """All revisions, the newest end date first."""
    newest_first = (report_runs.c.end_on.desc(), report_runs.c.revision.desc())
    found = select(report_runs).where(report_runs.c.report_id == report_id)
    rows = conn.execute(found.order_by(*newest_first).limit(limit))
    return [_run(row) for row in rows]


def open_runs(conn: Connection, report_id: str) -> list[Run]:
    """What is still to come, the oldest end date first."""
    rows = conn.execute(select(report_runs).where(_open(report_id)).order_by(*_OLDEST_FIRST))
    return [_run(row) for row in rows]


def of_dates(conn: Connection, report_id: str, from_on: str, to_on: str) -> list[Run]:
    """The newest revision of each end date of a range, both ends included, the oldest first; where
    one is still to come, that one."""
    mine = and_(
        report_runs.c.report_id == report_id,
        report_runs.c.end_on >= from_on,
        report_runs.c.end_on <= to_on,
    )
    last_of_each = (report_runs.c.end_on, report_runs.c.open, report_runs.c.revision)
    rows = conn.execute(select(report_runs).where(mine).order_by(*last_of_each))
    return list({run.end_on: run for run in map(_run, rows)}.values())


def newest_success(conn: Connection, report_id: str) -> str | None:
    """The newest end date whose file is there; None: there is none."""
    mine = and_(report_runs.c.report_id == report_id, report_runs.c.state == "SUCCESS")
    file = exists().where(report_files.c.run_id == report_runs.c.id, report_files.c.present == 1)
    return conn.execute(select(func.max(report_runs.c.end_on)).where(mine, file)).scalar()


def last_successes(conn: Connection, report_id: str, limit: int) -> list[Run]:
    """Of the newest end dates that have their file the revision that made it, the newest first.

    Left out are dates of which a revision is still to come: what lies there may be its own.
    """
    other = report_runs.alias()
    later = (other.c.state == "SUCCESS") & (other.c.revision > report_runs.c.revision)
    same_date = (other.c.report_id == report_id) & (other.c.end_on == report_runs.c.end_on)
    outdated = select(other.c.id).where(same_date, (other.c.open == 1) | later).exists()
    mine = and_(report_runs.c.report_id == report_id, report_runs.c.state == "SUCCESS")
    found = select(report_runs).where(mine, ~outdated).order_by(report_runs.c.end_on.desc())
    return [_run(row) for row in conn.execute(found.limit(limit))]


def asked_until(run: Run) -> datetime:
    """One that is made again is due once more."""
    return max(run.due_at, run.made_at) + LATE_FOR


def closed(conn: Connection, report_id: str) -> frozenset[int]:
    """The ids of runs that are not asked for any more."""
    mine = and_(report_runs.c.report_id == report_id, report_runs.c.open == 0)
    return frozenset(conn.execute(select(report_runs.c.id).where(mine)).scalars())


def change(tx: Connection, run_id: int, **values: Any) -> None:
    """Set columns of a run; its task is locked in the same transaction."""
    tx.execute(update(report_runs).where(report_runs.c.id == run_id).values(**values))


def hurry(tx: Connection, report_id: str, now: datetime) -> int:
    """Let all open dates be looked at now; how many there are."""
    soon = {"check_at": now, "checked_at": now}
    return tx.execute(update(report_runs).where(_open(report_id)).values(**soon)).rowcount


_OLDEST_FIRST = (report_runs.c.end_on, report_runs.c.revision)


def _open(report_id: str) -> ColumnElement[bool]:
    return and_(report_runs.c.report_id == report_id, report_runs.c.open == 1)


def _first(conn: Connection, wanted: ColumnElement[bool]) -> Run | None:
    found = select(report_runs).where(wanted).order_by(*_OLDEST_FIRST).limit(1)
    row = conn.execute(found).one_or_none()
    return None if row is None else _run(row)


def _run(row: Row[Any]) -> Run:
    values = {name: getattr(row, name) for name in Run.__dataclass_fields__}
    values["open"] = bool(values["open"])
    values["warnings"] = tuple(values["warnings"])
    return Run(**values)
