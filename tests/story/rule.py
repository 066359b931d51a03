"""The rule of docs/calendar.md, looked up on a quarter-hour's grid: slow, and easy to see through.

It shares nothing with `tallymark.calendar` but the data of the package `tzdata`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from importlib.resources import files
from itertools import pairwise
from zoneinfo import ZoneInfo

DAY = timedelta(days=1)
SLOT = timedelta(minutes=15)
WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@dataclass(frozen=True)
class Bucket:
    """Its instants, and the dates `[first, after)` that are its days."""

    start_at: datetime
    end_at: datetime
    first: date
    after: date


@dataclass(frozen=True)
class Rule:
    """One calendar."""

    zone: str
    week_start: str
    fiscal_start: int

    def buckets(self, grain: str, first: date, last: date) -> list[Bucket]:
        """All that meet the days from `first` to `last`."""
        day, found = self._first_day(grain, first), []
        while day <= last:
            after = self._next(grain, day)
            bucket = Bucket(day_start(self.zone, day), day_start(self.zone, after), day, after)
            if bucket.start_at < bucket.end_at:
                found.append(bucket)
            elif found:  # a date that never was: its rows count in the next day
                bucket = found[-1]
            day = after
        return found

    def hours(self, first: date, last: date) -> list[Bucket]:
        """All hours of the days: each begins with its day, or where the clock shows a full hour."""
        found = []
        for day in self.buckets("day", first, last):
            slots = (day.end_at - day.start_at) // SLOT
            starts = [day.start_at + n * SLOT for n in range(slots)]
            full = [at for at in starts[1:] if at.astimezone(zone(self.zone)).minute == 0]
            edges = [day.start_at, *full, day.end_at]
            found += [Bucket(a, b, day.first, day.after) for a, b in pairwise(edges)]
        return found

    def _first_day(self, grain: str, day: date) -> date:
        if grain == "day":
            return day
        if grain == "week":
            return day - (day.weekday() - WEEKDAYS.index(self.week_start)) % 7 * DAY
        months = (day.month - self.fiscal_start) % 12
        back = {"month": 0, "quarter": months % 3, "year": months}[grain]
        index = day.year * 12 + day.month - 1 - back
        return date(index // 12, index % 12 + 1, 1)

    def _next(self, grain: str, first: date) -> date:
        longest = {"day": 1, "week": 7, "month": 31, "quarter": 92, "year": 366}[grain]
        return self._first_day(grain, first + longest * DAY)


@cache
def zone(name: str) -> ZoneInfo:
    with files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as data:
        return ZoneInfo.from_file(data, key=name)


@cache
def day_start(name: str, day: date) -> datetime:
    """The first instant that shows this date or a later one."""
    at = datetime.combine(day, time(), UTC) - 40 * 4 * SLOT
    while at.astimezone(zone(name)).date() < day:
        at += SLOT
    return at
