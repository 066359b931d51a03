"""The nine founding intervals, for every day of eight years in six zones, against an oracle.

The oracle counts dates in plain Python and takes the starts of days from a look at the clock
(tests/unit/calendar/oracle.py): no line of it is the program's. These years have a day that never
was, a week 53, two leap days, clocks that changed at midnight, at 00:01 and by half an hour.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import cache

import pytest

from tallymark.calendar.periods import Calendar
from tallymark.engines import Window
from tallymark.reports.define import ReportSpec
from tallymark.reports.due import due_dates, window
from tests.unit.calendar.oracle import Looked, blocks, days_of, zone_of

ZONES = (
    "America/New_York",
    "America/Sao_Paulo",
    "America/St_Johns",
    "Asia/Kolkata",
    "Australia/Lord_Howe",
    "Pacific/Apia",
)
FIRST, LAST = date(2010, 1, 1), date(2017, 12, 31)
DAYS = [FIRST + timedelta(days=n) for n in range((LAST - FIRST).days + 1)]
SEED = 20261129

Told = tuple[date, date, int, int]
"""First and last date, and the seconds of the first's start and of the last's end."""


def back(today: date, days: int) -> date:
    return today - timedelta(days=days)


def weeks_first(today: date) -> date:
    while today.weekday() != 0:
        today = back(today, 1)
    return today


def months_first(today: date, months: tuple[int, ...] = tuple(range(1, 13))) -> date:
    """The first of the latest of these months that had begun."""
    while today.day != 1 or today.month not in months:
        today = back(today, 1)
    return today


def months_ago(today: date, count: int) -> date:
    first = months_first(today)
    for _ in range(count):
        first = months_first(back(first, 1))
    return first


def before(first: date, of: Callable[[date], date]) -> tuple[date, date]:
    """The whole period before the one that begins on a date."""
    return of(back(first, 1)), back(first, 1)


def quarters_first(today: date) -> date:
    return months_first(today, (1, 4, 7, 10))


def years_first(today: date) -> date:
    return months_first(today, (1,))


FOUNDING: Mapping[str, Callable[[date], tuple[date, date]]] = {
    "YESTERDAY": lambda today: (back(today, 1), back(today, 1)),
    "LAST_7_DAYS": lambda today: (back(today, 7), back(today, 1)),
    "LAST_30_DAYS": lambda today: (back(today, 30), back(today, 1)),
    "LAST_WEEK": lambda today: before(weeks_first(today), weeks_first),
    "LAST_MONTH": lambda today: before(months_first(today), months_first),
    "LAST_QUARTER": lambda today: before(quarters_first(today), quarters_first),
    "LAST_3_MONTHS": lambda today: (months_ago(today, 3), back(months_first(today), 1)),
    "LAST_6_MONTHS": lambda today: (months_ago(today, 6), back(months_first(today), 1)),
    "LAST_YEAR": lambda today: before(years_first(today), years_first),
}


@cache
def day_starts(name: str) -> dict[int, int]:
    """By a date's ordinal the second at which its day begins, or the next where it never was."""
    zone = zone_of(name)
    looked = [(block, Looked(zone, block)) for block in blocks(zone)]
    found = {ordinal: second for second, ordinal in days_of(zone, looked)}
    for day in DAYS:
        if day.toordinal() not in found:
            found[day.toordinal()] = found[day.toordinal() + 1]
    return found


@cache
def dates_of(interval: str) -> dict[date, tuple[date, date]]:
    return {today: FOUNDING[interval](today) for today in DAYS}


def expected(zone: str, interval: str, today: date) -> Told:
    first, last = dates_of(interval)[today]
    starts = day_starts(zone)
    return first, last, starts[first.toordinal()], starts[last.toordinal() + 1]


def told(found: Window) -> Told:
    start_at, end_at = found.period.start_at, found.period.end_at
    assert start_at.utcoffset() == end_at.utcoffset() == timedelta()
    return found.first_on, found.end_on, int(start_at.timestamp()), int(end_at.timestamp())


def spec(interval: str, zone: str) -> ReportSpec:
    return ReportSpec(
        report_name="r",
        engine="lake",
        frequency="DAILY",
        interval=interval,
        output_format="csv",
        headings=(),
        time_zone=zone,
    )


def instant(second: float) -> datetime:
    return datetime.fromtimestamp(second, UTC)


def test_these_years_have_what_is_awkward() -> None:
    assert len(FOUNDING) == 9
    assert len(DAYS) == 2922
    lengths = {
        (zone, day_starts(zone)[day.toordinal() + 1] - day_starts(zone)[day.toordinal()])
        for zone in ZONES
        for day in DAYS
    }
    assert {hours / 3600 for zone, hours in lengths if zone == "Australia/Lord_Howe"} == {
        23.5,
        24,
        24.5,
    }
    assert {hours / 3600 for zone, hours in lengths if zone == "Pacific/Apia"} == {0, 23, 24, 25}
    assert {hours / 3600 for zone, hours in lengths if zone == "Asia/Kolkata"} == {24}


@pytest.mark.parametrize("zone", ZONES)
def test_at_any_instant_of_a_day_a_founding_interval_is_what_the_oracle_says(zone: str) -> None:
    drawn = random.Random(f"{SEED} {zone}")
    calendar, starts = Calendar(zone), day_starts(zone)
    asked = 0
    for interval in FOUNDING:
        report = spec(interval, zone)
        for today in DAYS:
            start, end = starts[today.toordinal()], starts[today.toordinal() + 1]
            if start == end:
                continue  # it never was: nothing is due on it
            at = drawn.choice([start, end - 1e-6, drawn.uniform(start, end - 1)])
            found = told(window(report, calendar, instant(at)))
            assert found == expected(zone, interval, today), (interval, zone, at, SEED)
            asked += 1
    assert asked >= 9 * 2921


@pytest.mark.parametrize("zone", ZONES)
def test_a_daily_report_is_due_for_each_end_date_once_and_in_order(zone: str) -> None:
    calendar, starts = Calendar(zone), day_starts(zone)
    from_at = instant(starts[FIRST.toordinal()] - 1e-6)
    to_at = instant(starts[LAST.toordinal()])
    for interval in FOUNDING:
        found = due_dates(spec(interval, zone), calendar, from_at, to_at, changed_at=from_at)
        first_due: dict[date, tuple[int, Told]] = {}
        for today in DAYS:
            start, end = starts[today.toordinal()], starts[today.toordinal() + 1]
            one = expected(zone, interval, today)
            # neither on a date that never was, nor for one
            if start < end and one[2] < one[3]:
                first_due.setdefault(one[1], (start, one))
        seen = [(int(one.due_at.timestamp()), told(one.window)) for one in found]
        assert seen == list(first_due.values()), interval
