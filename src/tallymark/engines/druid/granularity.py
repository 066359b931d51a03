"""A granularity as it is sent: cut in the report's zone, as the calendar cuts. Pure.

Druid cuts a simple `day` in UTC, starts weeks on Monday and years in January; so it is sent as a
period with a time zone, and where the calendar starts otherwise, with an origin.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any

from tallymark.calendar.periods import Calendar
from tallymark.model import Grain, Period

PERIODS = {
    "second": "PT1S",
    "minute": "PT1M",
    "five_minute": "PT5M",
    "ten_minute": "PT10M",
    "fifteen_minute": "PT15M",
    "thirty_minute": "PT30M",
    "hour": "PT1H",
    "six_hour": "PT6H",
    "eight_hour": "PT8H",
    "day": "P1D",
    "week": "P1W",
    "month": "P1M",
    "quarter": "P3M",
    "year": "P1Y",
}
_GRAINS: Mapping[str, Grain] = {
    "PT1H": "hour",
    "PT60M": "hour",
    "P1D": "day",
    "P1W": "week",
    "P1M": "month",
    "P3M": "quarter",
    "P1Y": "year",
    "P12M": "year",
}
_DURATIONS: Mapping[str, Grain] = {"3600000": "hour", "86400000": "day"}
_LENGTHS = {
    "period": re.compile(r"P.*\d.*", re.IGNORECASE),
    "duration": re.compile(r"\d+"),
}
"""Druid says of one that is missing no more than a Java class."""
_HOUR = timedelta(hours=1)
_LATE_ENOUGH = date(2000, 6, 15)
"""Not before 1970: Druid has counted back from an origin wrongly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cut:
    """How an answer is cut into buckets."""

    sent: Any
    grain: Grain | None = None
    """The calendar's, where it has one: then each bucket has to be one of its starts."""
    dated: bool = False
    """Whether there is more than one bucket."""
    whole_days: bool = False


ALL = Cut(sent="all")


def cut(granularity: Any, calendar: Calendar) -> Cut | None:
    """None: this is no granularity."""
    if isinstance(granularity, str):
        return _simple(granularity.lower(), calendar)
    if not isinstance(granularity, Mapping):
        return None
    kind = granularity.get("type")
    if kind in ("period", "duration") and not _LENGTHS[kind].fullmatch(str(granularity.get(kind))):
        return None
    match kind:
        case "all" | "none" as kind:
            return _simple(kind, calendar)
        case "duration":
            grain = _DURATIONS.get(str(granularity.get("duration")))
            return Cut(sent=granularity, grain=grain, dated=True, whole_days=grain == "day")
        case "period":
            return _period({"timeZone": calendar.zone, **granularity})
    return None


def _simple(name: str, calendar: Calendar) -> Cut | None:
    if name == "all":
        return ALL
    if name == "none":
        return Cut(sent="none", dated=True)
    if name not in PERIODS:
        return None
    period = PERIODS[name]
    sent = {"type": "period", "period": period, "timeZone": calendar.zone}
    grain = _GRAINS.get(period)
    if grain is not None and _starts_otherwise(grain, calendar):
        first_on = calendar.first_day(grain, _LATE_ENOUGH)
        sent["origin"] = utc(calendar.start_of(first_on))
    return _period(sent)


def _period(sent: Mapping[str, Any]) -> Cut:
    period = str(sent.get("period")).upper()
    whole_days = period.startswith("P") and "T" not in period
    return Cut(sent=sent, grain=_GRAINS.get(period), dated=True, whole_days=whole_days)


def _starts_otherwise(grain: Grain, calendar: Calendar) -> bool:
    if grain == "week":
        return calendar.week_start != "monday"
    if grain == "quarter":
        return calendar.fiscal_start % 3 != 1
    return grain == "year" and calendar.fiscal_start != 1


def steady(grain: Grain, period: Period, calendar: Calendar) -> bool:
    """Whether Druid, which adds up periods from the first on, meets all starts of a span.

    After a day that begins at 1 in the morning all its days do; an hour is 60 minutes always.
    """
    starts = [one.start_at for one in calendar.periods(grain, period.start_at, period.end_at)]
    if grain == "hour":
        return all(end - start == _HOUR for start, end in pairwise(starts))
    return all(calendar.clock_at(start)[1] == 0 for start in starts[:-1])


def utc(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")
