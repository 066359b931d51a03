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
from tallymark.errors import BadRequest
from tallymark.reports.define import ONCE, ReportSpec

_TICK, _DAY = timedelta(microseconds=1), timedelta(days=1)


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


def ending(spec: ReportSpec, calendar: Calendar, end_on: date) -> Window | None:
    """What the report covers with an end date; None: it is due with no such date."""
    try:
        found = window(spec, calendar, calendar.start_of(end_on + _DAY))
    except BadRequest:
        return None
    return found if found.end_on == end_on else None


def planned_before(spec: ReportSpec, calendar: Calendar, now: datetime) -> datetime:
    """What a new report counts as planned up to: from there on its first date is due."""
    if spec.frequency == ONCE:
        return now - _TICK
    if spec.start_on:
        return calendar.start_of(date.fromisoformat(spec.start_on)) - _TICK
    return Schedule.in_calendar(spec.frequency, calendar).latest(now) - _TICK


def planned_after_change(
    old: ReportSpec,
    new: ReportSpec,
    calendar: Calendar,
    *,
    planned_to_at: datetime,
    changed_at: datetime,
    now: datetime,
) -> datetime:
    """What a report counts as planned up to once it is another; both instants: as it was.

    What another schedule would have had due earlier is not made up.
    """
    if new.start_on and new.start_on != old.start_on:
        return planned_before(new, calendar, now)
    if new.frequency == ONCE and _dates(old) == _dates(new):
        # it runs again only for other dates
        return now if planned_to_at >= changed_at else planned_to_at
    if new.frequency == ONCE:
        return planned_before(new, calendar, now)
    if (old.frequency, old.time_zone) != (new.frequency, new.time_zone):
        return max(planned_to_at, planned_before(new, calendar, now))
    return planned_to_at


def _dates(spec: ReportSpec) -> tuple[str, ...]:
    return spec.frequency, spec.interval, spec.from_on, spec.to_on


def due_dates(
    spec: ReportSpec,
    calendar: Calendar,
    planned_to_at: datetime,
    now: datetime,
    *,
    changed_at: datetime,
) -> list[DueDate]:
    """The dates that came due in `(planned_to_at, now]`, the oldest first, each once.

    `changed_at`: when a report that runs once was configured: it is due from then on, and not
    before its dates have ended.
    """
    ticks = _ticks(spec, calendar, planned_to_at, now, changed_at)
    found: dict[date, DueDate] = {}
    for tick in ticks:
        one = DueDate(tick, window(spec, calendar, tick))
        if one.window.period.start_at == one.window.period.end_at:
            continue  # a date that the zone has left out: nothing ever happened on it
        if not spec.start_on or one.window.end_on >= date.fromisoformat(spec.start_on):
            found.setdefault(one.window.end_on, one)
    return _caught_up(spec, list(found.values()), now)


def next_due_at(spec: ReportSpec, calendar: Calendar, now: datetime) -> datetime | None:
    """The next tick after an instant; None: there is none."""
    if spec.frequency == ONCE:
        end_at = _end_at(spec, calendar)
        return end_at if end_at and end_at > now else None
    return Schedule.in_calendar(spec.frequency, calendar).next_after(now)


def _ticks(
    spec: ReportSpec, calendar: Calendar, after: datetime, now: datetime, changed_at: datetime
) -> Sequence[datetime]:
    if spec.frequency == ONCE:
        at = max(changed_at, _end_at(spec, calendar) or changed_at)
        return [at] if after < at <= now else []
    if after >= now:
        return []
    schedule = Schedule.in_calendar(spec.frequency, calendar)
    periods = schedule.periods(after, now + _TICK)
    ticks = [p.start_at for p in periods if after < p.start_at <= now]
    return ticks[-1:] if spec.catch_up == "none" else ticks


def _end_at(spec: ReportSpec, calendar: Calendar) -> datetime | None:
    """When the dates that a report names have ended."""
    return calendar.start_of(date.fromisoformat(spec.to_on) + _DAY) if spec.to_on else None


def _caught_up(spec: ReportSpec, found: list[DueDate], now: datetime) -> list[DueDate]:
    """Without what the catch-up policy passes over, as `ledger.due` does for what is collected."""
    if spec.catch_up in ("all", "none") or spec.frequency == ONCE:
        return found
    if spec.catch_up == "latest":
        return found[-1:]
    age = parse_duration(spec.catch_up)
    return [one for one in found if one.due_at > now - age]
