from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tallymark.calendar.periods import Calendar
from tallymark.calendar.recurring import CRON_NAMES, WORDS, recurring
from tallymark.calendar.runs import in_words, next_runs
from tallymark.calendar.schedule import Schedule
from tallymark.errors import ConfigError

PAGE = (Path(__file__).parents[3] / "docs" / "calendar.md").read_text()
ROW = re.compile(
    r"^\| `([^`]+)` \| (monday|sunday|saturday), (\d+) \| (\S+ \S+) \| (.+ \((\S+)\)) \|$", re.M
)
EXAMPLES = ROW.findall(PAGE)
ZONE = "Europe/Berlin"


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def said(schedule: Schedule, at: datetime, n: int = 3) -> str:
    return in_words(next_runs(schedule, at, n), schedule.zone, at)


def test_there_are_examples_of_schedules() -> None:
    assert len(EXAMPLES) >= 14


@pytest.mark.parametrize(
    ("text", "week_start", "fiscal_start", "at", "runs", "zone"),
    EXAMPLES,
    ids=[f"{row[0]} {row[3]}" for row in EXAMPLES],
)
def test_an_example_of_the_page_is_so(
    text: str, week_start: str, fiscal_start: str, at: str, runs: str, zone: str
) -> None:
    calendar = Calendar(zone, week_start, int(fiscal_start))  # type: ignore[arg-type]
    assert said(Schedule.in_calendar(text, calendar), utc(at)) == runs


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("DAILY", "daily 00:00"),
        ("WEEKLY 06:00", "Weekly at 06:00"),
        (" MONTHLY  at  23:59 ", "MONTHLY 23:59"),
    ],
)
def test_a_word_is_read_in_any_case_with_or_without_its_time(text: str, same: str) -> None:
    assert recurring(text) == recurring(same) is not None


@pytest.mark.parametrize("text", ["WEEKLY 6:00", "WEEKLY 24:00", "WEEKLY at", "DAILY 06:00 UTC"])
def test_a_word_with_no_time_of_day_behind_it_is_refused_with_the_fix(text: str) -> None:
    word = text.split()[0]
    with pytest.raises(ConfigError, match=f"write {word}, .* from 00:00 to 23:59.* {word} 06:00"):
        Schedule.in_calendar(text, Calendar(ZONE))


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("@dayly", "@daily"),
        ("WEEKLEY 06:00", "WEEKLY"),
        ("montly", "MONTHLY"),
        ("hourly", "@hourly"),
    ],
)
def test_what_is_nearly_a_name_is_refused_with_the_nearest(text: str, meant: str) -> None:
    with pytest.raises(ConfigError, match=f"did you mean {meant}\\?"):
        Schedule.in_calendar(text, Calendar(ZONE))


def test_what_is_nothing_is_refused_with_what_is_right() -> None:
    with pytest.raises(ConfigError, match=r"6h or 7d, or a cron text such as '0 6 \* \* 1-5'$"):
        Schedule.parse("sometimes")
    with pytest.raises(ConfigError, match=r"known are @hourly, @daily, .*@annually$"):
        Schedule.parse("@reboot")


@pytest.mark.parametrize("word", WORDS)
def test_what_is_read_never_goes_by_the_workspace_and_is_told_its_cron_text(word: str) -> None:
    text = f"{word} 06:30"
    with pytest.raises(ConfigError, match=r"must not change with it: write '(.*)', which") as told:
        Schedule.parse(text, ZONE)
    found = re.search(r"write '(.*)', which", str(told.value))
    assert found is not None
    at = utc("2026-11-24T12:00")
    plain = Schedule.in_calendar(text, Calendar(ZONE))
    assert next_runs(Schedule.parse(found[1], ZONE), at, 20) == next_runs(plain, at, 20)


def test_schedules_of_two_calendars_are_two() -> None:
    monday, sunday = Calendar(ZONE), Calendar(ZONE, "sunday")
    assert Schedule.in_calendar("WEEKLY", monday) != Schedule.in_calendar("WEEKLY", sunday)
    assert Schedule.in_calendar("WEEKLY", sunday) == Schedule.in_calendar("WEEKLY", sunday)
    assert Schedule.in_calendar("6h", monday) == Schedule.parse("6h", ZONE)


@pytest.mark.parametrize("name", CRON_NAMES)
def test_a_schedule_keeps_the_text_that_it_was_written_as(name: str) -> None:
    assert Schedule.parse(name).text == name
    assert Schedule.parse(name.upper()).step_s == Schedule.parse(name).step_s


def test_a_single_run_is_said_without_an_and() -> None:
    at = utc("2026-11-24T12:00")
    assert said(Schedule.parse("@daily"), at, 1) == "Wed 25 Nov 00:00 (UTC)"
    assert said(Schedule.parse("@daily"), at, 2) == "Wed 25 Nov 00:00 and Thu 26 Nov 00:00 (UTC)"
