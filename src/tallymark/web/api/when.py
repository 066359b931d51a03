"""`from` and `to`: a date of the workspace's zone, or an instant. Pure."""

from __future__ import annotations

from datetime import UTC, date, datetime

from tallymark.calendar.periods import Calendar
from tallymark.errors import BadRequest

RIGHT = "a date such as 2026-08-03, or an instant with its offset such as 2026-08-03T14:00:00Z"


def start(calendar: Calendar, text: str) -> datetime:
    """A date's first instant, or the instant itself."""
    found = _read("from", text)
    return found if isinstance(found, datetime) else _day(calendar, "from", found)[0]


def end(calendar: Calendar, text: str) -> datetime:
    """The end of a date's day, which is thereby included, or the instant, which is not."""
    found = _read("to", text)
    return found if isinstance(found, datetime) else _day(calendar, "to", found)[1]


def _read(name: str, text: str) -> date | datetime:
    try:
        if len(text) == 10:
            return date.fromisoformat(text)
        # In a query an unquoted plus arrives as a space.
        at = datetime.fromisoformat(text.replace(" ", "+"))
    except ValueError:
        raise BadRequest(f"{name} {text!r} is not {RIGHT}") from None
    if at.tzinfo is None:
        raise BadRequest(f"{name} {text!r} has no offset: append Z for UTC, or give {RIGHT}")
    return at.astimezone(UTC)


def _day(calendar: Calendar, name: str, on: date) -> tuple[datetime, datetime]:
    try:
        period = calendar.day(on)
    except ValueError as error:
        raise BadRequest(f"{name} {on}: {error}") from None
    return period.start_at, period.end_at
