"""Pairs of thousands of random ranges, against dates that zoneinfo shows and plain counting.

The seed is printed with a failure; `SEED=… pytest …` tries the same ranges again.
"""

from __future__ import annotations

import os
import random
from bisect import bisect_left, bisect_right
from calendar import monthrange
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import pairwise, product
from zoneinfo import ZoneInfo

import pytest

from tallymark.calendar.overlays import (
    ALIGNS,
    OVERLAYS,
    Align,
    Overlay,
    Pair,
    pairs,
    refusal,
    totals,
)
from tallymark.calendar.periods import Calendar
from tallymark.model import GRAINS, WEEK_STARTS, Grain, Period
from tests.unit.calendar.oracle import tzif, zone_of

SEED = int(os.environ.get("SEED") or random.SystemRandom().randrange(10**9))
RANGES = 1_000 if os.environ.get("SOAK") else 300
ZONES = (
    *("UTC", "Europe/Berlin", "America/New_York", "America/St_Johns", "America/Havana"),
    *("Antarctica/Casey", "Asia/Beirut", "Asia/Gaza", "Australia/Lord_Howe", "Pacific/Apia"),
    *("Pacific/Chatham", "Pacific/Kwajalein"),
)
FIRST, END = (int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) for year in (1990, 2037))
DAY_S = 86_400
LONGEST_S = {
    "hour": 3600,
    "day": DAY_S,
    "week": 7 * DAY_S,
    "month": 31 * DAY_S,
    "quarter": 92 * DAY_S,
    "year": 366 * DAY_S,
}
MONTHS = {"month": 1, "quarter": 3, "year": 12}
DAYS = {"week": 7, "month": 28, "quarter": 91, "year": 364}
TICK = timedelta(seconds=1)
KINDS = [
    (grain, overlay, align)
    for grain, overlay, align in product(GRAINS, OVERLAYS, ALIGNS)
    if refusal(grain, overlay, align) is None and (overlay, align) != ("prev", "weekday")
]


@cache
def dates_of(zone_name: str) -> list[int]:
    """Every date that a zone's clock has shown, as ordinals: it is looked at twice a day."""
    zone = zone_of(zone_name)
    looks = range(FIRST - 3000 * DAY_S, END + 1600 * DAY_S, DAY_S // 2)
    return sorted({datetime.fromtimestamp(second, zone).toordinal() for second in looks})


@cache
def changes(zone_name: str) -> list[int]:
    return [second for second, _ in tzif(zone_name)[0] if FIRST <= second < END] or [FIRST]


def instants(zone_name: str, dice: random.Random) -> int:
    """Any time; near a change of the clock, up to five weeks after; near a turn of months."""
    match dice.randrange(3):
        case 0:
            return dice.randrange(FIRST, END)
        case 1:
            after_s = dice.choice((0, 7, 28, 30, 31)) * DAY_S
            return dice.choice(changes(zone_name)) + after_s + dice.randrange(-DAY_S, DAY_S)
        case _:
            turn = datetime(
                dice.randrange(1991, 2037), dice.choice((1, 3, 3, 4, 11)), 1, tzinfo=UTC
            )
            return int(turn.timestamp()) + dice.randrange(-3 * DAY_S, 2 * DAY_S)


def ranges(grain: Grain, dice: random.Random) -> Iterator[tuple[Calendar, list[Period]]]:
    for _ in range(RANGES):
        name = dice.choice(ZONES)
        calendar = Calendar(name, dice.choice(WEEK_STARTS), dice.randint(1, 12))
        start = instants(name, dice)
        length_s = dice.choice((0, 0, 1, 2, 3)) * LONGEST_S[grain] + 1
        bounds = (datetime.fromtimestamp(second, UTC) for second in (start, start + length_s))
        yield calendar, calendar.periods(grain, *bounds)


@pytest.mark.parametrize(("grain", "overlay", "align"), KINDS)
def test_no_pair_has_different_numbers_of_days_without_saying_so(
    grain: Grain, overlay: Overlay, align: Align
) -> None:
    dice = random.Random(f"{SEED} {grain} {overlay} {align}")
    for calendar, buckets in ranges(grain, dice):
        found = pairs(calendar, grain, overlay, align, buckets)
        told = (f"SEED={SEED}", calendar, buckets)
        assert [pair.of for pair in found] == buckets, told
        there = [pair.period for pair in found if pair.period]
        assert all(one.end_at <= other.start_at for one, other in pairwise(there)), told
        if grain not in ("hour", "day"):
            known = (
                sum(pair.days for pair in found),
                sum(pair.compare_days or 0 for pair in found),
            )
            assert totals(calendar, found) == known, told
        for pair in found:
            check_days(calendar, grain, pair, told)
            check_partner(calendar, grain, pair, len(buckets), overlay, align, told)


def check_days(calendar: Calendar, grain: Grain, pair: Pair, told: object) -> None:
    assert pair.days == counted(calendar, grain, pair.of), told
    assert (pair.period is None) == (pair.compare_days is None) == bool(pair.reason), told
    if pair.period is not None:
        assert pair.compare_days == counted(calendar, grain, pair.period), told


def counted(calendar: Calendar, grain: Grain, bucket: Period) -> int:
    if grain in ("hour", "day"):
        return 1
    zone, known = zone_of(calendar.zone), dates_of(calendar.zone)
    first, last = bucket.start_at.astimezone(zone), (bucket.end_at - TICK).astimezone(zone)
    return bisect_right(known, last.toordinal()) - bisect_left(known, first.toordinal())


def check_partner(
    calendar: Calendar,
    grain: Grain,
    pair: Pair,
    count: int,
    overlay: Overlay,
    align: Align,
    told: object,
) -> None:
    """The partner is a bucket of the calendar, and lies where the rule says."""
    partner = pair.period
    if partner is not None:
        assert calendar.period(grain, partner.start_at) == partner, told
    if overlay == "prev":
        assert partner is not None, told
        assert len(calendar.periods(grain, partner.start_at, pair.of.start_at)) == count, told
        return
    zone = zone_of(calendar.zone)
    own = pair.of.start_at.astimezone(zone)
    if grain == "week":
        if overlay == "week" or align == "weekday":
            assert partner is not None, told
            label = calendar.first_day("week", partner.start_at.astimezone(zone).date())
            assert label == calendar.first_day("week", own.date()) - timedelta(DAYS[overlay]), told
        elif partner is not None:
            year, week = calendar.week_number(own.date())
            there = calendar.week_number(partner.start_at.astimezone(zone).date())
            assert there == (year - 1, week), told
        return
    wanted = moved(own.date(), overlay, by_days=grain in ("hour", "day") and align == "weekday")
    if grain == "hour":
        wall = own.replace(minute=0, second=0, tzinfo=None, fold=0)
        second = own.minute == 0 and wall.replace(tzinfo=zone).timestamp() != own.timestamp()
        exists = wanted is not None and not second and shown(zone, wanted, wall.hour)
    else:
        exists = wanted is not None and wanted.toordinal() in known_dates(calendar.zone)
    assert (partner is not None) == exists, told
    if partner is not None:
        label = partner.start_at.astimezone(zone)
        assert label.date() == wanted, told
        assert grain != "hour" or (label.hour, label.fold) == (own.hour, 0), told


def moved(on: date, overlay: Overlay, *, by_days: bool) -> date | None:
    if overlay == "week" or by_days:
        return on - timedelta(DAYS[overlay])
    years, month = divmod(on.year * 12 + on.month - 1 - MONTHS[overlay], 12)
    return date(years, month + 1, on.day) if on.day <= monthrange(years, month + 1)[1] else None


@cache
def known_dates(zone_name: str) -> frozenset[int]:
    return frozenset(dates_of(zone_name))


def shown(zone: ZoneInfo, on: date, hour: int) -> bool:
    """Whether the clock has shown that full hour: what was left out comes back as another."""
    wall = datetime(on.year, on.month, on.day, hour, tzinfo=zone)
    return datetime.fromtimestamp(wall.timestamp(), zone).replace(tzinfo=zone) == wall


def test_every_kind_is_tried_or_refused() -> None:
    assert len(KINDS) == 40
