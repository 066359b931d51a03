from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tallymark.calendar.schedule import Schedule
from tallymark.errors import ConfigError
from tallymark.ledger import coverage as coverage_of
from tallymark.ledger.due import NO_VALUE, NO_VALUE_YET, NOT_CAUGHT_UP, Plan, after_read, plan
from tallymark.model import CoverageState, Covered, Field, Period, Stream

START = datetime(2026, 3, 2, tzinfo=UTC)  # a Monday

STARS = Stream(
    name="repositories", kind="gauge", fields=(Field("repo", "text"),), subject="repo", key=("ts",)
)
DOWNLOADS = Stream(
    name="downloads",
    kind="series",
    fields=(Field("package", "text"),),
    subject="package",
    key=("ts",),
    label="day",
    absent="unknown",
    lag_s=7 * 86_400,
    max_span_s=540 * 86_400,
)
HOURLY = replace(DOWNLOADS, label=None, lag_s=0, absent="zero", max_span_s=6 * 3600)


def t(days: float, hours: float = 0) -> datetime:
    return START + timedelta(days=days, hours=hours)


def covered(
    start: datetime, end: datetime, state: CoverageState = "final", read: datetime | None = None
) -> Covered:
    return Covered(start, end, state, read)


def gauge(now: datetime, there: list[Covered], every: str = "1h", start: datetime = START) -> Plan:
    return plan(
        STARS, Schedule.parse(every), start_at=start, coverage=there, now=now, note="nobody asked"
    )


def series(
    now: datetime,
    there: list[Covered],
    stream: Stream = DOWNLOADS,
    every: str = "1d",
    catch_up: str = "all",
    start: datetime = START,
) -> Plan:
    return plan(
        stream,
        Schedule.parse(every),
        start_at=start,
        coverage=there,
        now=now,
        catch_up=catch_up,
        note="unused",
    )


# -- gauges ----------------------------------------------------------------------------------------


def test_a_gauge_is_due_while_its_period_runs_and_has_no_reading() -> None:
    found = gauge(t(0, 0.5), [])
    assert found == Plan((Period(t(0), t(0, 1)),), (), t(0, 1))
    assert gauge(t(0, 0.5), [covered(t(0), t(0, 1))]) == Plan((), (), t(0, 1))


def test_a_gauge_is_due_again_as_soon_as_the_next_period_begins() -> None:
    found = gauge(t(0, 1), [covered(t(0), t(0, 1))])
    assert found.spans == (Period(t(0, 1), t(0, 2)),)
    assert found.missing == ()


def test_gauge_periods_of_seven_days_down_are_missing_without_a_call() -> None:
    found = gauge(t(7, 12.5), [covered(t(0), t(0, 12))])
    assert found.spans == (Period(t(7, 12), t(7, 13)),)
    assert found.missing == (Covered(t(0, 12), t(7, 12), "missing", None, "nobody asked"),)


def test_a_gauge_is_not_asked_before_it_starts() -> None:
    assert gauge(t(0), [], start=t(1)) == Plan((), (), t(1))


def test_a_gauge_that_starts_within_a_period_is_read_in_it() -> None:
    found = gauge(t(0, 0.7), [], start=t(0, 0.5))
    assert found.spans == (Period(t(0), t(0, 1)),)
    late = gauge(t(0, 1.1), [], start=t(0, 0.5))
    assert late.missing == (Covered(t(0, 0.5), t(0, 1), "missing", None, "nobody asked"),)


def test_a_gauge_with_a_new_schedule_keeps_what_it_had() -> None:
    found = gauge(t(1, 3), [covered(t(0), t(0, 10))], every="1d")
    assert found.missing[0].start_at == t(0, 10)
    assert found.missing[0].end_at == t(1)
    assert found.spans == (Period(t(1), t(2)),)


def test_a_failed_period_of_a_gauge_is_not_tried_again_by_itself() -> None:
    assert gauge(t(0, 0.5), [covered(t(0), t(0, 1), "failed")]).spans == ()


def test_a_gauge_follows_a_cron_text() -> None:
    found = gauge(t(0, 10), [], every="0 9 * * 1-5")
    assert found.spans == (Period(t(0, 9), t(1, 9)),)
    assert gauge(t(4, 10), [], every="0 9 * * 1-5").spans == (Period(t(4, 9), t(7, 9)),)


# -- series ----------------------------------------------------------------------------------------


def test_a_first_look_asks_for_all_since_the_start_in_one_span() -> None:
    found = series(t(400, 3), [])
    assert found.spans == (Period(t(0), t(400)),)
    assert found.check_at == t(401)


def test_a_running_day_is_not_asked_for() -> None:
    assert series(t(0, 23.9), []) == Plan((), (), t(1))


def test_a_delay_moves_everything_by_as_much() -> None:
    slow = replace(DOWNLOADS, delay_s=6 * 3600)
    assert series(t(1, 5.9), [], slow) == Plan((), (), t(1, 6))
    assert series(t(1, 6), [], slow).spans == (Period(t(0), t(1)),)


def test_a_span_ends_at_the_most_that_one_call_can_fetch() -> None:
    found = series(t(1200), [])
    assert [s.end_at - s.start_at for s in found.spans] == [
        timedelta(days=540), timedelta(days=540), timedelta(days=120),
    ]  # fmt: skip
    assert found.spans[1].start_at == found.spans[0].end_at


def test_settled_days_break_a_span() -> None:
    there = [covered(t(2), t(3)), covered(t(4), t(5), "missing"), covered(t(6), t(7), "failed")]
    found = series(t(8), there)
    assert found.spans == (
        Period(t(0), t(2)), Period(t(3), t(4)), Period(t(5), t(6)), Period(t(7), t(8)),
    )  # fmt: skip


def test_days_inside_the_lag_are_read_again_once_a_step() -> None:
    there = [covered(t(0), t(3)), covered(t(3), t(10), "read", t(10, 2))]
    assert series(t(10, 2), there).spans == ()
    assert series(t(10, 23.9), there).spans == ()
    assert series(t(10, 2), there).check_at == t(11)
    assert series(t(11, 0), there).spans == (Period(t(3), t(11)),)


def test_a_waiting_day_is_not_asked_for_in_a_tight_loop() -> None:
    """A vendor that never gives the day: one call a step, and none after the lag."""
    there: list[Covered] = []
    now, end, calls = t(1, 2), t(20), 0
    while now < end:
        found = series(now, there)
        for span in found.spans:
            calls += 1
            days = [t(n) for n in range(30) if n != 3]
            new = after_read(DOWNLOADS, Schedule.parse("1d"), span, now, days)
            there = coverage_of.replace(there, span.start_at, span.end_at, new)
        again = series(now, there)
        assert again.spans == ()
        assert again.check_at > now
        now = again.check_at
    assert calls == 19
    assert covered(t(3), t(4), "missing") == replace(
        next(c for c in there if c.start_at == t(3)), note=""
    )


def test_after_seven_days_down_one_span_holds_all() -> None:
    there = [covered(t(0), t(3)), covered(t(3), t(10), "read", t(10, 2))]
    assert series(t(17, 12), there).spans == (Period(t(3), t(17)),)


def test_with_nothing_open_the_next_look_is_when_a_day_has_ended() -> None:
    assert series(t(5, 4), [covered(t(0), t(5))], every="1h").check_at == t(6)
    open_ = [covered(t(0), t(4)), covered(t(4), t(5), "read", t(5, 4))]
    assert series(t(5, 4), open_, every="1h").check_at == t(5, 5)


def test_a_series_asks_at_the_steps_of_its_schedule() -> None:
    there = [covered(t(0), t(5), "read", t(5, 0.5))]
    assert series(t(5, 5.9), there, every="6h").spans == ()
    assert series(t(5, 6), there, every="6h").spans == (Period(t(0), t(5)),)


def test_a_series_without_labels_is_cut_by_its_schedule() -> None:
    found = series(t(0, 8.5), [], HOURLY, every="1h")
    assert found.spans == (Period(t(0), t(0, 6)), Period(t(0, 6), t(0, 8)))
    assert found.check_at == t(0, 9)


def test_a_period_that_is_covered_in_part_is_read_as_a_whole() -> None:
    there = [covered(t(0), t(0, 5))]
    assert series(t(1), there, HOURLY, every="1d").spans == (Period(t(0), t(1)),)
    both = [covered(t(0), t(0, 5)), covered(t(0, 5), t(1), "read", t(1))]
    assert series(t(1, 1), both, HOURLY, every="1d").spans == ()


def test_a_series_is_not_asked_before_it_starts() -> None:
    assert series(t(0), [], start=t(3)) == Plan((), (), t(4))


@pytest.mark.parametrize(
    ("catch_up", "first"),
    [("all", 3), ("latest", 9), ("none", 9), ("4d", 6), ("30d", 3)],
)
def test_the_catch_up_policy_passes_over_what_is_too_old(catch_up: str, first: int) -> None:
    there = [covered(t(0), t(3))]
    found = series(t(10, 5), there, catch_up=catch_up)
    assert found.spans == (Period(t(first), t(10)),)
    skipped = (Covered(t(3), t(first), "missing", None, NOT_CAUGHT_UP),) if first > 3 else ()
    assert found.missing == skipped


def test_latest_and_none_differ_where_several_periods_end_in_one_step() -> None:
    assert series(t(14), [], every="7d", catch_up="none").spans == (Period(t(7), t(14)),)
    assert series(t(14), [], every="7d", catch_up="latest").spans == (Period(t(13), t(14)),)


def test_what_was_read_before_is_read_again_whatever_the_policy() -> None:
    there = [covered(t(0), t(7), "read", t(7, 1))]
    found = series(t(12), there, catch_up="latest")
    assert found.spans == (Period(t(0), t(7)), Period(t(11), t(12)))
    assert [(m.start_at, m.end_at) for m in found.missing] == [(t(7), t(11))]


def test_a_passed_over_period_keeps_what_was_read_of_it() -> None:
    found = series(t(9), [covered(t(0), t(0, 5))], HOURLY, every="1d", catch_up="latest")
    assert [(m.start_at, m.end_at) for m in found.missing] == [(t(0, 5), t(8))]


def test_an_unknown_catch_up_policy_is_refused() -> None:
    with pytest.raises(ConfigError):
        series(t(9), [], catch_up="sometimes")


# -- what a reading covers -------------------------------------------------------------------------

DAILY = Schedule.parse("1d")


def test_a_reading_of_a_gauge_is_final() -> None:
    span = Period(t(0), t(0, 1))
    assert after_read(STARS, Schedule.parse("1h"), span, t(0, 0.2)) == [covered(t(0), t(0, 1))]


def test_a_reading_is_final_after_the_lag_and_read_within_it() -> None:
    days = [t(n) for n in range(10)]
    found = after_read(DOWNLOADS, DAILY, Period(t(0), t(10)), t(10, 1), days)
    assert found == [covered(t(0), t(3)), covered(t(3), t(10), "read", t(10, 1))]


def test_days_without_a_value_wait_within_the_lag_and_are_missing_after_it() -> None:
    days = [t(n) for n in range(10) if n not in (1, 8)]
    found = after_read(DOWNLOADS, DAILY, Period(t(0), t(10)), t(10, 1), days)
    assert found == [
        covered(t(0), t(1)),
        Covered(t(1), t(2), "missing", None, NO_VALUE),
        covered(t(2), t(3)),
        covered(t(3), t(8), "read", t(10, 1)),
        Covered(t(8), t(9), "waiting", t(10, 1), NO_VALUE_YET),
        covered(t(9), t(10), "read", t(10, 1)),
    ]


def test_where_absent_means_zero_a_day_without_rows_is_read() -> None:
    found = after_read(HOURLY, Schedule.parse("1h"), Period(t(0), t(0, 6)), t(1), [])
    assert found == [covered(t(0), t(0, 6))]


def test_without_a_say_about_rows_all_is_read() -> None:
    assert after_read(DOWNLOADS, DAILY, Period(t(0), t(1)), t(2)) == [
        covered(t(0), t(1), "read", t(2))
    ]


def test_a_year_of_days_ends_final_day_by_day_and_due_never_repeats_a_final_one() -> None:
    there: list[Covered] = []
    asked: dict[datetime, int] = {}
    for n in range(1, 366):
        now = t(n, 1)
        for span in series(now, there).spans:
            for period in DAILY.periods(span.start_at, span.end_at):
                asked[period.start_at] = asked.get(period.start_at, 0) + 1
            new = after_read(DOWNLOADS, DAILY, span, now, [t(k) for k in range(n)])
            there = coverage_of.replace(there, span.start_at, span.end_at, new)
        assert len(there) <= 3
    assert set(asked.values()) <= set(range(1, 9))
    assert asked[t(100)] == 8
