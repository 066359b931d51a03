"""The workspace's calendar: periods of six grains and their keys. Pure; reads no clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import pairwise

from tallymark.calendar.edges import EPOCH_ORDINAL, edges, hours_named
from tallymark.calendar.offsets import DAY_S, EPOCH, HOUR_S, SECOND, Offsets, offsets
from tallymark.calendar.zones import zone
from tallymark.model import Grain, Period, check_aware


@dataclass(frozen=True)
class Calendar:
    """Weeks start on Monday, years in January, all in one zone.

    Raises: ConfigError for an unknown zone, when it is made; BadRequest from every method for an
    instant outside of the years 1968 to 2099.
    """

    zone: str = "UTC"

    def __post_init__(self) -> None:
        zone(self.zone)

    @property
    def offsets(self) -> Offsets:
        return offsets(self.zone)

    def period(self, grain: Grain, at: datetime) -> Period:
        """The period that holds an instant."""
        second = floor_s(at)
        return periods_of(edges(self.offsets, grain, second, second + 1))[0]

    def periods(self, grain: Grain, start_at: datetime, end_at: datetime) -> list[Period]:
        """All periods that meet `[start_at, end_at)`, whole, in order; none if it is empty."""
        return periods_of(edges(self.offsets, grain, floor_s(start_at), ceil_s(end_at)))

    def key(self, grain: Grain, period: Period) -> str:
        """The period's name for people: `2026-11-22T14`, `2026-11-22`, `2026-W47`, `2026-Q4`.

        Where two hours would have the same, it carries the offset: `2026-10-25T02+01:00`.
        """
        second = floor_s(period.start_at)
        if grain == "hour":
            return self._hour_key(second)
        on = self._date(second)
        match grain:
            case "day":
                return on.isoformat()
            case "week":
                year, week, _ = on.isocalendar()
                return f"{year}-W{week:02d}"
            case "month":
                return f"{on.year}-{on.month:02d}"
            case "quarter":
                return f"{on.year}-Q{(on.month + 2) // 3}"
            case "year":
                return str(on.year)

    def day(self, on: date) -> Period:
        """The day of a local date. Raises: ValueError for a date that never was in this zone."""
        wall = (on.toordinal() - EPOCH_ORDINAL) * DAY_S
        start, end = self.offsets.first(wall), self.offsets.first(wall + DAY_S)
        if start == end:
            raise ValueError(f"{on} never was in {self.zone}: its clocks skipped that day")
        return periods_of([start, end])[0]

    def date_of(self, at: datetime) -> date:
        """The date of the day that holds an instant."""
        return self._date(floor_s(at))

    def _date(self, second: int) -> date:
        return date.fromordinal(self.offsets.highest(second) // DAY_S + EPOCH_ORDINAL)

    def _hour_key(self, second: int) -> str:
        offset = self.offsets.at(second)
        wall = (second + offset) // HOUR_S * HOUR_S
        key = instant(wall).strftime("%Y-%m-%dT%H")
        if len(hours_named(self.offsets, wall)) == 1:
            return key
        minutes = abs(offset) // 60
        return f"{key}{'-' if offset < 0 else '+'}{minutes // 60:02d}:{minutes % 60:02d}"


def floor_s(at: datetime) -> int:
    return (check_aware(at) - EPOCH) // SECOND


def ceil_s(at: datetime) -> int:
    return -((EPOCH - check_aware(at)) // SECOND)


def instant(second: int) -> datetime:
    return datetime.fromtimestamp(second, UTC)


def periods_of(found: list[int]) -> list[Period]:
    """The periods between consecutive edges."""
    return [Period(start, end) for start, end in pairwise(map(instant, found))]
