"""`tallymark calendar`, as people and programs ask it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from .conftest import Run

ROOT = Path(__file__).parents[3]
BERLIN = ("--zone", "Europe/Berlin", "--week-start", "sunday", "--fiscal-start", "10")


def test_a_grain_is_the_period_that_holds_the_instant(run: Run) -> None:
    found = run("calendar", "quarter", "--at", "2026-11-24", *BERLIN, "--json")
    assert (found.code, found.json) == (
        0,
        {
            "name": "quarter",
            "zone": "Europe/Berlin",
            "start_at": "2026-09-30T22:00:00Z",
            "end_at": "2026-12-31T23:00:00Z",
            "start_date": "2026-10-01",
            "end_date": "2026-12-31",
            "key": "FY2027-Q1",
        },
    )


@pytest.mark.parametrize(
    ("at", "key"),
    [
        ("2026-10-25T01:30:00Z", "2026-10-25T02+01:00"),
        ("2026-10-25T03:30:00+02:00", "2026-10-25T02+01:00"),
        ("2026-10-25T02:30", "2026-10-25T02+02:00"),
        ("2026-03-29T02:30", "2026-03-29T03"),
        ("2026-03-29", "2026-03-29T00"),
    ],
)
def test_a_time_without_offset_is_the_zones(run: Run, at: str, key: str) -> None:
    assert run("calendar", "hour", "--at", at, *BERLIN, "--json").json["key"] == key


def test_an_interval_has_a_key_where_it_is_a_period(run: Run) -> None:
    asked = ("--at", "2026-11-24T12:00:00Z", *BERLIN, "--json")
    week = run("calendar", "last_week", *asked).json
    assert (week["name"], week["start_date"], week["end_date"], week["key"]) == (
        *("LAST_WEEK", "2026-11-15", "2026-11-21", "2026-W46"),
    )
    days = run("calendar", "28d", *asked).json
    assert (days["start_date"], days["end_date"], days["key"]) == (
        *("2026-10-27", "2026-11-23", None),
    )
    assert (days["start_at"], days["end_at"]) == ("2026-10-26T23:00:00Z", "2026-11-23T23:00:00Z")


def test_an_overlay_is_its_range_and_the_one_that_it_is_laid_beside(run: Run) -> None:
    asked = ("calendar", "compare:month", "--grain", "month", "--at", "2026-03-24")
    assert run(*asked, "--json").json == {
        "name": "compare:month",
        "zone": "UTC",
        "start_at": "2026-02-01T00:00:00Z",
        "end_at": "2026-03-01T00:00:00Z",
        "start_date": "2026-02-01",
        "end_date": "2026-02-28",
        "key": "2026-02",
        "of_start_at": "2026-03-01T00:00:00Z",
        "of_end_at": "2026-04-01T00:00:00Z",
        "days": 31,
        "compare_days": 28,
        "reason": None,
    }
    assert run(*asked).out.splitlines() == [
        "Mar 2026 beside Feb 2026, 31 days against 28",
        "from 2026-02-01T00:00:00Z up to 2026-03-01T00:00:00Z, in UTC",
    ]


def test_an_overlay_without_a_partner_says_why(run: Run) -> None:
    asked = ("calendar", "compare:month", "--at", "2026-03-31")
    found = run(*asked, "--json").json
    assert [found[name] for name in ("start_at", "end_at", "start_date", "end_date", "key")] == (
        [None] * 5
    )
    assert (found["of_start_at"], found["days"]) == ("2026-03-31T00:00:00Z", 1)
    assert found["reason"] == "February 2026 has no day 31"
    assert run(*asked).out == "Tue 31 Mar 2026 has no partner: February 2026 has no day 31\n"
    by_weekday = run(*asked, "--align", "weekday").out
    assert by_weekday.startswith("Tue 31 Mar 2026 beside Tue 3 Mar 2026\n")


def test_people_are_told_in_words(run: Run) -> None:
    assert run("calendar", "week", "--at", "2026-08-05", *BERLIN).out.splitlines() == [
        "week: 2–8 Aug 2026 (2026-W31)",
        "from 2026-08-01T22:00:00Z up to 2026-08-08T22:00:00Z, in Europe/Berlin",
    ]


def test_the_examples_of_the_page_are_what_it_prints(run: Run) -> None:
    page = (ROOT / "docs" / "calendar.md").read_text(encoding="utf-8")
    [block] = re.findall(r"^```\n(\$ tallymark calendar .*?)^```$", page, re.MULTILINE | re.DOTALL)
    told = re.findall(r"\$ tallymark ([^\n]+)\n([^$]+)", block)
    assert len(told) == 2
    for command, printed in told:
        assert run(*command.split()).out == printed


def test_what_is_not_said_comes_from_the_workspace(run: Run, home: Path) -> None:
    folder = home / "workspace"
    folder.mkdir(parents=True)
    (folder / "all.yaml").write_text("calendar: {zone: Asia/Tokyo, fiscal_start: 4}\n")
    found = run("calendar", "year", "--at", "2026-03-31", "--json").json
    assert (found["zone"], found["key"]) == ("Asia/Tokyo", "FY2026")
    found = run("calendar", "year", "--at", "2026-03-31", "--fiscal-start", "1", "--json").json
    assert (found["zone"], found["key"]) == ("Asia/Tokyo", "2026")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("wek",), "did you mean week"),
        (("LAST_WEAK",), "did you mean LAST_WEEK"),
        (("PT12H",), "whole days"),
        (("compare:yaer",), "did you mean year"),
        (("compare:year", "--grain", "dya"), "did you mean day"),
        (("compare:year", "--align", "day"), "there are date, weekday"),
        (("compare:month", "--grain", "week"), "by weekday, 4 weeks back"),
        (("compare:week", "--grain", "month"), "a week is shorter than a month"),
        (("day", "--zone", "Berlin"), "did you mean Europe/Berlin"),
        (("day", "--week-start", "friday"), "there are monday, sunday, saturday"),
        (("day", "--fiscal-start", "13"), "1 (January) to 12"),
        (("day", "--at", "1979-12-31"), "1979-12-31 lies before 1980-01-01"),
        (("day", "--at", "1850-01-01T00:00"), "1968 to 2099"),
        (("day", "--at", "yesterday"), "write a date such as 2026-11-22"),
        (("day", "--at", "2011-12-30", "--zone", "Pacific/Apia"), "never was in Pacific/Apia"),
    ],
)
def test_bad_input_is_told_what_is_right(run: Run, arguments: tuple[str, ...], told: str) -> None:
    found = run("calendar", *arguments, "--json")
    assert (found.code, found.out) == (2, "")
    assert told in found.err
