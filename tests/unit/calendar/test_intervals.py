"""Named ranges of dates, as docs/calendar.md has them."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from tallymark.calendar.intervals import INTERVALS, bounds, interval
from tallymark.calendar.periods import Calendar
from tallymark.errors import BadRequest

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)  # a Tuesday
BERLIN = Calendar("Europe/Berlin")


def dates(name: str, calendar: Calendar = BERLIN, now: datetime = NOW) -> str:
    found = interval(name, calendar, now)
    return f"{found.first_on} {found.last_on}"


def in_reports(name: str, on: date) -> str:
    now = datetime(on.year, on.month, on.day, 12, tzinfo=UTC)
    found = interval(name, BERLIN, now, through="yesterday")
    return f"{found.first_on} {found.last_on}"


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("YESTERDAY", "2026-11-23", "2026-11-23"),
        ("LAST_7_DAYS", "2026-11-17", "2026-11-23"),
        ("7d", "2026-11-17", "2026-11-23"),
        ("28d", "2026-10-27", "2026-11-23"),
        ("LAST_30_DAYS", "2026-10-25", "2026-11-23"),
        ("91d", "2026-08-25", "2026-11-23"),
        ("LAST_WEEK", "2026-11-16", "2026-11-22"),
        ("LAST_MONTH", "2026-10-01", "2026-10-31"),
        ("LAST_QUARTER", "2026-07-01", "2026-09-30"),
        ("LAST_YEAR", "2025-01-01", "2025-12-31"),
        ("LAST_3_MONTHS", "2026-08-01", "2026-10-31"),
        ("LAST_6_MONTHS", "2026-05-01", "2026-10-31"),
        ("12m", "2025-11-01", "2026-10-31"),
        ("mtd", "2026-11-01", "2026-11-24"),
        ("qtd", "2026-10-01", "2026-11-24"),
        ("ytd", "2026-01-01", "2026-11-24"),
        ("13m", "2025-11-01", "2026-11-24"),
    ],
)
def test_each_name_is_a_first_and_a_last_day(name: str, first: str, last: str) -> None:
    assert name in INTERVALS
    assert dates(name) == f"{first} {last}"
    assert dates(name.swapcase()) == f"{first} {last}", "capitals or not"
    assert interval(name.swapcase(), BERLIN, NOW).name == name


def test_every_name_is_tried() -> None:
    tried = test_each_name_is_a_first_and_a_last_day.pytestmark[0].args[1]  # type: ignore[attr-defined]
    assert [name for name, _, _ in tried] == list(INTERVALS)


def test_weeks_and_fiscal_years_are_those_of_the_workspace() -> None:
    calendar = Calendar("Europe/Berlin", "sunday", 11)
    assert dates("LAST_WEEK", calendar) == "2026-11-15 2026-11-21"
    assert dates("LAST_QUARTER", calendar) == "2026-08-01 2026-10-31"
    assert dates("LAST_YEAR", calendar) == "2025-11-01 2026-10-31"
    assert dates("qtd", calendar) == "2026-11-01 2026-11-24"
    assert dates("ytd", calendar) == "2026-11-01 2026-11-24"
    assert dates("ytd", Calendar(fiscal_start=12)) == "2025-12-01 2026-11-24"


def test_what_is_one_period_says_of_which_grain() -> None:
    assert {name: interval(name, BERLIN, NOW).grain for name in INTERVALS} == {
        **dict.fromkeys(INTERVALS),
        "YESTERDAY": "day",
        "LAST_WEEK": "week",
        "LAST_MONTH": "month",
        "LAST_QUARTER": "quarter",
        "LAST_YEAR": "year",
    }


def test_today_is_the_date_of_the_zone() -> None:
    late = datetime(2026, 11, 24, 23, 30, tzinfo=UTC)
    assert dates("YESTERDAY", now=late) == "2026-11-24 2026-11-24"
    assert dates("YESTERDAY", Calendar("America/New_York"), late) == "2026-11-23 2026-11-23"


def test_in_reports_running_intervals_end_yesterday() -> None:
    on = date(2026, 11, 24)
    assert in_reports("mtd", on) == "2026-11-01 2026-11-23"
    assert in_reports("13m", on) == "2025-11-01 2026-11-23"
    assert in_reports("LAST_MONTH", on) == "2026-10-01 2026-10-31"


def test_in_reports_a_period_that_begins_today_is_the_whole_one_before() -> None:
    assert in_reports("mtd", date(2026, 3, 1)) == "2026-02-01 2026-02-28"
    assert in_reports("qtd", date(2026, 4, 1)) == "2026-01-01 2026-03-31"
    assert in_reports("ytd", date(2026, 1, 1)) == "2025-01-01 2025-12-31"
    assert in_reports("13m", date(2026, 3, 1)) == "2025-02-01 2026-02-28"
    assert in_reports("qtd", date(2026, 3, 1)) == "2026-01-01 2026-02-28"


@pytest.mark.parametrize(
    ("name", "today", "first"),
    [
        ("P1D", "2026-11-24", "2026-11-23"),
        ("P7D", "2026-11-24", "2026-11-17"),
        ("P2W", "2026-11-24", "2026-11-10"),
        ("P3M", "2026-11-24", "2026-08-24"),
        ("P1Y", "2026-11-24", "2025-11-24"),
        ("p1y6m", "2026-11-24", "2025-05-24"),
        ("P1M", "2026-03-31", "2026-02-28"),
        ("P1M", "2024-03-30", "2024-02-29"),
        ("P1Y", "2024-02-29", "2023-02-28"),
        ("P1M1D", "2026-03-31", "2026-02-27"),
        ("P0Y0M1W0D", "2026-11-24", "2026-11-17"),
    ],
)
def test_a_duration_ends_yesterday_and_a_missing_day_becomes_the_months_last(
    name: str, today: str, first: str
) -> None:
    now = datetime.fromisoformat(f"{today}T12:00Z")
    found = interval(name, BERLIN, now)
    assert (found.name, found.grain) == (name.upper(), None)
    assert found.first_on == date.fromisoformat(first)
    assert found.last_on == date.fromisoformat(today) - timedelta(days=1)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("PT12H", "whole days"),
        ("P1DT12H", "whole days"),
        ("P0D", "at least one day"),
        ("P0Y0M", "at least one day"),
        ("P60Y", "1966-11-24 lies before 1980-01-01"),
        ("P3000Y", "before 1980-01-01"),
        ("P99999999999999999999W", "before 1980-01-01"),
        ("LAST_WEAK", "did you mean LAST_WEEK"),
        ("yesterdy", "did you mean YESTERDAY"),
        ("P", "did you mean P7D"),
        ("P1.5D", "did you mean P"),
        ("-P1D", "did you mean P"),
        ("", "there are YESTERDAY, LAST_7_DAYS"),
        ("zzz", "there are YESTERDAY, LAST_7_DAYS"),
    ],
)
def test_what_is_no_interval_is_told_what_is(name: str, why: str) -> None:
    with pytest.raises(BadRequest, match=why):
        interval(name, BERLIN, NOW)


def test_an_interval_is_the_time_from_its_first_days_start_to_its_lasts_end() -> None:
    found = bounds(BERLIN, date(2026, 10, 25), date(2026, 10, 25))
    assert found == BERLIN.day(date(2026, 10, 25))
    assert found.end_at - found.start_at == timedelta(hours=25)


def test_a_range_that_ends_before_it_starts_or_begins_before_1980_is_refused() -> None:
    with pytest.raises(BadRequest, match="ends on 2026-01-01, before it starts on 2026-01-02"):
        bounds(BERLIN, date(2026, 1, 2), date(2026, 1, 1))
    with pytest.raises(BadRequest, match="1979-12-31 lies before 1980-01-01"):
        bounds(BERLIN, date(1979, 12, 31), date(1980, 1, 1))
    assert bounds(BERLIN, date(1980, 1, 1), date(1980, 1, 1)).start_at.year == 1979
    with pytest.raises(BadRequest, match="1968 to 2099"):
        bounds(BERLIN, date(2026, 1, 1), date.max)


def test_a_date_that_never_was_is_an_empty_day_at_either_end() -> None:
    apia = Calendar("Pacific/Apia")
    after = datetime(2011, 12, 31, 0, tzinfo=UTC)
    found = interval("YESTERDAY", apia, after)
    assert found.last_on == date(2011, 12, 30)
    empty = bounds(apia, found.first_on, found.last_on)
    assert empty.start_at == empty.end_at == apia.day(date(2011, 12, 31)).start_at
    longer = bounds(apia, date(2011, 12, 29), date(2011, 12, 30))
    assert longer == apia.day(date(2011, 12, 29))
