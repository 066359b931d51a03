"""Where the six grains begin, on integers: seconds from 1970.

The rule: a day starts at the first instant that shows a later date than any before; an hour starts
at each day start and at each instant at which the local clock shows a full hour; week, month,
quarter and year start with a day: a week on the workspace's first weekday, a year in its first
month, a quarter with each third month of its year. Since 1980 every offset is a multiple of 15
minutes, so every start is one too, whatever the minute at which clocks were changed.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from itertools import count
from typing import assert_never

from tallymark.calendar.dates import month_start
from tallymark.calendar.offsets import DAY_S, HOUR_S, REACH_S, Offsets
from tallymark.model import Grain, WeekStart

EPOCH_ORDINAL = date(1970, 1, 1).toordinal()

# 1970-01-01 was a Thursday
_THURSDAY_IS: Mapping[WeekStart, int] = {"monday": 3, "sunday": 4, "saturday": 5}


@dataclass(frozen=True, slots=True)
class Cut:
    """How days are cut into weeks and years: the first weekday, and the first month (1 to 12)."""

    week_start: WeekStart = "monday"
    fiscal_start: int = 1


PLAIN = Cut()

# longer than any hour: where a clock jumps, one lasts up to 105 minutes
_LOOK_S = 6 * HOUR_S


def edges(offsets: Offsets, grain: Grain, start: int, end: int, cut: Cut = PLAIN) -> list[int]:
    """The starts of all periods that meet `[start, end)`, and the end of the last."""
    if grain == "hour" and start < end:
        return _hour_edges(offsets, start, end)
    return day_edges(offsets, grain, start, end, cut)


def day_edges(
    offsets: Offsets, grain: Grain, start: int, end: int, cut: Cut = PLAIN, at_s: int = 0
) -> list[int]:
    """The same of periods of days, each from a time of day on: `at_s` seconds after midnight."""
    if end <= start:
        return []
    found: list[int] = []
    first = floor(grain, (offsets.highest(start) - at_s) // DAY_S, cut)
    for edge in offsets.firsts(wall + at_s for wall in _walls(grain, first, cut)):
        # equal where a date never was: Apia had no 2011-12-30
        if not found or edge > found[-1]:
            found.append(edge)
        if edge >= end:
            break
    return found


def hour_starts(offsets: Offsets, start: int, end: int) -> list[int]:
    """All instants in `[start, end)` at which an hour starts."""
    found: list[int] = []
    for stretch in offsets.between(start, end):
        wall = stretch.start + stretch.offset
        full = -(-wall // HOUR_S) * HOUR_S
        # a jump over midnight begins a day, also in the middle of an hour (Kathmandu 1986)
        if full != wall and offsets.first(wall // DAY_S * DAY_S) == stretch.start:
            found.append(stretch.start)
        found.extend(range(full - stretch.offset, stretch.end, HOUR_S))
    return found


def hours_named(offsets: Offsets, wall: int) -> list[int]:
    """The starts of all hours that begin while the clock shows the full hour `wall`."""
    found: list[int] = []
    for stretch in offsets.between(wall - REACH_S, wall + REACH_S):
        start = max(stretch.start, wall - stretch.offset)
        end = min(stretch.end, wall + HOUR_S - stretch.offset)
        if start < end:
            found.extend(hour_starts(offsets, start, end))
    return found


def floor(grain: Grain, day: int, cut: Cut) -> int:
    """The first day of the grain's period that holds a day; days count from 1970."""
    match grain:
        case "hour" | "day":
            return day
        case "week":
            return day - (day + _THURSDAY_IS[cut.week_start]) % 7
    on = date.fromordinal(day + EPOCH_ORDINAL)
    match grain:
        case "month":
            back = 0
        case "quarter":
            back = (on.month - cut.fiscal_start) % 3
        case "year":
            back = (on.month - cut.fiscal_start) % 12
        case _:
            assert_never(grain)
    return month_start(on, -back).toordinal() - EPOCH_ORDINAL


_LONGEST_DAYS = {"month": 31, "quarter": 92, "year": 366}


def _walls(grain: Grain, day: int, cut: Cut) -> Iterator[int]:
    """The wall times at which periods begin, from the first day of one on, without end."""
    if grain == "day" or grain == "week":
        yield from count(day * DAY_S, DAY_S if grain == "day" else 7 * DAY_S)
    while True:
        yield day * DAY_S
        day = floor(grain, day + _LONGEST_DAYS[grain], cut)


def _hour_edges(offsets: Offsets, start: int, end: int) -> list[int]:
    starts = hour_starts(offsets, start - _LOOK_S, end + _LOOK_S)
    return starts[bisect_right(starts, start) - 1 : bisect_left(starts, end) + 1]
