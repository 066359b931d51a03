"""Why a report's dates are not there yet, in words. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from tallymark.calendar.periods import Calendar
from tallymark.calendar.runs import in_words
from tallymark.calendar.zones import zone
from tallymark.reports.due import calendar_of
from tallymark.reports.runs import Run, asked_until
from tallymark.reports.store import DISABLED, Report
from tallymark.reports.told import upcoming


def why(report: Report, newest: Sequence[Run], workspace: Calendar, now: datetime) -> list[str]:
    """A line for each date that has no file yet, the oldest first, and one for what comes next.

    `newest`: the newest revision of each end date.
    """
    calendar = calendar_of(report.spec, workspace)
    by_date = sorted(newest, key=lambda run: run.end_on)
    lines = [line for run in by_date if (line := _line(run, calendar, now))]
    return [*lines, _next(report, workspace, now, waiting=bool(lines))]


def _line(run: Run, calendar: Calendar, now: datetime) -> str:
    """Empty: its file is there."""
    on = run.end_on
    match run.state:
        case "SUCCESS":
            return ""
        case "PROCESSING":
            return f"makes {on}{_since(run.begun_at, calendar, now)}, attempt {run.attempts}"
        case _ if not run.open:
            advice = f" {run.advice}" if run.advice else ""
            return f"failed for {on}: {run.error}.{advice}"
        case _ if run.waits_for:
            return f"waits for {on}: {run.waits_for}{_waiting(run, calendar, now)}"
        case "RETRY" | "FAILED":
            again = _clock_time(run.check_at, calendar, now)
            return f"tries {on} again at {again}: {run.error} (attempt {run.attempts})"
        case _:
            return f"has yet to look at {on}"


def _waiting(run: Run, calendar: Calendar, now: datetime) -> str:
    since = _since(run.waiting_since_at, calendar, now)
    if run.state != "FAILED":
        return since
    until_on = calendar.date_of(asked_until(run))
    return f"{since}; past its deadline, asked for by the hour until {until_on}"


def _since(at: datetime | None, calendar: Calendar, now: datetime) -> str:
    return f", since {_clock_time(at, calendar, now)}" if at else ""


def _clock_time(at: datetime, calendar: Calendar, now: datetime) -> str:
    """`06:10` of today, else `2026-11-21 06:10`; in the report's zone."""
    local = at.astimezone(zone(calendar.zone))
    today = calendar.date_of(at) == calendar.date_of(now)
    return f"{local:%H:%M}" if today else f"{local:%Y-%m-%d %H:%M}"


def _next(report: Report, workspace: Calendar, now: datetime, *, waiting: bool) -> str:
    if report.status == DISABLED:
        return "is disabled: no date is due until it is enabled"
    runs = upcoming(report, workspace, now)[:1]
    if runs:
        next_run = in_words(runs, calendar_of(report.spec, workspace).zone, now)
        return f"{'next' if waiting else 'waits for nothing; next'} due {next_run}"
    return "runs once" if waiting else "ran once: waits for nothing"
