"""A zone's clock as integers: from which second on it is how far from UTC.

Seconds count from 1970; a *wall* second is what the local clock shows, counted as if it were UTC.
Two functions turn one into the other, also where clocks jump: `first` is the first instant at which
the clock has reached a wall time, `highest` the latest wall time that it has ever shown. So a
midnight that a jump left out begins at the jump, and one that comes twice begins once.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache

from tallymark.calendar.zones import zone
from tallymark.errors import BadRequest

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
_NOTHING = timedelta()
HOUR_S = 3600
DAY_S = 86_400

KNOWN_FROM = (datetime(1968, 1, 1, tzinfo=UTC) - EPOCH) // SECOND
KNOWN_TO = (datetime(2100, 1, 1, tzinfo=UTC) - EPOCH) // SECOND

_UNKNOWN = "the calendar knows the years 1968 to 2099 only"

# No two changes of one zone are nearer than 6 days (a test reads them from the data).
_PROBE_S = 3 * DAY_S
# No clock is further from UTC, and none was set back by more, than this.
REACH_S = 26 * HOUR_S


@dataclass(frozen=True, slots=True)
class Stretch:
    """From `start` to `end`, exclusive, the clock is `offset` seconds ahead of UTC."""

    start: int
    end: int
    offset: int


@dataclass(frozen=True, slots=True)
class Offsets:
    """Every stretch of one zone, from KNOWN_FROM to KNOWN_TO, in order and without gap."""

    stretches: tuple[Stretch, ...]
    starts: tuple[int, ...]

    def index(self, second: int) -> int:
        """Raises: BadRequest outside of what is known."""
        if not KNOWN_FROM <= second < KNOWN_TO:
            raise BadRequest(_UNKNOWN)
        return bisect_right(self.starts, second) - 1

    def at(self, second: int) -> int:
        return self.stretches[self.index(second)].offset

    def between(self, start: int, end: int) -> Iterator[Stretch]:
        """The stretches that meet `[start, end)`, cut to it."""
        if end > KNOWN_TO:
            raise BadRequest(_UNKNOWN)
        for i in range(self.index(start), len(self.stretches)):
            found = self.stretches[i]
            if found.start >= end:
                return
            yield Stretch(max(start, found.start), min(end, found.end), found.offset)

    def steady(self, wall: int) -> bool:
        """Whether no change of the clock is near: every wall time around is shown once."""
        return self.index(wall - REACH_S) == self.index(wall + REACH_S)

    def first(self, wall: int) -> int:
        """The first instant at which the clock shows `wall` or later."""
        return next(self.firsts((wall,)))

    def firsts(self, walls: Iterable[int]) -> Iterator[int]:
        """`first` of each of ascending wall times."""
        i, start, offset, shown_to = -1, 0, 0, -math.inf
        for wall in walls:
            while wall >= shown_to:
                i = self.index(wall - REACH_S) if i < 0 else i + 1
                if i == len(self.stretches):
                    raise BadRequest(_UNKNOWN)
                found = self.stretches[i]
                start, offset, shown_to = found.start, found.offset, found.end + found.offset
            yield max(start, wall - offset)

    def highest(self, second: int) -> int:
        """The latest wall time shown up to this instant: the inverse of `first`."""
        i = self.index(second)
        wall = second + self.stretches[i].offset
        while i > 0 and self.starts[i] > second - 2 * REACH_S:
            before = self.stretches[i - 1]
            wall = max(wall, before.end - 1 + before.offset)
            i -= 1
        return wall


@cache
def offsets(zone_name: str) -> Offsets:
    """Find every change of a zone's offset; some milliseconds, once a zone."""
    clock = zone(zone_name)
    starts, values = [KNOWN_FROM], [_ahead(clock, KNOWN_FROM)]
    for probe in range(KNOWN_FROM, KNOWN_TO, _PROBE_S):
        end = min(probe + _PROBE_S, KNOWN_TO)
        if (then := _ahead(clock, end)) != values[-1]:
            starts.append(_change(clock, probe, end, values[-1]))
            values.append(then)
    ends = [*starts[1:], KNOWN_TO]
    stretches = map(Stretch, starts, ends, (ahead // SECOND for ahead in values))
    return Offsets(tuple(stretches), tuple(starts))


def _change(clock: tzinfo, low: int, high: int, ahead: timedelta) -> int:
    """The first second in `(low, high]` at which the offset is no longer this one."""
    while high - low > 1:
        middle = (low + high) // 2
        if _ahead(clock, middle) == ahead:
            low = middle
        else:
            high = middle
    return high


def _ahead(clock: tzinfo, second: int) -> timedelta:
    return datetime.fromtimestamp(second, clock).utcoffset() or _NOTHING
