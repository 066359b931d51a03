from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from cronsim import CronSim

from tallymark.calendar.periods import Calendar
from tallymark.calendar.schedule import Schedule, parse_duration
from tallymark.errors import BadRequest, ConfigError
from tallymark.model import Grain, Period
from tests.unit.calendar.oracle import zone_of

SECOND = timedelta(seconds=1)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def ticks(schedule: Schedule, start: str, end: str) -> list[datetime]:
    """The period starts in `[start, end)`."""
    found = schedule.periods(utc(start), utc(end))
    assert [period.end_at for period in found[:-1]] == [period.start_at for period in found[1:]]
    return [period.start_at for period in found if period.start_at >= utc(start)]


@pytest.mark.parametrize(
    ("text", "start", "end"),
    [
        ("30m", "2026-11-18T14:30", "2026-11-18T15:00"),
        ("1h", "2026-11-18T14:00", "2026-11-18T15:00"),
        ("60m", "2026-11-18T14:00", "2026-11-18T15:00"),
        ("6h", "2026-11-18T12:00", "2026-11-18T18:00"),
        ("1d", "2026-11-17T23:00", "2026-11-18T23:00"),
        ("24h", "2026-11-17T23:00", "2026-11-18T23:00"),
        ("7d", "2026-11-16T00:00", "2026-11-23T00:00"),
        ("14d", "2026-11-09T00:00", "2026-11-23T00:00"),
        ("2d", "2026-11-17T00:00", "2026-11-19T00:00"),
        ("0 6 * * 1-5", "2026-11-18T05:00", "2026-11-19T05:00"),
        ("*/20 * * * *", "2026-11-18T14:40", "2026-11-18T15:00"),
        ("0 0 1 * *", "2026-10-31T23:00", "2026-11-30T23:00"),
        ("0 0 29 2 *", "2024-02-28T23:00", "2028-02-28T23:00"),
    ],
)
def test_an_instant_lies_in_one_period_of_a_schedule(text: str, start: str, end: str) -> None:
    schedule = Schedule.parse(text, "Europe/Berlin")
    at = utc("2026-11-18T14:44:44.5")
    period = Period(utc(start), utc(end))
    assert schedule.period(at) == period
    assert schedule.latest(at) == schedule.latest(period.start_at) == period.start_at
    assert schedule.next_after(at) == schedule.next_after(period.start_at) == period.end_at
    assert schedule.latest(period.start_at - SECOND) < period.start_at
    assert schedule.periods(period.start_at, period.end_at) == [period]
    assert schedule.periods(at, at) == []


def test_an_hour_and_a_day_are_those_of_the_calendar() -> None:
    start_at, end_at = utc("2006-01-01"), utc("2007-01-01")
    calendar = Calendar("America/St_Johns")
    texts: dict[str, Grain] = {"1h": "hour", "1d": "day"}
    for text, grain in texts.items():
        schedule = Schedule.parse(text, "America/St_Johns")
        assert schedule.periods(start_at, end_at) == calendar.periods(grain, start_at, end_at)


@pytest.mark.parametrize(
    ("text", "step_s"),
    [
        ("30m", 1800),
        ("1h", 3600),
        ("1d", 86_400),
        ("7d", 7 * 86_400),
        ("0 6 * * 1-5", 86_400),
        ("0,5 6 * * *", 300),
        ("*/15 * * * *", 900),
        ("0 0 1 * *", 28 * 86_400),
    ],
)
def test_the_step_is_the_length_of_a_period_or_the_shortest(text: str, step_s: float) -> None:
    assert Schedule.parse(text).step_s == step_s


@pytest.mark.parametrize(
    ("text", "found"),
    [
        # 02:30 comes twice: it ticks once, the first time
        ("30 2 * * *", ["2026-10-25T00:30"]),
        ("0 3 * * *", ["2026-10-25T02:00"]),
        # real time counts
        (
            "30 * * * *",
            [f"2026-10-{24 + (22 + h) // 24}T{(22 + h) % 24:02d}:30" for h in range(25)],
        ),
        ("*/30 2 * * *", [f"2026-10-25T0{h}:{m}" for h in (0, 1) for m in ("00", "30")]),
    ],
)
def test_cron_follows_debian_on_the_autumn_day(text: str, found: list[str]) -> None:
    schedule = Schedule.parse(text, "Europe/Berlin")
    assert ticks(schedule, "2026-10-24T22:00", "2026-10-25T23:00") == [utc(at) for at in found]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        # 02:30 does not exist: it ticks once, at the end of the gap
        ("30 2 * * *", ["2026-03-29T01:00"]),
        ("15,45 2 * * *", ["2026-03-29T01:00"]),
        ("0 3 * * *", ["2026-03-29T01:00"]),
        ("30 3 * * *", ["2026-03-29T01:30"]),
        # real time counts
        (
            "30 * * * *",
            [f"2026-03-{28 + (23 + h) // 24}T{(23 + h) % 24:02d}:30" for h in range(23)],
        ),
        ("*/30 2 * * *", []),
    ],
)
def test_cron_follows_debian_on_the_spring_day(text: str, found: list[str]) -> None:
    schedule = Schedule.parse(text, "Europe/Berlin")
    assert ticks(schedule, "2026-03-28T23:00", "2026-03-29T22:00") == [utc(at) for at in found]


@pytest.mark.parametrize(
    "zone", ["Europe/Berlin", "America/St_Johns", "America/Havana", "Asia/Kathmandu"]
)
@pytest.mark.parametrize(
    "text", ["30 2 * * *", "5 0 * * *", "0 * * * *", "0 6 * * 1-5", "30 0 1,15 * *"]
)
def test_cron_ticks_as_cronsim_does_from_a_quiet_start(text: str, zone: str) -> None:
    sim = CronSim(text, utc("2026-01-05T12:00").astimezone(zone_of(zone)))
    expected = []
    while (at := next(sim).astimezone(UTC)) < utc("2027-01-01"):
        expected.append(at)
    assert ticks(Schedule.parse(text, zone), "2026-01-05T12:01", "2027-01-01") == expected


@pytest.mark.parametrize(
    "text", ["30 2 * * *", "10,50 2 * * *", "*/15 * * * *", "30 1,2 * * 0", "1h", "1d", "45m"]
)
@pytest.mark.parametrize("day", ["2026-10-24T20:00", "2026-03-28T20:00"])
def test_periods_are_the_same_from_wherever_they_are_asked_for(text: str, day: str) -> None:
    schedule = Schedule.parse(text, "Europe/Berlin")
    all_periods = schedule.periods(utc(day), utc(day) + timedelta(hours=30))
    edges = [period.start_at for period in all_periods] + [all_periods[-1].end_at]
    at = utc(day)
    while at < utc(day) + timedelta(hours=30):
        period = schedule.period(at)
        assert period in all_periods
        assert period.start_at <= at < period.end_at
        assert schedule.latest(at) == max(edge for edge in edges if edge <= at)
        assert schedule.next_after(at) == min(edge for edge in edges if edge > at)
        at += timedelta(minutes=5)


def test_a_yearly_cron_by_real_time_is_found_across_many_changes() -> None:
    schedule = Schedule.parse("*/30 4 29 2 *", "Europe/Berlin")
    assert schedule.latest(utc("2027-12-01")) == utc("2024-02-29T03:30")
    assert schedule.next_after(utc("2024-02-29T03:30")) == utc("2028-02-29T03:00")


def test_schedules_tile_over_years() -> None:
    for text in ("45m", "1d", "7d", "0 6 * * 1-5", "*/20 3 * * *"):
        found = Schedule.parse(text, "America/New_York").periods(
            utc("2025-01-01"), utc("2027-01-01")
        )
        assert all(a.end_at == b.start_at and a.start_at < a.end_at for a, b in pairwise(found))
        assert found[0].start_at <= utc("2025-01-01") < found[0].end_at
        assert found[-1].start_at < utc("2027-01-01") <= found[-1].end_at


@pytest.mark.parametrize("text", ["", "often", "5", "1w", "0h", "-1d", "1.5h", "1h30m", "9999999d"])
def test_what_is_no_duration_is_refused_with_the_fix(text: str) -> None:
    with pytest.raises(ConfigError, match="write minutes, hours or days, such as 30m, 6h or 7d"):
        Schedule.parse(text)


@pytest.mark.parametrize(
    "text", ["* * * *", "0 0 0 * * *", "61 * * * *", "0 0 30 2 *", "a b c d e"]
)
def test_what_is_no_cron_text_is_refused_with_the_fix(text: str) -> None:
    with pytest.raises(ConfigError, match="minute hour day month weekday"):
        Schedule.parse(text)


def test_an_unknown_zone_is_refused_with_the_nearest() -> None:
    with pytest.raises(ConfigError, match="Europe/Berlin"):
        Schedule.parse("1d", "Europe/Berln")


@pytest.mark.parametrize("text", ["0 6 * * *", "*/15 * * * *", "*/15 6 29 2 *", "1h"])
def test_an_instant_outside_of_what_is_known_is_refused(text: str) -> None:
    schedule = Schedule.parse(text, "Europe/Berlin")
    for at in ("1967-12-31", "2100-01-02"):
        with pytest.raises(BadRequest):
            schedule.period(utc(at))
    with pytest.raises(BadRequest):
        schedule.periods(utc("2099-12-30"), utc("2100-02-01"))


def test_a_schedule_that_had_not_begun_says_so() -> None:
    with pytest.raises(BadRequest, match="1968"):
        Schedule.parse("*/15 6 29 2 *", "Europe/Berlin").latest(utc("1968-02-01"))


def test_durations_are_minutes_hours_and_days() -> None:
    assert parse_duration("90m") == timedelta(minutes=90)
    assert parse_duration("6h") == timedelta(hours=6)
    assert parse_duration("30d") == timedelta(days=30)


def test_schedules_of_one_text_and_zone_are_equal() -> None:
    assert Schedule.parse("1d") == Schedule.parse("1d") != Schedule.parse("1d", "Europe/Berlin")
    assert "30 2 * * *" in repr(Schedule.parse("30 2 * * *"))
