"""Cron texts in a zone, by Debian cron's rule for clock changes.

With `*` at the start of minute or hour, real time counts: `0 * * * *` ticks 25 times on the day
that has 25 hours, and at no time that the clock leaves out. A fixed time that does not exist ticks
once at the end of the gap, one that comes twice ticks once, the first time.

cronsim counts on wall time alone here. Given aware instants it goes wrong when it starts inside a
repeated hour, and its ticks would depend on where it started.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from cronsim import CronSim, CronSimError

from tallymark.calendar.offsets import KNOWN_FROM, KNOWN_TO, Offsets
from tallymark.calendar.periods import floor_s, instant
from tallymark.calendar.recurring import meant
from tallymark.errors import BadRequest, ConfigError


@dataclass(frozen=True)
class Cron:
    text: str
    offsets: Offsets

    @property
    def by_real_time(self) -> bool:
        minute, hour = self.text.split()[:2]
        return minute.startswith("*") or hour.startswith("*")

    def edges(self, start: int, end: int) -> list[int]:
        """The last tick up to `start`, all ticks before `end`, and the first one from there on."""
        found = [self.latest(start)]
        ticks = self.after(start)
        while found[-1] < end:
            found.append(next(ticks))
        return found

    def after(self, second: int) -> Iterator[int]:
        """The ticks later than an instant, ascending."""
        if self.by_real_time:
            for stretch in self.offsets.between(second + 1, KNOWN_TO):
                for wall in walls(self.text, stretch.start + stretch.offset - 1):
                    if wall >= stretch.end + stretch.offset:
                        break
                    yield wall - stretch.offset
            raise BadRequest(f"the schedule {self.text!r} is known up to 2099 only")
        else:
            last = second
            for wall in walls(self.text, self.offsets.highest(second)):
                # several times of one gap tick together at its end
                if (tick := self.offsets.first(wall)) > last:
                    yield tick
                    last = tick

    def latest(self, second: int) -> int:
        """The last tick up to an instant."""
        if not self.by_real_time:
            return self.offsets.first(self._wall_up_to(self.offsets.highest(second)))
        for stretch in reversed(list(self.offsets.between(KNOWN_FROM, second + 1))):
            tick = self._wall_up_to(stretch.end - 1 + stretch.offset) - stretch.offset
            if tick >= stretch.start:
                return tick
        raise BadRequest(f"the schedule {self.text!r} is known from 1968 on only")

    def _wall_up_to(self, wall: int) -> int:
        return next(walls(self.text, wall + 1, backwards=True))


def walls(text: str, wall: int, *, backwards: bool = False) -> Iterator[int]:
    """The wall times at which a cron text ticks, after (or before) one, exclusive."""
    return map(floor_s, CronSim(text, instant(wall), reverse=backwards))


def step_s(text: str) -> float:
    """The shortest distance of a cron text's ticks. Raises: ConfigError for one that has none."""
    advice = (
        "five fields are wanted, such as '0 6 * * 1-5': minute hour day month weekday "
        "(0-59 0-23 1-31 1-12 0-7)"
    )
    if len(text.split()) != 5:
        raise ConfigError(f"the schedule {text!r} cannot be read: {advice}{meant(text)}")
    try:
        ticks = walls(text, KNOWN_FROM)
        found = [next(ticks) for _ in range(20)]
    except CronSimError as error:
        raise ConfigError(f"the schedule {text!r} cannot be read ({error}): {advice}") from error
    except StopIteration as error:
        raise ConfigError(f"the schedule {text!r} never comes: {advice}") from error
    return float(min(b - a for a, b in pairwise(found)))
