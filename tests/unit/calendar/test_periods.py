from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest

from tallymark.calendar.periods import Calendar
from tallymark.errors import BadRequest
from tallymark.model import GRAINS, Grain, Period, WeekStart

MINUTE = timedelta(minutes=1)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def hours_of(calendar: Calendar, on: date) -> list[Period]:
    day = calendar.day(on)
    return calendar.periods("hour", day.start_at, day.end_at)


def lengths(periods: list[Period]) -> list[int]:
    return [(period.end_at - period.start_at) // MINUTE for period in periods]


def keys(calendar: Calendar, grain: Grain, periods: list[Period]) -> list[str]:
    return [calendar.key(grain, period) for period in periods]


def test_berlins_autumn_day_has_25_hours_with_25_keys() -> None:
    calendar = Calendar("Europe/Berlin")
    hours = hours_of(calendar, date(2026, 10, 25))
    found = keys(calendar, "hour", hours)
    assert lengths(hours) == [60] * 25
    assert len(set(found)) == 25
    assert found[:5] == [
        "2026-10-25T00",
        "2026-10-25T01",
        "2026-10-25T02+02:00",
        "2026-10-25T02+01:00",
        "2026-10-25T03",
    ]
    assert found[-1] == "2026-10-25T23"
    assert hours[0].start_at == utc("2026-10-24T22:00")
    assert hours[-1].end_at == utc("2026-10-25T23:00")


def test_berlins_spring_day_has_23_hours() -> None:
    calendar = Calendar("Europe/Berlin")
    found = keys(calendar, "hour", hours_of(calendar, date(2026, 3, 29)))
    assert len(found) == 23
    assert found[1:3] == ["2026-03-29T01", "2026-03-29T03"]


@pytest.mark.parametrize(
    ("grain", "key", "start", "end"),
    [
        ("hour", "2026-11-22T15", "2026-11-22T14:00", "2026-11-22T15:00"),
        ("day", "2026-11-22", "2026-11-21T23:00", "2026-11-22T23:00"),
        ("week", "2026-W47", "2026-11-15T23:00", "2026-11-22T23:00"),
        ("month", "2026-11", "2026-10-31T23:00", "2026-11-30T23:00"),
        ("quarter", "2026-Q4", "2026-09-30T22:00", "2026-12-31T23:00"),
        ("year", "2026", "2025-12-31T23:00", "2026-12-31T23:00"),
    ],
)
def test_an_instant_lies_in_one_period_of_each_grain(
    grain: Grain, key: str, start: str, end: str
) -> None:
    calendar = Calendar("Europe/Berlin")
    period = calendar.period(grain, utc("2026-11-22T14:30:59.999999"))
    assert period == Period(utc(start), utc(end))
    assert calendar.key(grain, period) == key


@pytest.mark.parametrize(
    ("on", "key"),
    [
        (date(2027, 1, 1), "2026-W53"),
        (date(2027, 1, 3), "2026-W53"),
        (date(2027, 1, 4), "2027-W01"),
        (date(2024, 12, 30), "2025-W01"),
        (date(2026, 11, 16), "2026-W47"),
        (date(2026, 11, 15), "2026-W46"),
    ],
)
def test_weeks_begin_on_monday_and_are_named_as_iso_names_them(on: date, key: str) -> None:
    calendar = Calendar("America/New_York")
    week = calendar.period("week", calendar.day(on).start_at)
    assert calendar.key("week", week) == key
    assert calendar.date_of(week.start_at).weekday() == 0
    assert week.end_at - week.start_at in (timedelta(days=7), timedelta(days=7))


def test_a_leap_day_is_a_day_and_its_year_has_366() -> None:
    calendar = Calendar()
    year = calendar.period("year", utc("2028-02-29T12:00"))
    assert len(calendar.periods("day", year.start_at, year.end_at)) == 366
    assert calendar.key("day", calendar.day(date(2028, 2, 29))) == "2028-02-29"


def test_a_period_begins_at_its_start_and_has_ended_at_its_end() -> None:
    calendar = Calendar("Asia/Kathmandu")
    for grain in GRAINS:
        period = calendar.period(grain, utc("2026-05-05T05:05"))
        assert calendar.period(grain, period.start_at) == period
        assert calendar.period(grain, period.end_at - timedelta(microseconds=1)) == period
        assert calendar.period(grain, period.end_at).start_at == period.end_at
        assert calendar.periods(grain, period.start_at, period.end_at) == [period]


def test_periods_that_overlap_a_range_come_whole() -> None:
    found = Calendar().periods("day", utc("2026-05-05T05:05"), utc("2026-05-06T00:00:00.000001"))
    assert found == [
        Period(utc("2026-05-05T00:00"), utc("2026-05-06T00:00")),
        Period(utc("2026-05-06T00:00"), utc("2026-05-07T00:00")),
    ]


def test_an_empty_range_has_no_periods() -> None:
    at = utc("2026-05-05T05:05")
    assert Calendar().periods("hour", at, at) == []
    assert Calendar().periods("year", at, at - MINUTE) == []


def test_kathmandus_clock_jumped_over_the_first_quarter_of_1986() -> None:
    calendar = Calendar("Asia/Kathmandu")
    day = calendar.day(date(1986, 1, 1))
    assert day.start_at == utc("1985-12-31T18:30")
    hours = hours_of(calendar, date(1986, 1, 1))
    assert lengths(hours)[:2] == [45, 60]
    assert keys(calendar, "hour", hours)[:2] == ["1986-01-01T00", "1986-01-01T01"]
    for grain in ("week", "month", "quarter", "year"):
        assert day.start_at >= calendar.period(grain, day.start_at).start_at
    assert calendar.period("year", day.start_at).start_at == day.start_at
    assert calendar.day(date(1985, 12, 31)).end_at == day.start_at


def test_st_johns_day_begins_before_the_clock_goes_back_over_midnight() -> None:
    # at 00:01 the clock showed 23:01 of the day before
    calendar = Calendar("America/St_Johns")
    hours = hours_of(calendar, date(2006, 10, 29))
    assert hours[0].start_at == utc("2006-10-29T02:30")
    assert lengths(hours) == [60] * 25
    assert keys(calendar, "hour", hours)[:3] == [
        "2006-10-29T00-02:30",
        "2006-10-29T00-03:30",
        "2006-10-29T01",
    ]
    assert calendar.date_of(utc("2006-10-29T02:45")) == date(2006, 10, 29)


def test_st_johns_spring_hour_holds_the_minutes_of_two() -> None:
    calendar = Calendar("America/St_Johns")
    hours = hours_of(calendar, date(2006, 4, 2))
    assert lengths(hours) == [60] * 23
    assert keys(calendar, "hour", hours)[:2] == ["2006-04-02T00", "2006-04-02T02"]


def test_apia_had_no_30th_of_december_2011() -> None:
    calendar = Calendar("Pacific/Apia")
    with pytest.raises(ValueError, match="2011-12-30 never was in Pacific/Apia"):
        calendar.day(date(2011, 12, 30))
    before, after = calendar.day(date(2011, 12, 29)), calendar.day(date(2011, 12, 31))
    assert before.end_at == after.start_at == utc("2011-12-30T10:00")
    month = calendar.period("month", before.start_at)
    assert len(calendar.periods("day", month.start_at, month.end_at)) == 30
    week = calendar.period("week", before.start_at)
    assert len(calendar.periods("day", week.start_at, week.end_at)) == 6


def test_kwajalein_had_no_21st_of_august_1993() -> None:
    calendar = Calendar("Pacific/Kwajalein")
    with pytest.raises(ValueError, match="never was"):
        calendar.day(date(1993, 8, 21))
    assert calendar.day(date(1993, 8, 20)).end_at == calendar.day(date(1993, 8, 22)).start_at


def test_lord_howes_clock_changes_by_half_an_hour() -> None:
    calendar = Calendar("Australia/Lord_Howe")
    autumn, spring = (hours_of(calendar, on) for on in (date(2026, 4, 5), date(2026, 10, 4)))
    assert lengths(autumn) == [60, 90, *[60] * 22]
    assert lengths(spring) == [60, 90, *[60] * 21]
    assert "2026-04-05T01" in keys(calendar, "hour", autumn)
    assert keys(calendar, "hour", spring)[1:3] == ["2026-10-04T01", "2026-10-04T03"]


@pytest.mark.parametrize("on", [date(2020, 10, 4), date(2021, 3, 14), date(2022, 3, 13)])
def test_caseys_days_tile_where_its_clock_changed_by_three_hours_at_one_past(on: date) -> None:
    calendar = Calendar("Antarctica/Casey")
    hours = hours_of(calendar, on)
    found = keys(calendar, "hour", hours)
    assert sum(lengths(hours)) in (21 * 60, 24 * 60, 27 * 60)
    assert len(set(found)) == len(found)
    assert hours[0].start_at == calendar.day(on).start_at


def test_havanas_midnight_that_comes_twice_begins_its_day_once() -> None:
    calendar = Calendar("America/Havana")
    hours = hours_of(calendar, date(2025, 11, 2))
    assert len(hours) == 25
    assert keys(calendar, "hour", hours)[:2] == ["2025-11-02T00-04:00", "2025-11-02T00-05:00"]


def test_beiruts_day_begins_where_its_midnight_was_left_out() -> None:
    calendar = Calendar("Asia/Beirut")
    hours = hours_of(calendar, date(2026, 3, 29))
    assert len(hours) == 23
    assert keys(calendar, "hour", hours)[0] == "2026-03-29T01"
    assert calendar.key("day", calendar.day(date(2026, 3, 29))) == "2026-03-29"


@pytest.mark.parametrize(
    "call",
    [
        lambda calendar, at: calendar.period("day", at),
        lambda calendar, at: calendar.periods("day", at, at + MINUTE),
        lambda calendar, at: calendar.date_of(at),
    ],
)
def test_a_naive_instant_is_refused(call: Callable[[Calendar, datetime], object]) -> None:
    naive = datetime(2026, 5, 5)  # noqa: DTZ001
    with pytest.raises(ValueError, match="has no time zone"):
        call(Calendar(), naive)


@pytest.mark.parametrize("year", [1, 1900, 2100, 9998])
def test_an_instant_outside_of_what_is_known_is_refused(year: int) -> None:
    at = datetime(year, 6, 1, tzinfo=UTC)
    with pytest.raises(BadRequest, match="1968 to 2099"):
        Calendar("Europe/Berlin").period("hour", at)
    with pytest.raises(BadRequest, match="1968 to 2099"):
        Calendar("Europe/Berlin").periods(
            "day", min(at, utc("2026-01-01")), max(at, utc("2026-01-01"))
        )
    with pytest.raises(BadRequest, match="1968 to 2099"):
        Calendar("Europe/Berlin").day(at.date())


def test_instants_of_another_zone_are_the_same_instants() -> None:
    calendar = Calendar("Europe/Berlin")
    at = datetime.fromisoformat("2026-11-22T20:15:00+05:45")
    assert calendar.period("hour", at) == calendar.period("hour", at.astimezone(UTC))
    assert calendar.period("hour", at).start_at.tzinfo is UTC


def test_calendars_of_one_zone_are_equal() -> None:
    assert Calendar("Europe/Berlin") == Calendar("Europe/Berlin") != Calendar("UTC")
    assert Calendar() == Calendar("UTC")


@pytest.mark.parametrize(
    ("week_start", "first_on", "key"),
    [
        ("monday", date(2026, 12, 28), "2026-W53"),
        ("sunday", date(2026, 12, 27), "2026-W52"),
        ("saturday", date(2026, 12, 26), "2026-W52"),
    ],
)
def test_a_week_belongs_to_the_year_that_holds_its_fourth_day(
    week_start: WeekStart, first_on: date, key: str
) -> None:
    calendar = Calendar(week_start=week_start)
    week = calendar.period("week", utc("2027-01-01"))
    assert week.start_at.date() == first_on
    assert calendar.key("week", week) == key


@pytest.mark.parametrize("month", range(1, 13))
def test_a_fiscal_year_is_named_after_the_year_in_which_it_ends(month: int) -> None:
    calendar = Calendar(fiscal_start=month)
    year = calendar.period("year", utc("2026-05-20"))
    ends_in = (year.end_at - timedelta(days=1)).year
    assert calendar.key("year", year) == (f"FY{ends_in}" if month > 1 else "2026")
    assert year.start_at.month == month
    quarters = calendar.periods("quarter", year.start_at, year.end_at)
    assert [calendar.key("quarter", q)[-2:] for q in quarters] == ["Q1", "Q2", "Q3", "Q4"]
