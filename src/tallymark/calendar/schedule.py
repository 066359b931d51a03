"""How often something is due: `30m`, `1h`, `7d`, `0 6 * * 1-5`, `@daily`, `WEEKLY 06:00`."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from tallymark.calendar import cron
from tallymark.calendar.edges import PLAIN, Cut, day_edges, edges
from tallymark.calendar.offsets import DAY_S, HOUR_S, SECOND, offsets
from tallymark.calendar.periods import Calendar, ceil_s, floor_s, instant, periods_of
from tallymark.calendar.recurring import cron_text, meant, recurring
from tallymark.errors import ConfigError
from tallymark.model import Period

_UNITS = {"m": timedelta(minutes=1), "h": timedelta(hours=1), "d": timedelta(days=1)}
_LONGEST = timedelta(days=36_525)
_WEEK_S = 7 * DAY_S
_MONDAY_S = 4 * DAY_S  # 1970-01-05

Edges = Callable[[int, int], list[int]]
"""The starts of the periods that meet a range of seconds, and the end of the last."""


@dataclass(frozen=True)
class Schedule:
    """Periods without gap: from one time at which something is due to the next."""

    text: str
    zone: str
    step_s: float
    """The nominal length of a period; of a cron text the shortest."""
    _edges: Edges = field(repr=False, compare=False)
    cut: Cut = PLAIN
    """Where weeks and years begin, for a schedule that goes by them."""

    @classmethod
    def parse(cls, text: str, zone: str = "UTC") -> Schedule:
        """Read a duration, a cron text, or cron's name for one such as `@daily`.

        `1h` and `1d` are the zone's hours and days. Other durations are counted from 1970 UTC,
        whole weeks from a Monday.
        Raises: ConfigError for what is none of these, and for an unknown zone.
        """
        of_zone = offsets(zone)
        if (named := recurring(text)) is not None:
            raise ConfigError(
                f"{text!r} goes by the workspace's calendar, and what is read must not change "
                f"with it: write {named.cron_text!r}, which is cut in {zone}"
            )
        fields = cron_text(text)
        if " " in fields.strip():
            step_s = cron.step_s(fields)
            return cls(text, zone, step_s, cron.Cron(fields, of_zone).edges)
        step = _duration(text) // SECOND
        if step == HOUR_S:
            return cls(text, zone, step, partial(edges, of_zone, "hour"))
        if step == DAY_S:
            return cls(text, zone, step, partial(edges, of_zone, "day"))
        return cls(text, zone, step, partial(_steps, step))

    @classmethod
    def in_calendar(cls, text: str, calendar: Calendar) -> Schedule:
        """The same in the workspace's zone; and `DAILY`, `WEEKLY`, `MONTHLY`, `QUARTERLY`.

        These are the first day of its week, month, (fiscal) quarter, at 00:00 or a time that
        follows. At clock changes they are fixed times, like those of cron.
        Raises: ConfigError.
        """
        named = recurring(text)
        if named is None:
            return cls.parse(text, calendar.zone)
        found = partial(day_edges, calendar.offsets, named.grain, cut=calendar.cut, at_s=named.at_s)
        return cls(text, calendar.zone, named.step_s, found, calendar.cut)

    def period(self, at: datetime) -> Period:
        """The period that holds an instant."""
        return periods_of(self._around(at))[0]

    def periods(self, start_at: datetime, end_at: datetime) -> list[Period]:
        """All periods that meet `[start_at, end_at)`, whole, in order; none if it is empty."""
        if end_at <= start_at:
            return []
        return periods_of(self._edges(floor_s(start_at), ceil_s(end_at)))

    def next_after(self, at: datetime) -> datetime:
        """The first period start later than an instant."""
        return instant(self._around(at)[1])

    def latest(self, at: datetime) -> datetime:
        """The last period start up to an instant."""
        return instant(self._around(at)[0])

    def _around(self, at: datetime) -> list[int]:
        second = floor_s(at)
        return self._edges(second, second + 1)


def _duration(text: str) -> timedelta:
    try:
        return parse_duration(text)
    except ConfigError as error:
        advice = f"{error}, or a cron text such as '0 6 * * 1-5'{meant(text)}"
        raise ConfigError(advice) from error


def parse_duration(text: str) -> timedelta:
    """`90m`, `6h`, `30d`. Raises: ConfigError."""
    found = re.fullmatch(r"\s*([0-9]{1,6})([mhd])\s*", text)
    if not found or int(found[1]) == 0:
        raise ConfigError(
            f"{text!r} is no duration: write minutes, hours or days, such as 30m, 6h or 7d"
        )
    length = int(found[1]) * _UNITS[found[2]]
    if length > _LONGEST:
        raise ConfigError(f"{text!r} is longer than a hundred years")
    return length


def _steps(step: int, start: int, end: int) -> list[int]:
    origin = _MONDAY_S if step % _WEEK_S == 0 else 0
    first = start - (start - origin) % step
    return [*range(first, end, step), end + (origin - end) % step]
