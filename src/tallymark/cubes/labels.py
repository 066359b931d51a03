"""Streams whose rows carry only a day's label: which workspace day a label belongs to. Pure.

Such a row's `ts` is midnight UTC of its label. It counts in the workspace day *of the same label*,
whatever the workspace's zone; a label that never was a day there counts in the next one that was.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from tallymark.calendar.periods import Calendar
from tallymark.model import Period

DAY = timedelta(days=1)
_TICK = timedelta(microseconds=1)


def day_of(calendar: Calendar, label: date) -> Period:
    """The workspace day in which a label counts."""
    while True:
        try:
            return calendar.day(label)
        except ValueError:
            label += DAY


def labels(calendar: Calendar, days: Period) -> Period:
    """The labels that count in whole workspace days, as the span of their midnights UTC."""
    first = calendar.date_of(days.start_at - _TICK) + DAY
    last = calendar.date_of(days.end_at - _TICK)
    return Period(midnight(first), midnight(last + DAY))


def midnight(label: date) -> datetime:
    return datetime.combine(label, time(), UTC)
