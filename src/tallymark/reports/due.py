"""Which end dates a report is due for. Pure.

A date is due at a tick of the schedule, and is known by the last day of the interval as of that
tick: two ticks with one end date are one date.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from tallymark.calendar.intervals import bounds, interval
from tallymark.calendar.periods import Calendar
from tallymark.calendar.schedule import Schedule, parse_duration
from tallymark.engines import Window
from tallymark.reports.define import ONCE, ReportSpec

_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class DueDate:
    """An end date, and the instant from which on it is due."""

    due_at: datetime
    window: Window


def calendar_of(spec: ReportSpec, workspace: Calendar) -> Calendar:
    """The workspace's calendar, in the report's zone where it has one."""
    return replace(workspace, zone=spec.time_zone) if spec.time_zone else workspace


def window(spec: ReportSpec, calendar: Calendar, at: datetime) -> Window:
    """What the report covers if it is due at an instant. Raises: BadRequest before 1980."""
    if spec.interval:
        found = interval(spec.interval, calendar, at, through="yesterday")
        first_on, end_on = found.first_on, found.last_on
    else:
        first_on, end_on = date.fromisoformat(spec.from_on), date.fromisoformat(spec.to_on)
    period = bounds(calendar, first_on, end_on)
    return Window(first_on=first_on, end_on=end_on, period=period, calendar=calendar)


def planned_before(spec: ReportSpec, calendar: Calendar, now: datetime) -> datetime:
    """What a new report counts as planned up to: from there on its first date is due."""
    if spec.frequency == ONCE:
        return now - _TICK
    if spec.start_on:
        return calendar.start_of(date.fromisoformat(spec.start_on)) - _TICK
    return Schedule.in_calendar(spec.frequency, calendar).latest(now) - _TICK


def due_dates(
    spec: ReportSpec,
    calendar: Calendar,
    planned_to_at: datetime,
    now: datetime,
    *,
    changed_at: datetime,
) -> list[DueDate]:
    """The dates that came due in `(planned_to_at, now]`, the oldest first, each once.

    `changed_at`: when a report that runs once was configured: it is due from then on.
    """
    ticks = _ticks(spec, calendar, planned_to_at, now, changed_at)
    found: dict[date, DueDate] = {}
    for tick in ticks:
        one = DueDate(tick, window(spec, calendar, tick))
        if one.window.period.start_at == one.window.period.end_at:
            continue  # a date that the zone has left out: nothing ever happened on it
        if not spec.start_on or one.window.end_on >= date.fromisoformat(spec.start_on):
            found.setdefault(one.window.end_on, one)
    return _caught_up(spec, calendar, list(found.values()), now)


def next_due_at(spec: ReportSpec, calendar: Calendar, now: datetime) -> datetime | None:
    """The next tick after an instant; None: there is none."""
    if spec.frequency == ONCE:
        return None
    return Schedule.in_calendar(spec.frequency, calendar).next_after(now)


def _ticks(
    spec: ReportSpec, calendar: Calendar, after: datetime, now: datetime, changed_at: datetime
) -> Sequence[datetime]:
    if spec.frequency == ONCE:
        return [changed_at] if after < changed_at <= now else []
    if after >= now:
        return []
    schedule = Schedule.in_calendar(spec.frequency, calendar)
    periods = schedule.periods(after, now + _TICK)
    return [p.start_at for p in periods if after < p.start_at <= now]


def _caught_up(
    spec: ReportSpec, calendar: Calendar, found: list[DueDate], now: datetime
) -> list[DueDate]:
    """Without what the catch-up policy passes over, as `ledger.due` does for what is collected."""
    if spec.catch_up == "all" or spec.frequency == ONCE:
        return found
    if spec.catch_up == "latest":
        return found[-1:]
    if spec.catch_up == "none":
        schedule = Schedule.in_calendar(spec.frequency, calendar)
        age = timedelta(seconds=schedule.step_s)
    else:
        age = parse_duration(spec.catch_up)
    return [one for one in found if one.due_at > now - age]
