"""Debian cron, written a second time: a daemon that looks at the local clock every minute.

Shares no code with `tallymark.calendar`. Its clock is zoneinfo's, on the data of the package.
Around every change of a clock it really looks at each minute; elsewhere, where minute follows
minute, it goes by days.

The daemon remembers the latest local minute that it has seen. Texts with `*` at the start of
minute or hour run whenever the clock shows a time of theirs. The others run when the clock shows,
or leaves out, such a time for the first time: once a minute of the daemon, however many were left
out.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache

from tests.unit.calendar.oracle import zone_of

DAY = 1440
EPOCH = date(1970, 1, 1).toordinal()
MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
DAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]


def numbers(text: str, first: int, last: int) -> set[int]:
    """The numbers that one field allows."""
    found: set[int] = set()
    for term in text.split(","):
        span, _, step = term.partition("/")
        low, _, high = (f"{first}-{last}" if span == "*" else span).partition("-")
        found.update(range(int(low), int(high or low) + 1, int(step or 1)))
    return found


class Text:
    """A cron text: the minutes of a day that it names, and whether it names a date."""

    def __init__(self, text: str) -> None:
        minute, hour, day, month, weekday = text.upper().split()
        for number, name in enumerate(MONTHS, 1):
            month = re.sub(name, str(number), month)
        for number, name in enumerate(DAYS):
            weekday = re.sub(name, str(number), weekday)
        self.minutes = sorted(
            h * 60 + m for h in numbers(hour, 0, 23) for m in numbers(minute, 0, 59)
        )
        self.by_real_time = minute[0] == "*" or hour[0] == "*"
        self._days, self._months = numbers(day, 1, 31), numbers(month, 1, 12)
        self._weekdays = {n % 7 for n in numbers(weekday, 0, 7)}
        self._either = day[0] != "*" and weekday[0] != "*"
        self._known: dict[int, bool] = {}

    def on(self, day: int) -> bool:
        """Whether it runs on a day, counted from 1970."""
        if day not in self._known:
            self._known[day] = self._on(date.fromordinal(day + EPOCH))
        return self._known[day]

    def _on(self, on: date) -> bool:
        by_day, by_weekday = on.day in self._days, on.isoweekday() % 7 in self._weekdays
        fits = (by_day or by_weekday) if self._either else (by_day and by_weekday)
        return fits and on.month in self._months

    def between(self, start: int, end: int) -> list[int]:
        """The local minutes of `[start, end)` that it names."""
        found: list[int] = []
        for day in range(start // DAY, (end - 1) // DAY + 1):
            if self.on(day):
                low, high = start - day * DAY, end - day * DAY
                inside = self.minutes[
                    bisect_left(self.minutes, low) : bisect_left(self.minutes, high)
                ]
                found += [day * DAY + minute for minute in inside]
        return found


@dataclass(frozen=True)
class Quiet:
    """Minutes since 1970 in which the clock goes on minute by minute."""

    start: int
    end: int
    offset: int

    def runs(self, text: Text) -> list[int]:
        walls = text.between(self.start + self.offset, self.end + self.offset)
        return [wall - self.offset for wall in walls]


class Looked:
    """Minutes from `start` on around a change, and what the clock shows in each."""

    def __init__(self, start: int, walls: list[int]) -> None:
        self.start, self.end = start, start + len(walls)
        self.walls = walls
        self.fresh: list[tuple[int, int, int]] = []
        """A minute in which the clock shows more than ever before: from what on, up to what."""
        seen = walls[0] - 1
        for minute, wall in enumerate(walls, start):
            if wall > seen:
                self.fresh.append((minute, seen + 1, wall))
                seen = wall

    def runs(self, text: Text) -> list[int]:
        named = set(text.between(min(self.walls), max(self.walls) + 1))
        if text.by_real_time:
            return [minute for minute, wall in enumerate(self.walls, self.start) if wall in named]
        return [
            minute
            for minute, low, wall in self.fresh
            if wall in named or (low < wall and not named.isdisjoint(range(low, wall)))
        ]


def shown(zone_name: str, minute: int) -> int:
    """The local minute that the clock shows, counted from 1970."""
    local = datetime.fromtimestamp(minute * 60, zone_of(zone_name))
    assert local.second == 0
    return (local.toordinal() - EPOCH) * DAY + local.hour * 60 + local.minute


@cache
def watched(zone_name: str, first_year: int, years: int) -> tuple[Quiet | Looked, ...]:
    """The years, in stretches: quiet ones, and those from a day before a change to two after."""
    first, end = (
        int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) // 60 // DAY
        for year in (first_year, first_year + years)
    )
    offsets = [shown(zone_name, day * DAY) - day * DAY for day in range(first - 2, end + 2)]
    changed = {
        day
        for day in range(first, end)
        if len(set(offsets[max(0, day - first - 1) : day - first + 4])) > 1
    }
    found: list[Quiet | Looked] = []
    day = first
    while day < end:
        upto, noisy = day + 1, day in changed
        while upto < end and (upto in changed) == noisy:
            upto += 1
        if noisy:
            walls = [shown(zone_name, minute) for minute in range(day * DAY, upto * DAY)]
            found.append(Looked(day * DAY, walls))
        else:
            found.append(Quiet(day * DAY, upto * DAY, offsets[day - first + 2]))
        day = upto
    return tuple(found)
