"""How an overlay moves a date back: to another date, or to the reason why there is none. Pure."""

from __future__ import annotations

from datetime import date, timedelta

from tallymark.calendar.dates import FIRST_ON, month_start, same_day
from tallymark.calendar.labels import MONTHS
from tallymark.calendar.periods import Calendar

Moved = date | str
"""A date, or why there is none."""

TOO_EARLY = f"it would begin before {FIRST_ON}, where the calendar begins"


def days_back(days: int, on: date) -> Moved:
    return known(on - timedelta(days=days))


def months_back(months: int, on: date) -> Moved:
    """The same day number so many months before."""
    month = month_start(on, -months)
    found = same_day(on, -months)
    if found is None:
        return f"{MONTHS[month.month - 1]} {month.year} has no day {on.day}"
    return known(found)


def week_a_year_back(calendar: Calendar, on: date) -> Moved:
    """The first day of the week of the same number, a year before."""
    year, week = calendar.week_number(on)
    # the fourth of January lies in the first week, wherever weeks start
    first = calendar.first_day("week", date(year - 1, 1, 4)) + timedelta(weeks=week - 1)
    if calendar.week_number(first) != (year - 1, week):
        return f"{year - 1} has no week {week}"
    return known(first)


def known(on: date) -> Moved:
    return on if on >= FIRST_ON else TOO_EARLY
