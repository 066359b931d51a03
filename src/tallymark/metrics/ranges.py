"""Which range a question is about: a named interval, or two ends. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime

from tallymark.calendar.dates import FIRST_ON
from tallymark.calendar.intervals import Interval, bounds, interval
from tallymark.calendar.periods import Calendar
from tallymark.errors import BadRequest


@dataclass(frozen=True, slots=True)
class Range:
    """Half-open; `interval` where it was named."""

    from_at: datetime
    to_at: datetime
    interval: Interval | None = None


def range_of(name: str, from_text: str, to_text: str, calendar: Calendar, now: datetime) -> Range:
    """Either an interval as of now, or both ends.

    Raises: BadRequest for both and for neither; for what `named_range` and `asked_range` refuse.
    """
    if name and (from_text or to_text):
        raise BadRequest("`interval` names the whole range: leave `from` and `to` out, or it")
    if name:
        return named_range(name, calendar, now)
    for text, end in ((from_text, "from"), (to_text, "to")):
        if not text:
            raise BadRequest(
                f"`{end}` is missing: a range is `from` and `to`, or an `interval` such as 28d"
            )
    return Range(*asked_range(from_text, to_text, calendar))


def named_range(name: str, calendar: Calendar, now: datetime) -> Range:
    """Raises: BadRequest for an unknown name, and where no day of the interval ever was."""
    found = interval(name, calendar, now)
    span = bounds(calendar, found.first_on, found.last_on)
    if span.start_at == span.end_at:
        raise _never_was(found.name, found.first_on, calendar)
    return Range(span.start_at, span.end_at, found)


def asked_range(from_text: str, to_text: str, calendar: Calendar) -> tuple[datetime, datetime]:
    """What `from` and `to` mean: a date of the workspace's zone, or an instant with its offset.

    A date as `to` is the last day that is included; an instant is excluded.
    Raises: BadRequest for what is neither, for an empty range, and for one before 1980.
    """
    first, last = _end(from_text, "from"), _end(to_text, "to")
    from_at = _since_first(first, from_text, calendar)
    to_at = last if isinstance(last, datetime) else calendar.end_of(last)
    if first == last and from_at == to_at and isinstance(first, date):
        raise _never_was("the range", first, calendar)
    if to_at <= from_at:
        raise BadRequest(f"`to` ({to_text}) lies before `from` ({from_text})")
    return from_at, to_at


def _never_was(what: str, on: date, calendar: Calendar) -> BadRequest:
    return BadRequest(
        f"{what} is {on}, which never was in {calendar.zone}: its clocks skipped that day"
    )


def _since_first(first: date | datetime, text: str, calendar: Calendar) -> datetime:
    begins_at = calendar.start_of(FIRST_ON)
    early = first < begins_at if isinstance(first, datetime) else first < FIRST_ON
    if early:
        raise BadRequest(f"`from` ({text}) lies before {FIRST_ON}, where the calendar begins")
    return first if isinstance(first, datetime) else calendar.start_of(first)


def _end(text: str, name: str) -> date | datetime:
    text = text.strip()
    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
            return date.fromisoformat(text)
        # "+" in a query string arrives as a blank
        at = datetime.fromisoformat(re.sub(r" (\d{2}:?\d{2})$", r"+\1", text))
        if at.tzinfo is not None:
            return at
    except ValueError:
        pass
    raise BadRequest(
        f"`{name}` is {text!r}: write a date such as 2026-11-22, or an instant with its offset "
        "such as 2026-11-22T14:00:00Z"
    )
