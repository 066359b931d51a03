"""Named ranges of dates: `LAST_MONTH`, `28d`, `ytd`, `P3M`. Pure; docs/calendar.md has the rule."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from typing import Literal

from tallymark.calendar.dates import month_start, nearest_day, since_first
from tallymark.calendar.names import lookup, nearest
from tallymark.calendar.periods import Calendar
from tallymark.errors import BadRequest
from tallymark.model import Grain, Period

Through = Literal["today", "yesterday"]
Dates = tuple[date, date]
Rule = Callable[[Calendar, date], Dates]

_DAY = timedelta(days=1)
_ISO = re.compile(r"P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Interval:
    """Whole days of the calendar, both ends included."""

    name: str
    first_on: date
    last_on: date
    grain: Grain | None = None
    """Where the interval is one period: its grain."""


def _days(count: int, calendar: Calendar, today: date) -> Dates:
    return today - count * _DAY, today - _DAY


def _months(count: int, calendar: Calendar, today: date) -> Dates:
    return month_start(today, -count), month_start(today) - _DAY


def _last(grain: Grain, calendar: Calendar, today: date) -> Dates:
    last = calendar.first_day(grain, today) - _DAY
    return calendar.first_day(grain, last), last


def _to_date(grain: Grain, calendar: Calendar, today: date) -> Dates:
    return calendar.first_day(grain, today), today


def _running_months(count: int, calendar: Calendar, today: date) -> Dates:
    return month_start(today, 1 - count), today


_ENDED: Mapping[str, Rule] = {
    "YESTERDAY": partial(_days, 1),
    "LAST_7_DAYS": partial(_days, 7),
    "7d": partial(_days, 7),
    "28d": partial(_days, 28),
    "LAST_30_DAYS": partial(_days, 30),
    "91d": partial(_days, 91),
    "LAST_WEEK": partial(_last, "week"),
    "LAST_MONTH": partial(_last, "month"),
    "LAST_QUARTER": partial(_last, "quarter"),
    "LAST_YEAR": partial(_last, "year"),
    "LAST_3_MONTHS": partial(_months, 3),
    "LAST_6_MONTHS": partial(_months, 6),
    "12m": partial(_months, 12),
}
_RUNNING: Mapping[str, Rule] = {
    "mtd": partial(_to_date, "month"),
    "qtd": partial(_to_date, "quarter"),
    "ytd": partial(_to_date, "year"),
    "13m": partial(_running_months, 13),
}
_PERIODS: Mapping[str, Grain] = {
    "YESTERDAY": "day",
    "LAST_WEEK": "week",
    "LAST_MONTH": "month",
    "LAST_QUARTER": "quarter",
    "LAST_YEAR": "year",
}

INTERVALS: tuple[str, ...] = (*_ENDED, *_RUNNING)
"""Every fixed name as it is spelled; ISO durations such as `P7D` come on top."""


def interval(
    name: str, calendar: Calendar, now: datetime, *, through: Through = "today"
) -> Interval:
    """What a name means at an instant; capitals or not.

    `through`: where running intervals end. Those of reports end yesterday.
    Raises: BadRequest for an unknown name, with the nearest right ones; before 1980.
    """
    today = calendar.date_of(now)
    found = lookup(name, INTERVALS)
    if found is None:
        return _iso(name, today)
    if found in _ENDED:
        dates = _ENDED[found](calendar, today)
    else:
        # as of yesterday: on a period's first day that is the whole period before
        dates = _RUNNING[found](calendar, today if through == "today" else today - _DAY)
    return Interval(found, since_first(dates[0]), dates[1], _PERIODS.get(found))


def bounds(calendar: Calendar, first_on: date, last_on: date) -> Period:
    """From the start of a date to the end of another, whether these dates ever were.

    Raises: BadRequest where the range ends before it starts, or begins before 1980.
    """
    if last_on < first_on:
        raise BadRequest(f"the range ends on {last_on}, before it starts on {first_on}")
    return Period(calendar.start_of(since_first(first_on)), calendar.end_of(last_on))


def _iso(name: str, today: date) -> Interval:
    text = name.strip().upper()
    found = _ISO.fullmatch(text)
    if found is None or text == "P":
        raise BadRequest(_unknown(name, text))
    try:
        years, months, weeks, days = (int(part or 0) for part in found.groups())
        first = nearest_day(today, -12 * years - months) - timedelta(weeks=weeks, days=days)
    except (ValueError, OverflowError):
        first = date.min  # before the year 1, where Python's dates begin
    if first == today:
        raise BadRequest(f"{name!r} is no time at all: write at least one day, such as P7D")
    return Interval(text, since_first(first), today - _DAY)


def _unknown(name: str, text: str) -> str:
    if re.fullmatch(r"P[\d.,YMWD]*T.*", text):
        return (
            f"{name!r} has a time part: intervals are whole days, such as P1D, P7D, P2W, P3M or P1Y"
        )
    return (
        f"there is no interval {name!r}: {nearest(name, (*INTERVALS, 'P7D', 'P2W', 'P3M', 'P1Y'))}"
    )
