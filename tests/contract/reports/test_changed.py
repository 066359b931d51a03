"""A report is given another interval, zone, name, schedule or place, between its runs."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tallymark.errors import Conflict
from tallymark.reports.service import Reports

from .conftest import House

REQUEST: dict[str, Any] = {
    "report_name": "sales",
    "query_engine": "TOLD",
    "execution_frequency": "DAILY",
    "at": "06:00",
    "report_interval": "YESTERDAY",
    "query_json": {"a": 1},
    "output_format": "csv",
    "output_field_names": {"date": "day", "n": "N"},
}
DAY = timedelta(days=1)


@pytest.fixture
def reports(house: House) -> Reports:
    return Reports(parts=house.generator.parts, formats=["csv"], addresses={"": "file:///lake"})


def submit(reports: Reports, **changes: Any) -> str:
    wanted = {name: value for name, value in (REQUEST | changes).items() if value is not None}
    return reports.submit(json.dumps(wanted)).report_id


def patch(reports: Reports, report_id: str, **changes: Any) -> None:
    reports.patch(report_id, json.dumps(changes))


def regenerate(reports: Reports, *, from_on: str, to_on: str) -> dict[str, list[str]]:
    """What is left out, by reason."""
    interval = {"from": from_on, "to": to_on}
    asked = {"report_list": [], "replay_interval": interval, "reason": "a change"}
    found = reports.regenerate(json.dumps(asked))
    return {one.reason: list(one.end_dates) for one in found.left_out}


def spans(house: House) -> list[tuple[str, str, datetime, datetime]]:
    """What was asked for: dates, and the instants sent."""
    return [
        (str(w.first_on), str(w.end_on), w.period.start_at, w.period.end_at)
        for w in house.engine.windows
    ]


def days(zone: str, first: date, last: date) -> tuple[str, str, datetime, datetime]:
    """By zoneinfo alone."""
    local = [datetime(d.year, d.month, d.day, tzinfo=ZoneInfo(zone)) for d in (first, last + DAY)]
    return (str(first), str(last), local[0].astimezone(UTC), local[1].astimezone(UTC))


THEN = date(2026, 11, 23)


def test_a_date_made_again_covers_what_the_report_covers_now(
    house: House, reports: Reports
) -> None:
    report_id = submit(reports)
    house.work()
    patch(reports, report_id, report_interval="LAST_7_DAYS")
    regenerate(reports, from_on=str(THEN), to_on=str(THEN))
    house.work()
    patch(reports, report_id, time_zone="America/New_York")
    regenerate(reports, from_on=str(THEN), to_on=str(THEN))
    house.work()
    week = THEN - timedelta(days=6)
    assert spans(house) == [
        days("Asia/Kolkata", THEN, THEN),
        days("Asia/Kolkata", week, THEN),
        days("America/New_York", week, THEN),
    ]
    newest = house.runs(report_id)[0]
    assert (newest.first_on, newest.start_at) == (str(week), spans(house)[2][2])


def test_a_date_that_the_report_is_not_due_with_any_more_is_left_out(
    house: House, reports: Reports
) -> None:
    report_id = submit(reports)
    house.work()
    patch(reports, report_id, report_interval="LAST_MONTH")
    left = regenerate(reports, from_on="2026-11-22", to_on="2026-11-23")
    assert list(left.values()) == [["2026-11-22", "2026-11-23"]]


def test_a_waiting_date_covers_what_the_report_covers_now(house: House, reports: Reports) -> None:
    house.engine.waits = {THEN: "lag 5"}
    report_id = submit(reports)
    house.work()
    house.engine.waits = {}
    patch(reports, report_id, report_interval="LAST_7_DAYS", time_zone="America/New_York")
    house.later(minutes=1)
    house.work()
    assert spans(house) == [days("America/New_York", THEN - timedelta(days=6), THEN)]
    [run] = house.runs(report_id)
    assert (run.state, run.revision, run.first_on) == ("SUCCESS", 1, "2026-11-17")


def test_a_waiting_date_that_is_not_due_any_more_is_closed(house: House, reports: Reports) -> None:
    house.engine.waits = {THEN: "lag 5"}
    report_id = submit(reports)
    house.work()
    patch(reports, report_id, report_interval="LAST_MONTH")
    house.work()
    run = next(run for run in house.runs(report_id) if run.end_on == str(THEN))
    assert (run.state, run.open) == ("FAILED", False)
    assert run.error == "the report was changed, and is not due with this end date any more"
    assert house.engine.asked == []


def test_files_stay_where_they_are_when_a_report_goes_to_another_place(
    house: House, reports: Reports
) -> None:
    report_id = submit(reports, retention="7d")
    house.work()
    key = f"druid-reports/{report_id}-2026-11-23.csv"
    before = house.files.get(key)
    patch(reports, report_id, destination={"prefix": "elsewhere"})
    house.work()
    house.later(days=20)
    house.work()
    assert house.files.get(key) == before, "nobody looks after it any more"
    assert house.engine.asked.count(THEN) == 1
    assert not house.files.exists("elsewhere/" + key.partition("/")[2])


def test_a_name_that_an_earlier_file_has_is_given_to_no_other_report(
    house: House, reports: Reports
) -> None:
    report_id = submit(reports, output_file_pattern="sales-{end_date}.csv")
    house.work()
    patch(reports, report_id, output_file_pattern="old-{end_date}.csv")
    taken = {"report_name": "other", "output_file_pattern": "sales-{end_date}.csv"}
    with pytest.raises(Conflict, match=f"sales-2026-11-23.csv, a file that {report_id} has made"):
        submit(reports, **taken)
    # once it lies under its new name, the old one is free
    regenerate(reports, from_on=str(THEN), to_on=str(THEN))
    house.work()
    submit(reports, **taken)


def test_no_two_reports_have_one_name_and_interval_also_after_a_change(
    house: House, reports: Reports
) -> None:
    first, second = submit(reports), submit(reports, report_name="other")
    with pytest.raises(Conflict, match=f"there is a report {first} already, with this name"):
        patch(reports, second, report_name="sales")
    patch(reports, first, report_name="renamed")
    with pytest.raises(Conflict, match=f"{first} already, now called 'renamed'"):
        submit(reports)
    patch(reports, second, report_name="sales")


@pytest.mark.parametrize("before", ["QUARTERLY", "ONCE", "MONTHLY"])
def test_another_schedule_makes_up_nothing(before: str, house: House, reports: Reports) -> None:
    report_id = submit(reports, at=None, execution_frequency=before)
    house.work()
    made = set(house.states(report_id))
    house.later(days=20)
    patch(reports, report_id, execution_frequency="DAILY")
    house.work()
    assert set(house.states(report_id)) - made == {"2026-12-13"}


def test_a_report_that_has_run_once_runs_again_only_for_other_dates(
    house: House, reports: Reports
) -> None:
    report_id = submit(reports, at=None, execution_frequency="ONCE")
    patch(reports, report_id, retention="90d")  # before it has run at all
    house.work()
    house.later(days=10)
    patch(reports, report_id, retention="91d")
    house.work()
    assert list(house.states(report_id)) == ["2026-11-23"]
    patch(reports, report_id, report_interval="LAST_7_DAYS")
    house.work()
    assert list(house.states(report_id)) == ["2026-11-23", "2026-12-03"]


def test_a_report_of_dates_to_come_is_due_when_they_have_ended(
    house: House, reports: Reports
) -> None:
    dates = {"from": "2026-11-20", "to": "2026-11-26"}
    report_id = submit(reports, at=None, execution_frequency="ONCE", report_interval=dates)
    house.work()
    assert house.runs(report_id) == []
    house.clock.advance_to(datetime(2026, 11, 26, 18, 29, 59, tzinfo=UTC))
    house.work()
    assert house.runs(report_id) == []
    house.later(seconds=1)
    house.work()
    assert house.states(report_id) == {"2026-11-26": "SUCCESS"}


def test_a_monthly_report_without_catch_up_has_something_to_do_at_once(
    house: House, reports: Reports
) -> None:
    house.clock.advance_to(datetime(2026, 12, 31, 9, tzinfo=UTC))
    report_id = submit(
        reports, execution_frequency="MONTHLY", report_interval="LAST_MONTH", catch_up="none"
    )
    house.work()
    assert house.states(report_id) == {"2026-11-30": "SUCCESS"}
