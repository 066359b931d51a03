from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tallymark.calendar.periods import Calendar
from tallymark.calendar.schedule import Schedule
from tallymark.calendar.zones import zone
from tallymark.metrics import polled, pushed
from tallymark.metrics.completeness import (
    COMPLETE,
    Heard,
    Judged,
    Needs,
    Rules,
    Subject,
    combine,
    lacking,
    rolling,
)
from tallymark.metrics.words import Words, names
from tallymark.model import Cause, CoverageState, Covered, Period

UTC_ZONE = zone("UTC")


def at(day: int, hour: int = 0, minute: int = 0, month: int = 11, year: int = 2026) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=UTC)


def day(n: int) -> Period:
    return Period(at(n), at(n + 1))


START_AT = at(1)
NOVEMBER = Period(at(1), at(1, month=12))


def covered(
    first: int,
    end: int,
    state: CoverageState = "final",
    note: str = "",
    read_at: datetime | None = None,
) -> Covered:
    return Covered(at(first), at(end), state, read_at, note)


def subject(
    *coverage: Covered, start_at: datetime = START_AT, every: str = "1d", **more: object
) -> Subject:
    return Subject(
        name="acme/widgets",
        start_at=start_at,
        coverage=coverage,
        period=Schedule.parse(every).period,
        **more,  # type: ignore[arg-type]
    )


def gauge(span: Period, of: Subject, now: datetime, needs: Needs = "last") -> Judged | None:
    rules = Rules(kind="gauge", needs=needs)
    return polled.judge(span, of, rules, now, Words(now, UTC_ZONE, UTC_ZONE))


def series(
    span: Period, of: Subject, now: datetime, needs: Needs = "all", **rules: timedelta
) -> Judged | None:
    found = Rules(kind="series", needs=needs, **rules)  # type: ignore[arg-type]
    return polled.judge(span, of, found, now, Words(now, UTC_ZONE, UTC_ZONE))


def told(judged: Judged | None) -> tuple[str, list[str]]:
    assert judged is not None
    return judged.completeness, [cause.code for cause in judged.causes]


def texts(judged: Judged | None) -> list[str]:
    assert judged is not None
    return [cause.text for cause in judged.causes]


class TestGauge:
    hole = (covered(1, 3), covered(3, 6, "missing", "GitHub did not answer"), covered(6, 20))

    def test_a_day_whose_reading_is_there_is_complete(self) -> None:
        assert gauge(day(2), subject(*self.hole), at(25)) == COMPLETE

    def test_a_day_that_was_missed_is_missing_and_names_the_whole_hole(self) -> None:
        judged = gauge(day(4), subject(*self.hole), at(25))
        assert told(judged) == ("missing", ["missed"])
        assert texts(judged) == ["GitHub did not answer 3–5 Nov: cannot be fetched later"]
        assert judged is not None
        assert (judged.causes[0].from_at, judged.causes[0].to_at) == (at(3), at(6))

    def test_a_week_with_a_hole_is_complete_for_last_and_partial_for_sums(self) -> None:
        week = Period(at(2), at(9))
        assert told(gauge(week, subject(*self.hole), at(25))) == ("complete", [])
        assert told(gauge(week, subject(*self.hole), at(25), "all")) == ("partial", ["missed"])

    def test_a_week_that_ends_in_a_hole_is_partial(self) -> None:
        week = Period(at(1), at(5))
        assert told(gauge(week, subject(*self.hole), at(25))) == ("partial", ["missed"])

    def test_a_running_day_is_partial_though_it_has_its_reading(self) -> None:
        judged = gauge(day(19), subject(*self.hole), at(19, 12))
        assert told(judged) == ("partial", ["running"])
        assert texts(judged) == ["it runs until 20 Nov 00:00"]

    def test_a_running_day_without_its_reading_is_missing_and_late(self) -> None:
        judged = gauge(day(20), subject(*self.hole, trouble="GitHub answered 503"), at(20, 12))
        assert told(judged) == ("missing", ["running", "late"])
        assert texts(judged)[1] == "20 Nov is not read yet: GitHub answered 503"

    def test_a_running_month_is_partial(self) -> None:
        assert told(gauge(NOVEMBER, subject(*self.hole), at(19, 12))) == ("partial", ["running"])

    def test_a_day_to_come_is_missing(self) -> None:
        judged = gauge(day(27), subject(*self.hole), at(19))
        assert told(judged) == ("missing", ["running"])
        assert texts(judged) == ["it begins 27 Nov 00:00"]

    def test_what_failed_says_so(self) -> None:
        failed = subject(covered(1, 2), covered(2, 3, "failed", "its process died 5 times"))
        judged = gauge(day(2), failed, at(25))
        assert told(judged) == ("missing", ["failed"])
        assert texts(judged) == ["2 Nov failed: its process died 5 times"]

    def test_nothing_is_expected_before_the_start(self) -> None:
        late = subject(covered(10, 20), start_at=at(10, 6))
        assert gauge(day(9), late, at(25)) is None
        assert told(gauge(day(10), late, at(25))) == ("complete", [])
        assert told(gauge(NOVEMBER, subject(start_at=at(10)), at(5))) == ("missing", ["running"])

    def test_nothing_is_expected_after_the_end(self) -> None:
        gone = subject(covered(1, 5), until_at=at(5))
        assert gauge(day(5), gone, at(25)) is None
        assert told(gauge(Period(at(3), at(10)), gone, at(25))) == ("complete", [])

    def test_a_day_of_another_zone_hangs_on_the_last_period_that_meets_it(self) -> None:
        york = Calendar("America/New_York").period("day", at(4, 12))
        assert told(gauge(york, subject(covered(4, 5)), at(25))) == ("partial", ["late"])
        assert told(gauge(york, subject(covered(5, 6)), at(25))) == ("complete", [])


class TestIncrease:
    def test_both_bounding_readings_make_it_complete(self) -> None:
        assert told(gauge(day(4), subject(covered(3, 5)), at(25), "bounds")) == ("complete", [])
        inner = subject(covered(1, 2), covered(2, 5, "missing"), covered(5, 9))
        assert told(gauge(Period(at(2), at(9)), inner, at(25), "bounds")) == ("complete", [])

    def test_without_the_one_before_it_is_partial(self) -> None:
        of = subject(covered(1, 3), covered(3, 4, "missing", "nobody asked"), covered(4, 9))
        judged = gauge(day(4), of, at(25), "bounds")
        assert told(judged) == ("partial", ["missed"])
        assert texts(judged) == ["nobody asked 3 Nov: cannot be fetched later"]

    def test_without_the_last_one_it_is_partial_or_missing(self) -> None:
        of = subject(covered(1, 5), covered(5, 6, "missing"))
        assert told(gauge(Period(at(4), at(6)), of, at(25), "bounds")) == ("partial", ["missed"])
        assert told(gauge(day(5), of, at(25), "bounds")) == ("missing", ["missed"])

    def test_the_first_bucket_has_nothing_to_count_from(self) -> None:
        judged = gauge(day(1), subject(covered(1, 5)), at(25), "bounds")
        assert told(judged) == ("partial", ["missed"])
        assert texts(judged) == ["counting began on 1 Nov 00:00"]

    def test_while_it_runs_it_is_partial(self) -> None:
        assert told(gauge(day(4), subject(covered(3, 5)), at(4, 12), "bounds")) == (
            "partial",
            ["running"],
        )


class TestSeries:
    lag = timedelta(days=7)

    def test_final_days_are_complete(self) -> None:
        assert series(Period(at(1), at(4)), subject(covered(1, 20)), at(25)) == COMPLETE

    def test_a_day_read_inside_the_lag_may_still_change(self) -> None:
        of = subject(covered(1, 18), covered(18, 24, "read", read_at=at(24, 1)))
        judged = series(day(20), of, at(24, 2), lag=self.lag)
        assert told(judged) == ("provisional", ["lag"])
        assert texts(judged) == ["18–23 Nov may still change until 1 Dec 00:00"]

    def test_a_day_not_read_again_after_the_lag_is_late(self) -> None:
        of = subject(covered(1, 5), covered(5, 6, "read", read_at=at(6, 1)))
        judged = series(day(5), of, at(25), lag=self.lag)
        assert told(judged) == ("provisional", ["late"])

    def test_a_month_with_a_gap_is_partial_and_says_which(self) -> None:
        of = subject(covered(1, 10), covered(12, 30), trouble="npm answered 503")
        judged = series(NOVEMBER, of, at(20, month=12))
        assert told(judged) == ("partial", ["late", "late"])
        assert texts(judged) == [
            "10–11 Nov is not read yet: npm answered 503",
            "30 Nov is not read yet: npm answered 503",
        ]

    def test_a_day_before_its_delay_is_over_waits(self) -> None:
        judged = series(day(24), subject(covered(1, 24)), at(25, 3), delay=timedelta(hours=6))
        assert told(judged) == ("missing", ["waiting"])
        assert texts(judged) == ["24 Nov is not given before 25 Nov 06:00"]

    def test_a_day_for_which_the_vendor_gave_nothing_waits_inside_the_lag(self) -> None:
        of = subject(covered(1, 23), covered(23, 24, "waiting", "npm gave no value yet", at(24)))
        judged = series(day(23), of, at(24, 2), lag=self.lag)
        assert told(judged) == ("missing", ["waiting"])
        assert texts(judged) == ["npm gave no value yet: 23 Nov, asked again until 1 Dec 00:00"]
        month = Period(at(1), at(24))
        assert told(series(month, of, at(24, 2), lag=self.lag)) == ("partial", ["waiting"])

    def test_a_day_for_which_the_vendor_never_gave_anything_is_missing(self) -> None:
        of = subject(covered(1, 3), covered(3, 4, "missing", "npm gave no value"), covered(4, 9))
        judged = series(day(3), of, at(25))
        assert told(judged) == ("missing", ["missed"])
        assert texts(judged) == ["npm gave no value 3 Nov"]

    def test_a_running_month_lists_what_is_behind_and_no_future(self) -> None:
        of = subject(covered(1, 18), covered(18, 23, "read", read_at=at(23)))
        judged = series(NOVEMBER, of, at(24, 12), lag=self.lag)
        assert told(judged) == ("partial", ["running", "late", "waiting", "lag"])
        assert texts(judged)[1:3] == [
            "23 Nov is not read yet",
            "24 Nov is not given before 25 Nov 00:00",
        ]

    def test_an_hour_cut_across_the_streams_hours_is_not_complete_before_both_are(self) -> None:
        hour = Calendar("Asia/Kathmandu").period("hour", at(4, 9, 30))
        assert hour == Period(at(4, 9, 15), at(4, 10, 15))
        until_ten = Covered(at(4), at(4, 10), "final")
        of = subject(until_ten, every="1h")
        assert told(series(hour, of, at(4, 10, 15))) == ("partial", ["waiting"])
        assert told(series(hour, of, at(4, 11, 30))) == ("partial", ["late"])


class TestPush:
    rules = Rules(kind="push", allowance=timedelta(minutes=15))
    lossy = Rules(kind="push", allowance=timedelta(minutes=15), retries=False)
    hour = Period(at(4, 14), at(4, 15))

    def judge(
        self,
        now: datetime,
        *stretches: tuple[datetime, datetime],
        rules: Rules | None = None,
        waiting_at: datetime | None = None,
        start_at: datetime = START_AT,
    ) -> Judged | None:
        heard = Heard([Period(*s) for s in stretches], waiting_at)
        words = Words(now, UTC_ZONE, UTC_ZONE)
        of = subject(start_at=start_at)
        return pushed.judge(self.hour, of, heard, rules or self.rules, now, words)

    def test_it_is_complete_after_the_allowance(self) -> None:
        judged = self.judge(at(4, 15, 30), (at(3), at(4, 15, 30)))
        assert judged == Judged("complete", (), at(4, 15, 15))

    def test_inside_the_allowance_late_records_may_come(self) -> None:
        judged = self.judge(at(4, 15, 10), (at(3), at(4, 15, 10)))
        assert told(judged) == ("provisional", ["lag"])
        assert texts(judged) == ["late records are taken in until 4 Nov 15:15"]

    def test_while_it_runs_it_is_partial(self) -> None:
        assert told(self.judge(at(4, 14, 30), (at(3), at(4, 14, 30)))) == ("partial", ["running"])

    def test_a_beat_that_is_due_soon_is_no_silence(self) -> None:
        now = at(4, 14, 30)
        judged = self.judge(now, (at(3), now - timedelta(seconds=9)))
        assert told(judged) == ("partial", ["running"])
        judged = self.judge(now, (at(3), now - timedelta(seconds=60)))
        assert told(judged) == ("partial", ["receiver_down", "running"])

    def test_a_silence_that_senders_made_up_for_does_not_matter(self) -> None:
        judged = self.judge(at(6), (at(3), at(4, 14, 20)), (at(5), at(5, 1)))
        assert judged == Judged("complete", (), at(5, 0, 15))

    def test_a_short_stretch_does_not_make_up_for_a_silence(self) -> None:
        judged = self.judge(at(6), (at(3), at(4, 14, 20)), (at(5), at(5, 0, 14)))
        assert told(judged) == ("partial", ["receiver_down"])
        assert texts(judged) == [
            "the receiver did not listen 4 Nov 14:20–15:00: senders repeat what it missed"
        ]

    def test_down_right_after_its_end_it_is_provisional(self) -> None:
        judged = self.judge(at(4, 20), (at(3), at(4, 15)))
        assert told(judged) == ("provisional", ["receiver_down"])
        assert texts(judged) == ["the receiver has not listened since 4 Nov 15:00"]

    def test_nobody_listened_yet_is_missing(self) -> None:
        assert told(self.judge(at(6))) == ("missing", ["receiver_down"])
        assert told(self.judge(at(6), (at(3), at(4)))) == ("missing", ["receiver_down"])

    def test_what_waits_in_the_inbox_keeps_it_open(self) -> None:
        stretch = (at(3), at(4, 15, 30))
        judged = self.judge(at(4, 15, 30), stretch, waiting_at=at(4, 15, 2))
        assert told(judged) == ("provisional", ["waiting"])
        after = self.judge(at(4, 15, 30), stretch, waiting_at=at(4, 15, 16))
        assert told(after) == ("complete", [])

    def test_what_was_lost_is_partial_for_ever(self) -> None:
        judged = self.judge(at(9), (at(3), at(4, 14, 20)), (at(5), at(9)), rules=self.lossy)
        assert told(judged) == ("partial", ["receiver_down"])
        assert texts(judged)[0].endswith("what was sent then is lost")
        judged = self.judge(at(9), (at(5), at(9)), rules=self.lossy)
        assert told(judged) == ("missing", ["receiver_down"])
        whole = self.judge(at(9), (at(3), at(9)), rules=self.lossy)
        assert told(whole) == ("complete", [])

    def test_before_its_start_nothing_is_expected(self) -> None:
        assert self.judge(at(9), (at(3), at(9)), start_at=at(5)) is None
        judged = self.judge(at(9), (at(4, 14, 30), at(9)), start_at=at(4, 14, 30))
        assert told(judged) == ("complete", [])


class TestTogether:
    missing = Judged("missing", (Cause("missed", "gone"),))
    partial = Judged("partial", (Cause("late", "behind"),))
    provisional = Judged("provisional", (Cause("lag", "may change"),))

    @pytest.mark.parametrize(
        ("given", "worst"),
        [
            ([COMPLETE, COMPLETE], "complete"),
            ([missing, missing], "missing"),
            ([COMPLETE, missing], "partial"),
            ([COMPLETE, partial], "partial"),
            ([provisional, partial], "partial"),
            ([provisional, missing], "partial"),
            ([COMPLETE, provisional], "provisional"),
            ([COMPLETE, None], "complete"),
        ],
    )
    def test_the_worst_counts(self, given: list[Judged | None], worst: str) -> None:
        named = [(f"repo{n}", one) for n, one in enumerate(given)]
        assert combine(named).completeness == worst

    def test_nothing_expected_is_missing_and_says_so(self) -> None:
        judged = combine([("a", None)], begins="before the first period")
        assert judged == Judged("missing", (Cause("missed", "before the first period"),))

    def test_a_cause_of_all_is_said_once_and_one_of_some_names_them(self) -> None:
        of_all = combine([("a", self.missing), ("b", self.missing)])
        assert texts(of_all) == ["gone"]
        of_some = combine([(name, self.missing) for name in "abcde"] + [("f", COMPLETE)])
        assert texts(of_some) == ["a, b, c and 2 more: gone"]

    def test_a_newer_mark_makes_complete_provisional_and_heals_nothing(self) -> None:
        assert told(rolling(COMPLETE, day(4))) == ("provisional", ["rolling_up"])
        assert told(rolling(self.partial, day(4))) == ("partial", ["late", "rolling_up"])
        assert rolling(self.missing, day(4)) == self.missing

    def test_a_lacking_reading_makes_complete_partial(self) -> None:
        cause = Cause("missed", "it was read too late")
        assert told(lacking(COMPLETE, cause)) == ("partial", ["missed"])
        assert lacking(self.missing, cause) == self.missing

    def test_all_that_is_settled_is_settled_at_the_latest(self) -> None:
        early, late = Judged("complete", (), at(4)), Judged("complete", (), at(5))
        assert combine([("a", early), ("b", late)]).settled_at == at(5)
        assert combine([("a", early), ("b", COMPLETE)]).settled_at is None


class TestWords:
    words = Words(at(24), zone("Europe/Berlin"), UTC_ZONE)

    @pytest.mark.parametrize(
        ("start_at", "end_at", "text"),
        [
            (at(3), at(6), "3–5 Nov"),
            (at(3), at(4), "3 Nov"),
            (at(30, month=10), at(3), "30 Oct–2 Nov"),
            (at(3, year=2025), at(6, year=2025), "3–5 Nov 2025"),
            (at(30, month=12, year=2025), at(2, month=1), "30 Dec 2025–1 Jan 2026"),
            (at(3, 13), at(3, 15), "3 Nov 14:00–16:00"),
            (at(3, 22), at(3, 23), "3 Nov 23:00–24:00"),
            (at(3, 22), at(4, 1), "3 Nov 23:00 – 4 Nov 02:00"),
        ],
    )
    def test_a_span_is_said_shortly(self, start_at: datetime, end_at: datetime, text: str) -> None:
        assert self.words.span(start_at, end_at) == text

    def test_names_are_cut_after_three(self) -> None:
        assert names(["b", "a"]) == "a, b"
        assert names("abcd") == "a, b, c and 1 more"
