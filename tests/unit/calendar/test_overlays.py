"""Which bucket stands beside which: every example of docs/calendar.md, and what is refused."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import product
from pathlib import Path

import pytest

from tallymark.calendar.elapsed import elapsed
from tallymark.calendar.overlays import (
    ALIGNS,
    OVERLAYS,
    Align,
    Overlay,
    Pair,
    pairs,
    parse_align,
    parse_overlays,
    refusal,
    totals,
)
from tallymark.calendar.periods import Calendar
from tallymark.errors import BadRequest
from tallymark.model import GRAINS, Grain, Period

PAGE = Path(__file__).parents[3] / "docs" / "calendar.md"
UTC_CALENDAR = Calendar()
NUMBERS = ("no", "one", "two", "three")


@dataclass(frozen=True)
class Example:
    """A row of the page's table."""

    bucket: str
    overlay: str
    partner: str
    days: str

    @property
    def calendar(self) -> Calendar:
        zone = "Europe/Berlin" if " in Berlin" in self.bucket else "UTC"
        return Calendar(zone, fiscal_start=10 if "fiscal from October" in self.bucket else 1)

    @property
    def grain(self) -> Grain:
        return self.bucket.split()[0].removesuffix("s")  # type: ignore[return-value]

    def pairs(self) -> list[Pair]:
        overlay, _, align = self.overlay.partition(", by ")
        [asked] = parse_overlays(overlay)
        buckets = list(self.buckets())
        found = pairs(self.calendar, self.grain, asked, parse_align(align or "date"), buckets)
        complete_to = re.search(r"now (\S+ \S+), complete to (\S+)", self.bucket)
        if complete_to:
            now = utc(complete_to[1])
            cut_at = utc(f"{now:%Y-%m-%d} {complete_to[2]}")
            found = [elapsed(self.calendar, self.grain, pair, cut_at) for pair in found]
        return found

    def buckets(self) -> Iterator[Period]:
        if several := re.match(r"days (\S+) to (\S+)", self.bucket):
            first, last = (date.fromisoformat(text) for text in several.groups())
            yield from UTC_CALENDAR.periods(
                "day", UTC_CALENDAR.start_of(first), UTC_CALENDAR.end_of(last)
            )
        else:
            yield bucket_of(self.calendar, self.grain, self.bucket.split()[1].rstrip(","))


def examples() -> list[Example]:
    part = PAGE.read_text(encoding="utf-8").partition("### Examples")[2].partition("\n## ")[0]
    rows = [line.strip("| ").split(" | ") for line in part.splitlines() if line.startswith("| ")]
    return [Example(*row) for row in rows[1:]]


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def bucket_of(calendar: Calendar, grain: Grain, key: str) -> Period:
    """The bucket of that key, found by asking each for its own."""
    if grain == "hour":
        on = date.fromisoformat(key[:10])
        start_at, end_at = calendar.start_of(on), calendar.end_of(on)
    else:
        start_at, end_at = utc("2021-12-31"), utc("2028-01-01")
    asked = calendar.periods(grain, start_at, end_at)
    [found] = [one for one in asked if calendar.key(grain, one) == key]
    return found


def said(calendar: Calendar, grain: Grain, found: Sequence[Pair]) -> str:
    """What the pairs are, in the words of the page."""
    partners = [pair.period for pair in found if pair.period]
    if not partners:
        return f"none: {found[0].reason}"
    first, last = partners[0], partners[-1]
    if len(found) > 1:
        lacking = len(found) - len(partners)
        told = f"{calendar.key(grain, first)} to {calendar.key(grain, last)}"
        return told + (f", {NUMBERS[lacking]} days without a partner" if lacking else "")
    if calendar.period(grain, first.start_at) == first:
        return calendar.key(grain, first) + (", whole: it is shorter" if found[0].whole else "")
    start = f"{first.start_at:%Y-%m-%d}"
    if first.end_at == calendar.period("day", first.end_at).start_at:
        return f"{start} to the end of {first.end_at - timedelta(1):%Y-%m-%d}"
    return f"{start} to {first.end_at:%Y-%m-%d %H:%M}"


@pytest.mark.parametrize("example", examples(), ids=lambda one: f"{one.bucket} {one.overlay}")
def test_the_examples_of_the_page_are_right(example: Example) -> None:
    found = example.pairs()
    told = said(example.calendar, example.grain, found)
    # the page may add why: ", 52 weeks before"
    assert example.partner == told or example.partner.startswith(f"{told}, "), told
    days, compare_days = (
        totals(example.calendar, found)
        if len(found) > 1
        else (found[0].days, found[0].compare_days)
    )
    assert example.days == f"{days} / {'–' if compare_days is None else compare_days}"


def test_the_page_has_its_examples() -> None:
    assert len(examples()) >= 24


def test_what_the_page_refuses_is_refused_and_nothing_else() -> None:
    refused = {
        (grain, overlay, align)
        for grain, overlay, align in product(GRAINS, OVERLAYS, ALIGNS)
        if refusal(grain, overlay, align)
    }
    by_date = {("week", "month"), ("week", "quarter")}
    always = {
        *(("month", "week"), ("quarter", "week"), ("quarter", "month")),
        *(("year", "week"), ("year", "month"), ("year", "quarter")),
    }
    assert refused == {
        *((grain, overlay, "date") for grain, overlay in by_date | always),
        *((grain, overlay, "weekday") for grain, overlay in always),
    }
    for grain, overlay, align in refused:
        with pytest.raises(BadRequest, match=r"shorter than|by weekday"):
            pairs(UTC_CALENDAR, grain, overlay, align, [])


def test_overlays_are_named_once_each_in_their_order() -> None:
    assert parse_overlays("year, prev,Year,WEEK") == ("year", "prev", "week")
    assert parse_overlays("") == ()
    assert [parse_overlays(overlay) for overlay in OVERLAYS] == [(one,) for one in OVERLAYS]
    with pytest.raises(BadRequest, match="no overlay 'moth': did you mean month"):
        parse_overlays("prev,moth")
    with pytest.raises(BadRequest, match="there are date, weekday"):
        parse_align("days")


def one(calendar: Calendar, grain: Grain, key: str, overlay: Overlay, align: Align) -> Pair:
    [found] = pairs(calendar, grain, overlay, align, [bucket_of(calendar, grain, key)])
    return found


def test_a_partner_before_1980_is_none() -> None:
    day = UTC_CALENDAR.day(date(1980, 1, 5))
    for overlay in ("week", "month", "quarter", "year"):
        [found] = pairs(UTC_CALENDAR, "day", overlay, "date", [day])
        assert (found.period, found.compare_days) == (None, None)
        assert found.reason == "it would begin before 1980-01-01, where the calendar begins"
    days = UTC_CALENDAR.periods("day", utc("1980-01-03"), utc("1980-01-06"))
    back = pairs(UTC_CALENDAR, "day", "prev", "date", days)
    assert [pair.period and pair.period.start_at.day for pair in back] == [None, 1, 2]
    sixty_years = UTC_CALENDAR.periods("week", utc("1980-01-10"), utc("2039-01-01"))
    assert all(
        pair.reason for pair in pairs(UTC_CALENDAR, "week", "prev", "date", sixty_years)[100:]
    )


def test_a_date_that_never_was_is_no_partner() -> None:
    apia = Calendar("Pacific/Apia")
    reason = "2011-12-30 never was in Pacific/Apia: its clocks skipped that day"
    [found] = pairs(apia, "day", "week", "date", [apia.day(date(2012, 1, 6))])
    assert (found.period, found.reason) == (None, reason)
    hours = apia.day(date(2012, 1, 6))
    asked = apia.periods("hour", hours.start_at, hours.end_at)
    assert {pair.reason for pair in pairs(apia, "hour", "week", "date", asked)} == {reason}
    week = apia.period("week", utc("2012-01-05"))
    [found] = pairs(apia, "week", "week", "date", [week])
    assert (found.days, found.compare_days) == (7, 6), "the week before lacks its Friday"
    back = pairs(apia, "day", "prev", "date", [apia.day(date(2011, 12, 31))])
    assert back[0].period == apia.day(date(2011, 12, 29)), "prev counts the buckets that were"


def test_the_week_of_a_first_weekday_that_never_was_pairs() -> None:
    kwajalein = Calendar("Pacific/Kwajalein", "saturday")
    short = kwajalein.period("week", utc("1993-08-23"))
    [found] = pairs(kwajalein, "week", "week", "date", [short])
    assert (found.days, found.compare_days) == (6, 7)
    after = kwajalein.period("week", short.end_at)
    [found] = pairs(kwajalein, "week", "week", "date", [after])
    assert (found.period, found.days, found.compare_days) == (short, 7, 6)


def test_a_range_that_begins_with_the_second_hour_of_a_label_knows_it() -> None:
    berlin = Calendar("Europe/Berlin")
    second = bucket_of(berlin, "hour", "2026-10-25T02+01:00")
    [found] = pairs(berlin, "hour", "month", "date", [second])
    assert found.reason == "it is the second hour of its label"
    [back] = pairs(berlin, "hour", "prev", "date", [second])
    assert back.period == bucket_of(berlin, "hour", "2026-10-25T02+02:00")


RUNNING = [
    ("day", "2026-11-24", "week", "2026-11-24 09:00", "2026-11-17 00:00", "2026-11-17 09:00"),
    ("week", "2026-W48", "year", "2026-11-26 09:00", "2025-11-24 00:00", "2025-11-27 09:00"),
    ("week", "2026-W48", "week", "2026-11-24 00:00", "2026-11-16 00:00", "2026-11-17 00:00"),
    ("month", "2026-11", "year", "2026-11-30 23:00", "2025-11-01 00:00", "2025-11-30 23:00"),
    ("month", "2026-03", "month", "2026-03-29 00:00", "2026-02-01 00:00", "2026-03-01 00:00"),
    ("month", "2026-04", "month", "2026-04-30 12:00", "2026-03-01 00:00", "2026-03-30 12:00"),
    ("quarter", "2026-Q2", "quarter", "2026-05-01 00:00", "2026-01-01 00:00", "2026-02-01 00:00"),
]


@pytest.mark.parametrize(("grain", "key", "overlay", "cut", "start", "end"), RUNNING)
def test_a_running_bucket_is_laid_beside_the_same_part(
    grain: Grain, key: str, overlay: Overlay, cut: str, start: str, end: str
) -> None:
    pair = one(UTC_CALENDAR, grain, key, overlay, "date")
    found = elapsed(UTC_CALENDAR, grain, pair, utc(cut))
    assert found.of == Period(pair.of.start_at, utc(cut))
    assert found.period == Period(utc(start), utc(end))
    for part, days in ((found.of, found.days), (found.period, found.compare_days)):
        assert days == len(UTC_CALENDAR.periods("day", part.start_at, part.end_at))


def test_a_running_range_of_several_buckets_reaches_back_by_its_own_length() -> None:
    months = UTC_CALENDAR.periods("month", utc("2026-10-01"), utc("2026-12-01"))
    *_, last = pairs(UTC_CALENDAR, "month", "prev", "date", months)
    found = elapsed(UTC_CALENDAR, "month", last, utc("2026-11-30 12:00"))
    assert found.period == Period(utc("2026-09-01"), utc("2026-09-30 12:00"))


def test_an_hour_that_runs_and_a_bucket_that_just_began_have_no_partner_yet() -> None:
    hour = one(UTC_CALENDAR, "hour", "2026-11-24T09", "week", "date")
    found = elapsed(UTC_CALENDAR, "hour", hour, utc("2026-11-24 09:00"))
    assert (found.of, found.period, found.reason) == (
        *(hour.of, None, "no full hour of this hour is complete yet"),
    )
    day = one(UTC_CALENDAR, "day", "2026-11-24", "week", "date")
    for cut in ("2026-11-24 00:00", "2026-11-20 10:00"):
        found = elapsed(UTC_CALENDAR, "day", day, utc(cut))
        assert (found.of, found.period, found.compare_days) == (day.of, None, None)
        assert found.reason == "no full hour of this day is complete yet"


def test_a_bucket_that_has_ended_or_has_no_partner_stays_whole() -> None:
    ended = one(UTC_CALENDAR, "month", "2026-03", "month", "date")
    assert elapsed(UTC_CALENDAR, "month", ended, ended.of.end_at) == ended
    alone = one(UTC_CALENDAR, "day", "2026-03-31", "month", "date")
    assert elapsed(UTC_CALENDAR, "day", alone, utc("2026-03-31 10:00")) == alone


def at(zone: str, key: str, overlay: Overlay, cut: str) -> datetime:
    """Up to where the partner of a day counts, in UTC."""
    calendar = Calendar(zone)
    found = elapsed(calendar, "day", one(calendar, "day", key, overlay, "date"), utc(cut))
    assert found.period is not None
    return found.period.end_at


def test_a_clock_time_that_was_left_out_is_the_gaps_end_and_of_two_the_first() -> None:
    # 02:00 on 2026-04-05 is 00:00 UTC; on 2026-03-29 the clock went from 02:00 to 03:00
    berlin = "Europe/Berlin"
    assert at(berlin, "2026-04-05", "week", "2026-04-05 00:00") == utc("2026-03-29 01:00")
    assert at(berlin, "2026-11-01", "week", "2026-11-01 01:00") == utc("2026-10-25 00:00")
    # the second 02:00 of a day counts as the first
    assert at(berlin, "2026-10-25", "week", "2026-10-25 01:00") == utc("2026-10-18 00:00")


def test_where_a_day_begins_the_clock_counts_as_00_00() -> None:
    # Beirut's clock left out the first hour of 2026-03-29; to its start the 28th is whole
    beirut = Calendar("Asia/Beirut")
    pair = one(beirut, "month", "2026-03", "year", "date")
    found = elapsed(beirut, "month", pair, beirut.day(date(2026, 3, 29)).start_at)
    assert found.period is not None
    assert found.period.end_at == beirut.day(date(2025, 3, 29)).start_at
    assert (found.days, found.compare_days) == (28, 28)


def test_a_time_that_the_partner_had_not_reached_leaves_it_empty() -> None:
    # in Havana the first hour of 2025-11-02 comes twice: after the first the clock shows 00:00
    havana = Calendar("America/Havana")
    pair = one(havana, "day", "2025-11-02", "week", "date")
    found = elapsed(havana, "day", pair, pair.of.start_at + timedelta(hours=1))
    assert (found.period, found.reason) == (
        None,
        "the earlier day had not begun at that time of day",
    )
