"""How many days of the calendar periods meet. Pure."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence

from tallymark.calendar.edges import edges
from tallymark.calendar.periods import Calendar, ceil_s, floor_s
from tallymark.model import Grain, Period


def bucket_days(calendar: Calendar, grain: Grain, buckets: Sequence[Period]) -> list[int]:
    """For each bucket of a grain the days that it meets; an hour and a day are one."""
    if grain in ("hour", "day"):
        return [1] * len(buckets)
    return [len(met) for met in _met(calendar, buckets)]


def distinct_days(calendar: Calendar, periods: Sequence[Period]) -> int:
    """The days that all of some periods meet, each counted once."""
    return len({day for met in _met(calendar, periods) for day in met})


def _met(calendar: Calendar, periods: Sequence[Period]) -> list[range]:
    """For each period the days that it meets, numbered from the first of all on."""
    if not periods:
        return []
    start = min(floor_s(period.start_at) for period in periods)
    end = max(ceil_s(period.end_at) for period in periods)
    days = edges(calendar.offsets, "day", start, end, calendar.cut)
    return [
        range(
            bisect_right(days, floor_s(period.start_at)) - 1,
            bisect_left(days, ceil_s(period.end_at)),
        )
        for period in periods
    ]
