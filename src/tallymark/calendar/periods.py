"""The workspace's calendar: periods of six grains and their keys. Pure; reads no clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

from tallymark.calendar.edges import EPOCH_ORDINAL, Cut, edges, floor, hours_named
from tallymark.calendar.offsets import DAY_S, EPOCH, HOUR_S, SECOND, Offsets, offsets
from tallymark.calendar.zones import zone
from tallymark.errors import ConfigError
from tallymark.model import WEEK_STARTS, Grain, Period, WeekStart, check_aware


@dataclass(frozen=True)
class Calendar:
    """A zone, the weekday on which weeks start, the month in which (fiscal) years start.

    Raises: ConfigError for what does not exist, when it is made; BadRequest from every method for
    an instant outside of the years 1968 to 2099.
    """

    zone: str = "UTC"
    week_start: WeekStart = "monday"
    fiscal_start: int = 1

    def __post_init__(self) -> None:
        zone(self.zone)
        if self.week_start not in WEEK_STARTS:
            raise ConfigError(
                f"weeks cannot start on {self.week_start!r}: one of {', '.join(WEEK_STARTS)}"
            )
        if self.fiscal_start not in range(1, 13):
            raise ConfigError(
                f"a fiscal year cannot start in month {self.fiscal_start}: 1 (January) to 12"
            )

    @property
    def cut(self) -> Cut:
        return Cut(self.week_start, self.fiscal_start)

    @property
    def offsets(self) -> Offsets:
        return offsets(self.zone)

    def period(self, grain: Grain, at: datetime) -> Period:
        """The period that holds an instant."""
        second = floor_s(at)
        return periods_of(edges(self.offsets, grain, second, second + 1, self.cut))[0]

    def periods(self, grain: Grain, start_at: datetime, end_at: datetime) -> list[Period]:
        """All periods that meet `[start_at, end_at)`, whole, in order; none if it is empty."""
        start, end = floor_s(start_at), ceil_s(end_at)
        return periods_of(edges(self.offsets, grain, start, end, self.cut))

    def key(self, grain: Grain, period: Period) -> str:
        """The period's name for people: `2026-11-22T14`, `2026-11-22`, `2026-W47`, `2026-Q4`.

        Where two hours would have the same, it carries the offset: `2026-10-25T02+01:00`. Where
        years do not start in January they are `FY2026`, their quarters `FY2026-Q3`.
        """
        second = floor_s(period.start_at)
        if grain == "hour":
            return self._hour_key(second)
        on = self._date(second)
        match grain:
            case "day":
                return on.isoformat()
            case "week":
                year, week = self.week_number(on)
                return f"{year}-W{week:02d}"
            case "month":
                return f"{on.year}-{on.month:02d}"
            case "quarter":
                year, quarter = self.quarter_number(on)
                return f"{self._year_key(year)}-Q{quarter}"
            case "year":
                return self._year_key(self.year_number(on))

    def first_day(self, grain: Grain, on: date) -> date:
        """The date on which the period begins that holds a date, whether that date ever was."""
        day = floor(grain, on.toordinal() - EPOCH_ORDINAL, self.cut)
        return date.fromordinal(day + EPOCH_ORDINAL)

    def week_number(self, on: date) -> tuple[int, int]:
        """Year and number of the week that holds a date: the year is that of its fourth day."""
        fourth = self.first_day("week", on) + timedelta(days=3)
        return fourth.year, (fourth.timetuple().tm_yday - 1) // 7 + 1

    def quarter_number(self, on: date) -> tuple[int, int]:
        """The (fiscal) year and the number in it of the quarter that holds a date."""
        return self.year_number(on), (on.month - self.fiscal_start) % 12 // 3 + 1

    def year_number(self, on: date) -> int:
        """The (fiscal) year that holds a date, named after the calendar year in which it ends."""
        return on.year + (1 < self.fiscal_start <= on.month)

    def day(self, on: date) -> Period:
        """The day of a local date. Raises: ValueError for a date that never was in this zone."""
        found = Period(self.start_of(on), self.end_of(on))
        if found.start_at == found.end_at:
            raise ValueError(f"{on} never was in {self.zone}: its clocks skipped that day")
        return found

    def start_of(self, on: date) -> datetime:
        """Where the day of a date begins; of a date that never was: where the next one does."""
        return self.first_at(on, 0)

    def end_of(self, on: date) -> datetime:
        return self.first_at(on, DAY_S)

    def first_at(self, on: date, second: int) -> datetime:
        """The first instant at which the clock shows this second of a date's day, or later."""
        return instant(self.offsets.first((on.toordinal() - EPOCH_ORDINAL) * DAY_S + second))

    def clock_at(self, at: datetime) -> tuple[date, int]:
        """What the local clock shows: a date, and the second of its day."""
        start = floor_s(at)
        day, second = divmod(start + self.offsets.at(start), DAY_S)
        return date.fromordinal(day + EPOCH_ORDINAL), second

    def date_of(self, at: datetime) -> date:
        """The date of the day that holds an instant."""
        return self._date(floor_s(at))

    def _date(self, second: int) -> date:
        return date.fromordinal(self.offsets.highest(second) // DAY_S + EPOCH_ORDINAL)

    def _year_key(self, year: int) -> str:
        return str(year) if self.fiscal_start == 1 else f"FY{year}"

    def _hour_key(self, second: int) -> str:
        offset = self.offsets.at(second)
        wall = (second + offset) // HOUR_S * HOUR_S
        key = instant(wall).strftime("%Y-%m-%dT%H")
        if self.offsets.steady(wall) or len(hours_named(self.offsets, wall)) == 1:
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
