"""Which end dates come due, whenever somebody looks."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from tallymark.calendar.periods import Calendar
from tallymark.reports.define import ONCE, ReportSpec
from tallymark.reports.due import (
    calendar_of,
    due_dates,
    next_due_at,
    planned_before,
    window,
)

BERLIN = Calendar("Europe/Berlin")
DAY = timedelta(days=1)
SEED = 4


def spec(frequency: str = "DAILY", interval: str = "YESTERDAY", **more: Any) -> ReportSpec:
    given: dict[str, Any] = {"report_name": "r", "engine": "lake", "output_format": "csv"}
    given |= {"headings": (), "frequency": frequency, "interval": interval}
    return ReportSpec(**given | more)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def ends(
    report: ReportSpec, after: str, now: str, calendar: Calendar = BERLIN, changed_at: str = ""
) -> list[str]:
    changed = utc(changed_at or after)
    found = due_dates(report, calendar, utc(after), utc(now), changed_at=changed)
    return [str(one.window.end_on) for one in found]


def first_ends(report: ReportSpec, now: str, calendar: Calendar = BERLIN) -> list[str]:
    """Of a report that is configured now."""
    after = planned_before(report, calendar, utc(now))
    found = due_dates(report, calendar, after, utc(now), changed_at=utc(now))
    return [str(one.window.end_on) for one in found]


def test_the_end_date_is_the_last_day_included() -> None:
    assert ends(spec(), "2026-11-21T12:00", "2026-11-22T12:00") == ["2026-11-21"]
    (one,) = due_dates(
        spec(interval="LAST_7_DAYS"),
        BERLIN,
        utc("2026-11-21T12:00"),
        utc("2026-11-22T12:00"),
        changed_at=utc("2026-11-01"),
    )
    assert one.due_at == utc("2026-11-21T23:00")
    assert (str(one.window.first_on), str(one.window.end_on)) == ("2026-11-15", "2026-11-21")
    assert one.window.period.start_at == utc("2026-11-14T23:00")
    assert one.window.period.end_at == utc("2026-11-21T23:00")


def test_a_date_is_due_at_its_tick_and_not_before() -> None:
    report = spec("DAILY 06:00")
    assert ends(report, "2026-11-22T04:00", "2026-11-22T04:59:59") == []
    assert ends(report, "2026-11-22T04:00", "2026-11-22T05:00") == ["2026-11-21"]
    assert ends(report, "2026-11-22T05:00", "2026-11-23T04:59:59") == []
    assert next_due_at(report, BERLIN, utc("2026-11-22T05:00")) == utc("2026-11-23T05:00")


@pytest.mark.parametrize(
    ("frequency", "interval", "first"),
    [
        ("DAILY", "YESTERDAY", "2026-11-23"),
        ("DAILY 06:00", "YESTERDAY", "2026-11-23"),
        ("DAILY 18:00", "YESTERDAY", "2026-11-22"),  # that of today is still to come
        ("WEEKLY", "LAST_WEEK", "2026-11-22"),
        ("MONTHLY", "LAST_MONTH", "2026-10-31"),
        ("QUARTERLY", "LAST_QUARTER", "2026-09-30"),
        ("0 6 * * 1", "LAST_7_DAYS", "2026-11-22"),
    ],
)
def test_a_new_report_runs_at_once_for_the_last_period_that_had_ended(
    frequency: str, interval: str, first: str
) -> None:
    assert first_ends(spec(frequency, interval), "2026-11-24T12:00") == [first]


def test_a_start_is_the_first_end_date_in_the_past_or_to_come() -> None:
    dates = first_ends(spec(start_on="2026-11-20"), "2026-11-24T12:00")
    assert dates == ["2026-11-20", "2026-11-21", "2026-11-22", "2026-11-23"]
    assert first_ends(spec(start_on="2026-12-24"), "2026-11-24T12:00") == []
    weekly = spec("WEEKLY", "LAST_WEEK", start_on="2026-11-12")
    assert first_ends(weekly, "2026-11-24T12:00") == ["2026-11-15", "2026-11-22"]


def test_of_ticks_that_share_an_end_date_only_the_first_makes_it_due() -> None:
    monthly = spec("DAILY", "LAST_MONTH")
    found = due_dates(
        monthly, BERLIN, utc("2026-09-15"), utc("2026-11-24"), changed_at=utc("2026-09-01")
    )
    assert [str(one.window.end_on) for one in found] == ["2026-08-31", "2026-09-30", "2026-10-31"]
    # the second is as old as its month
    assert found[1].due_at == utc("2026-09-30T22:00")


def test_a_report_of_two_dates_is_due_once_from_when_it_was_configured() -> None:
    once = spec(ONCE, "", from_on="2026-10-24", to_on="2026-10-26")
    now = "2026-11-24T12:00"
    assert first_ends(once, now) == ["2026-10-26"]
    assert ends(once, now, "2026-12-24", changed_at=now) == []
    assert ends(once, now, "2026-12-24", changed_at="2026-12-01") == ["2026-10-26"]
    assert next_due_at(once, BERLIN, utc(now)) is None
    assert window(once, BERLIN, utc(now)).period.end_at == utc("2026-10-26T23:00")


def test_a_report_once_of_a_named_interval_is_that_of_its_day() -> None:
    assert first_ends(spec(ONCE, "LAST_30_DAYS"), "2026-11-24T12:00") == ["2026-11-23"]


@pytest.mark.parametrize(
    ("catch_up", "wanted"),
    [
        ("all", ["20", "21", "22", "23"]),
        ("latest", ["23"]),
        ("none", ["23"]),
        ("2d", ["22", "23"]),
        ("60d", ["20", "21", "22", "23"]),
    ],
)
def test_a_catch_up_policy_passes_over_what_is_too_old(catch_up: str, wanted: list[str]) -> None:
    found = ends(spec(catch_up=catch_up), "2026-11-20T12:00", "2026-11-24T12:00")
    assert found == [f"2026-11-{day}" for day in wanted]


def test_the_days_are_those_of_the_reports_zone() -> None:
    report = spec(time_zone="Asia/Kolkata")
    calendar = calendar_of(report, BERLIN)
    assert (calendar.zone, calendar.week_start) == ("Asia/Kolkata", BERLIN.week_start)
    assert calendar_of(spec(), BERLIN) == BERLIN
    (one,) = due_dates(
        report,
        calendar,
        utc("2026-11-21T18:00"),
        utc("2026-11-21T18:30"),
        changed_at=utc("2026-11-01"),
    )
    assert str(one.window.end_on) == "2026-11-21"
    assert one.window.period.end_at == one.due_at == utc("2026-11-21T18:30")


@pytest.mark.parametrize(
    ("frequency", "days"),
    [
        # 02:30 was left out on the 29th of March, and came twice on the 25th of October
        ("DAILY 02:30", ("2026-03-27", "2026-04-01")),
        ("DAILY 02:30", ("2026-10-23", "2026-10-28")),
        ("30 2 * * *", ("2026-10-23", "2026-10-28")),
    ],
)
def test_a_change_of_the_clock_neither_skips_nor_doubles_a_date(
    frequency: str, days: tuple[str, str]
) -> None:
    first, last = map(date.fromisoformat, days)
    found = ends(spec(frequency), f"{days[0]}T12:00", f"{days[1]}T12:00")
    wanted = [str(first + n * DAY) for n in range((last - first).days)]
    assert found == wanted


def test_whenever_somebody_looks_the_same_dates_come_due_none_is_lost() -> None:
    """300 plans by seed: outages of any length change when a date is seen, never which."""
    drawn = random.Random(SEED)
    calendars = [BERLIN, Calendar("America/New_York", "sunday", 10), Calendar("Asia/Kolkata")]
    frequencies = ["DAILY", "DAILY 02:30", "WEEKLY 06:00", "MONTHLY", "QUARTERLY", "0 6 * * 1-5"]
    intervals = ["YESTERDAY", "LAST_7_DAYS", "LAST_WEEK", "LAST_MONTH", "mtd", "P10D"]
    for n in range(300):
        calendar = drawn.choice(calendars)
        report = spec(drawn.choice(frequencies), drawn.choice(intervals))
        start = utc("2026-01-01") + timedelta(hours=drawn.randrange(5000))
        end = start + timedelta(days=drawn.randrange(1, 120))
        looks = sorted(start + drawn.random() * (end - start) for _ in range(drawn.randrange(9)))
        seen: dict[date, Any] = {}
        for after, now in zip([start, *looks], [*looks, end], strict=True):
            for one in due_dates(report, calendar, after, now, changed_at=start):
                assert after < one.due_at <= now
                seen.setdefault(one.window.end_on, one)
        whole = due_dates(report, calendar, start, end, changed_at=start)
        assert list(seen.values()) == whole, (SEED, n)
        assert [one.window.end_on for one in whole] == sorted(one.window.end_on for one in whole)


def test_a_date_that_a_zone_has_left_out_is_not_due() -> None:
    apia = Calendar("Pacific/Apia")
    found = ends(spec(), "2011-12-29T12:00", "2012-01-02T12:00", apia)
    assert found == ["2011-12-31", "2012-01-01", "2012-01-02"]
