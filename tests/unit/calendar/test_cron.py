"""Five years of cron texts in awkward zones, against a daemon that looks at the clock.

The plain run looks at the days around the changes of the first two years; SOAK=1 at all days.
"""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tallymark.calendar.periods import Calendar, floor_s
from tallymark.calendar.recurring import CRON_NAMES
from tallymark.calendar.schedule import Schedule
from tallymark.model import WeekStart
from tests.unit.calendar.cron_oracle import Looked, Quiet, Text, watched

SOAK = bool(os.environ.get("SOAK"))
YEARS = 5 if SOAK else 2
SOME_DAYS = 40
"""What the plain run looks at where a clock is never changed."""

ZONES = {
    "Europe/Berlin": 2024,
    "America/St_Johns": 2010,  # clocks changed at 00:01
    "America/Havana": 2022,  # at midnight, and at 01:00 back to it
    "America/Caracas": 2007,  # half an hour back
    "Africa/Casablanca": 2016,  # four times a year
    "Antarctica/Casey": 2018,  # three hours
    "Antarctica/Troll": 2024,  # two hours
    "Asia/Gaza": 2020,  # at midnight, at 01:00, at 02:00
    "Asia/Kathmandu": 2024,  # +05:45, never
    "Australia/Lord_Howe": 2022,  # half an hour
    "Pacific/Apia": 2011,  # a day that never was
    "Pacific/Chatham": 2023,  # +12:45, at 02:45
}
TEXTS = (
    # fixed times, in and around what clocks leave out and repeat
    *("0 0 * * *", "1 0 * * *", "30 0 * * *", "59 0 * * *", "0 1 * * *", "30 1 * * *"),
    *("59 1 * * *", "0 2 * * *", "15 2 * * *", "30 2 * * *", "45 2 * * *", "59 2 * * *"),
    *("0 3 * * *", "30 3 * * *", "44 3 * * *", "45 3 * * *", "0 12 * * *", "59 23 * * *"),
    *("0,30 0 * * *", "15,45 2 * * *", "10,20,50 1,2 * * *", "5 0-4 * * *", "0 0-23 * * *"),
    *("2-58/7 1,2 * * *", "0 0,12 * * *", "30 1-3/2 * * *", "0-3 0 * * *", "30 23 * * 6,7"),
    # fixed times on some dates
    *("0 6 * * 1-5", "30 2 * * 0", "30 2 * * SUN", "0 0 * * 7", "0 6 1 * *", "0 0 1 1 *"),
    *("30 0 1,15 * *", "0 0 13 * 5", "0 0 */2 * 1", "0 0 29 2 *", "0 12 31 12 *"),
    *("15 2 25-31 MAR,OCT 0", "0 3 * 1-6/5 MON-FRI", "45 23 30 12 *", "0 0 31 */2 *"),
    # real time counts
    *("0 * * * *", "30 * * * *", "59 * * * *", "*/15 * * * *", "*/30 2 * * *", "*/7 0-3 * * *"),
    *("* 2 * * *", "* * 25-31 3,10 0", "0 */3 * * *", "17 */2 * * *", "30 */5 1 * *"),
    *("*/20 3 * * 0", "0,30 */12 * * *", "*/25 23 * * *", "* 0 1 11 *", "45 */1 * * MON"),
    *("*/10 1,2 * 3-4 *", "30 */24 * * *"),
)


def stretches(zone: str) -> list[Quiet | Looked]:
    found = watched(zone, ZONES[zone], YEARS)
    around = [part for part in found if isinstance(part, Looked)]
    if SOAK or around:
        return list(found) if SOAK else around
    (never,) = found
    assert isinstance(never, Quiet)
    return [replace(never, end=never.start + SOME_DAYS * 1440)]


def ours(schedule: Schedule, start: int, end: int) -> list[int]:
    """The minutes of `[start, end)` at which it runs."""
    start_at, end_at = (datetime.fromtimestamp(minute * 60, UTC) for minute in (start, end))
    found = schedule.periods(start_at, end_at)
    return [floor_s(p.start_at) // 60 for p in found if start_at <= p.start_at]


def agrees(schedule: Schedule, text: Text, zone: str) -> None:
    for part in stretches(zone):
        found, expected = ours(schedule, part.start, part.end), part.runs(text)
        skipped, more = set(expected) - set(found), set(found) - set(expected)
        assert (skipped, more) == (set(), set()), f"{schedule.text} in {zone}, minutes since 1970"
        assert found == expected


@pytest.mark.parametrize("zone", ZONES)
def test_cron_texts_run_when_a_daemon_would_run_them(zone: str) -> None:
    for text in TEXTS:
        agrees(Schedule.parse(text, zone), Text(text), zone)


@pytest.mark.parametrize("zone", ZONES)
def test_a_name_of_cron_is_its_five_fields(zone: str) -> None:
    for name, text in CRON_NAMES.items():
        agrees(Schedule.parse(name, zone), Text(text), zone)


# by week start and first month of the year, what cron would have to be told
CALENDARS: dict[tuple[WeekStart, int], tuple[str, str]] = {
    ("monday", 1): ("* * 1", "1 1,4,7,10 *"),
    ("sunday", 2): ("* * 0", "1 2,5,8,11 *"),
    ("saturday", 12): ("* * 6", "1 3,6,9,12 *"),
}


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize(("week_start", "fiscal_start"), CALENDARS, ids=str)
def test_a_workspace_day_week_month_and_quarter_is_a_fixed_time(
    zone: str, week_start: WeekStart, fiscal_start: int
) -> None:
    calendar = Calendar(zone, week_start, fiscal_start)
    week, quarter = CALENDARS[week_start, fiscal_start]
    days = {"DAILY": "* * *", "WEEKLY": week, "MONTHLY": "1 * *", "QUARTERLY": quarter}
    for word, on in days.items():
        for time, fields in {"": "0 0", " 02:30": "30 2", " at 23:59": "59 23"}.items():
            agrees(Schedule.in_calendar(word + time, calendar), Text(f"{fields} {on}"), zone)
