"""Months on dates: the first of one, the same day of another. Pure."""

from __future__ import annotations

from datetime import date, timedelta

from tallymark.errors import BadRequest

FIRST_ON = date(1980, 1, 1)
"""The first date that can be asked for."""

_ONE_DAY = timedelta(days=1)


def month_start(on: date, months: int = 0) -> date:
    """The first day of the month so many months after that of a date."""
    index = on.year * 12 + on.month - 1 + months
    return date(index // 12, index % 12 + 1, 1)


def month_end(on: date, months: int = 0) -> date:
    """The last day of the month so many months after that of a date."""
    return month_start(on, months + 1) - _ONE_DAY


def same_day(on: date, months: int) -> date | None:
    """The same day number so many months later; None where that month lacks it."""
    last = month_end(on, months)
    return last.replace(day=on.day) if on.day <= last.day else None


def nearest_day(on: date, months: int) -> date:
    """The same day number so many months later, or the last day of a shorter month."""
    return same_day(on, months) or month_end(on, months)


def since_first(on: date) -> date:
    """The date itself. Raises: BadRequest before 1980."""
    if on < FIRST_ON:
        raise BadRequest(
            f"{on} lies before {FIRST_ON}, where the calendar begins: before it hours of some "
            "zones did not start on a quarter of an hour"
        )
    return on
