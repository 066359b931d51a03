"""A time as people write it: an instant with its offset, or the local clock's. Pure."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime

from tallymark.calendar.dates import since_first
from tallymark.calendar.offsets import EPOCH, SECOND
from tallymark.calendar.periods import Calendar, instant
from tallymark.errors import BadRequest


def moment_of(text: str, calendar: Calendar) -> datetime:
    """The instant: with an offset as it stands, else by the zone's clock; of a date its start.

    A local time that comes twice is the first, one that was left out is the end of the gap.
    Raises: BadRequest for what is neither, a date that never was, and before 1980.
    """
    at = _read(text.strip(), calendar)
    since_first(calendar.date_of(at))
    return at


def _read(text: str, calendar: Calendar) -> datetime:
    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
            return _start(date.fromisoformat(text), calendar)
        found = datetime.fromisoformat(text)
        if found.tzinfo is not None:
            return found.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise BadRequest(
            f"{text!r} is no time: write a date such as 2026-11-22, a local time such as "
            "2026-11-22T14:00, or an instant with its offset such as 2026-11-22T14:00:00Z"
        ) from error
    wall = found.replace(tzinfo=UTC) - EPOCH
    return instant(calendar.offsets.first(wall // SECOND))


def _start(on: date, calendar: Calendar) -> datetime:
    try:
        return calendar.day(on).start_at
    except ValueError as error:
        raise BadRequest(str(error)) from error
