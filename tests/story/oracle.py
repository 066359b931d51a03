"""What a series must say, worked out from the table's rows in plain Python with zoneinfo.

It shares nothing with the calendar and the cubes of the program.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)
GRAINS = ("hour", "day", "week", "month", "quarter", "year")

Rows = Sequence[dict[str, Any]]


@dataclass(frozen=True)
class Span:
    """A bucket: its instants, and the local dates of its first day and the day after its last."""

    start_at: datetime
    end_at: datetime
    first: date
    after: date


def spans(grain: str, zone: str, first: date, last: date) -> list[Span]:
    """All buckets that overlap the local days from `first` to `last`."""
    if grain == "hour":
        return _hours(zone, first, last)
    day, found = _first_day(grain, first), []
    while day <= last:
        after = _next_first_day(grain, day)
        found.append(Span(_midnight(day, zone), _midnight(after, zone), day, after))
        day = after
    return found


def _hours(zone: str, first: date, last: date) -> list[Span]:
    at, end_at = _midnight(first, zone), _midnight(last + DAY, zone)
    hours = [at + HOUR * n for n in range(round((end_at - at) / HOUR))]
    return [Span(h, h + HOUR, h.astimezone(ZoneInfo(zone)).date(), last) for h in hours]


def _first_day(grain: str, day: date) -> date:
    match grain:
        case "day":
            return day
        case "week":
            return day - timedelta(days=day.weekday())
        case "month":
            return day.replace(day=1)
        case "quarter":
            return day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1)
        case _:
            return day.replace(month=1, day=1)


def _next_first_day(grain: str, day: date) -> date:
    longest = {"day": 1, "week": 7, "month": 31, "quarter": 92, "year": 366}[grain]
    return _first_day(grain, day + timedelta(days=longest))


def _midnight(day: date, zone: str) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)).astimezone(UTC)


# -- values ------------------------------------------------------------------------------------


def totals(rows: Rows, span: Span, value: Callable[[dict[str, Any]], int]) -> int | None:
    """The sum over rows with true instants; None where there is none."""
    found = [value(row) for row in rows if span.start_at <= row["ts"] < span.end_at]
    return sum(found) if found else None


def labelled(rows: Rows, span: Span) -> int | None:
    """The sum over rows that carry a day's label, which counts in the day of the same label."""
    found = [row["downloads"] for row in rows if span.first <= row["ts"].date() < span.after]
    return sum(found) if found else None


def last(rows: Rows, span: Span, field: str, subjects: Iterable[str]) -> int | None:
    """The sum of what each subject showed last; None where one has no reading in the bucket."""
    found = [_last_of(rows, subject, span) for subject in subjects]
    return None if None in found else sum(row[field] for row in found if row)


def increase(
    rows: Rows, span: Span, field: str, subjects: Iterable[str], now: datetime
) -> int | None:
    """The last reading less the one before the bucket; None unless each is of its UTC day: the
    one that holds the bucket's end (or now), and the one that holds the instant before it."""
    total = 0
    for subject in subjects:
        mine = [row for row in rows if row["repo"] == subject]
        before = max((r for r in mine if r["ts"] < span.start_at), key=_ts, default=None)
        after = _last_of(mine, subject, span)
        wanted = min(span.end_at, now) - timedelta(microseconds=1)
        if before is None or after is None or before["ts"] < _utc_day(span.start_at):
            return None
        if span.end_at <= now and after["ts"] < wanted.replace(hour=0, minute=0, second=0):
            return None
        total += after[field] - before[field]
    return total


def _utc_day(end_at: datetime) -> datetime:
    """The start of the UTC day that holds the instant right before this one."""
    before = end_at - timedelta(microseconds=1)
    return before.replace(hour=0, minute=0, second=0, microsecond=0)


def _last_of(rows: Rows, subject: str, span: Span) -> dict[str, Any] | None:
    mine = (r for r in rows if r["repo"] == subject and span.start_at <= r["ts"] < span.end_at)
    return max(mine, key=_ts, default=None)


def _ts(row: dict[str, Any]) -> datetime:
    at: datetime = row["ts"]
    return at
