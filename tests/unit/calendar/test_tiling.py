"""The six grains in every IANA zone, 1980-2037, against a look at the clock itself.

Zones whose data files say the same of this time are tried once (Oslo is Berlin since 1980), and so
are changes of the clock at the same instant between the same offsets. The short run takes every
third zone, cut by one of the twelve fiscal starts, and awkward zones, cut by all; `SOAK=1` takes
all zones, cut by all.
"""

from __future__ import annotations

import os
from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, date, datetime
from functools import cache
from itertools import pairwise

import pytest

from tallymark.calendar.edges import Cut, edges
from tallymark.calendar.offsets import offsets
from tallymark.calendar.periods import Calendar
from tallymark.calendar.zones import zone_names
from tallymark.model import WEEK_STARTS, Grain, Period
from tests.unit.calendar.oracle import (
    DAY,
    END,
    FIRST,
    Block,
    Looked,
    all_names,
    blocks,
    data_since_first,
    days_of,
    distinct_names,
    offset_s,
    shows,
    tzif,
    zone_of,
)

SOAK = bool(os.environ.get("SOAK"))
FROM_AT, TO_AT = datetime(1980, 1, 1, tzinfo=UTC), datetime(2038, 1, 1, tzinfo=UTC)
CHUNKS = 6
AWKWARD = {"America/St_Johns", "Asia/Kathmandu", "Pacific/Apia", "Pacific/Kwajalein"}
WEEKDAYS = {"monday": 0, "sunday": 6, "saturday": 5}
MONTHS = range(1, 13)


def second_of(at: datetime) -> int:
    assert at.microsecond == 0
    return int(at.timestamp())


def starts_of(periods: list[Period]) -> list[int]:
    """The starts of periods that tile: no gap, no overlap, none without length."""
    found = [period.start_at for period in periods]
    found.append(periods[-1].end_at)
    assert [period.end_at for period in periods] == found[1:]
    seconds = [int(edge.timestamp()) for edge in found]
    assert all(start < end for start, end in pairwise(seconds))
    return seconds


def bounding(starts: Iterable[int], first: int, end: int) -> list[int]:
    """Those starts that bound the periods which meet `[first, end)`."""
    known = sorted(starts)
    return known[bisect_right(known, first) - 1 : bisect_left(known, end) + 1]


@cache
def turns(ordinals: tuple[int, ...], grain: Grain, cut: Cut) -> list[int]:
    """Which of these days begin a period: those whose week, month, … is not that of the day before.

    A week is named by the date on which it should begin, a year and its quarters by the rule.
    """
    if grain == "week":
        # an ordinal of 1 is a Monday
        first = WEEKDAYS[cut.week_start]
        names = [ordinal - (ordinal - 1 - first) % 7 for ordinal in ordinals]
        return [i for i in range(1, len(names)) if names[i] != names[i - 1]]
    if grain == "month":
        dates = [date.fromordinal(ordinal) for ordinal in ordinals]
        months = [(on.year, on.month) for on in dates]
        return [i for i in range(1, len(dates)) if months[i] != months[i - 1]]
    found, before = [], None
    for i in turns(ordinals, "month", Cut()):
        on = date.fromordinal(ordinals[i])
        year = on.year if on.month >= cut.fiscal_start else on.year - 1
        name = (year, (on.month - cut.fiscal_start) % 12 // 3 if grain == "quarter" else 0)
        if before is not None and name != before:
            found.append(i)
        before = name
    return found


def check_days(zone_name: str, looked: list[tuple[Block, Looked]], cuts: set[Cut]) -> None:
    """All days, and the weeks, months, quarters and years that each cut makes of them."""
    known = offsets(zone_name)
    dated = days_of(zone_of(zone_name), looked)
    days = [start for start, _ in dated]
    ordinals = tuple(on for _, on in dated)
    assert all(on < after for on, after in pairwise(ordinals)), zone_name
    first, end = second_of(FROM_AT), second_of(TO_AT)
    assert edges(known, "day", first, end) == bounding(days, first, end), zone_name
    assert all(start % 900 == 0 for start in days), zone_name
    starts: dict[tuple[Grain, Cut], list[int]] = {}
    for grain, cut in sorted({(grain, of(grain, cut)) for cut in cuts for grain in LARGE}, key=str):
        expected = [days[i] for i in turns(ordinals, grain, cut)]
        found = edges(known, grain, expected[0], expected[-1], cut)
        assert found == expected, (zone_name, grain, cut)
        starts[grain, cut] = found
    for cut in cuts:
        months, quarters, years = (starts[grain, of(grain, cut)] for grain in LARGE[1:])
        assert set(quarters) <= set(months), (zone_name, cut)
        assert set(years) <= set(quarters), (zone_name, cut)


LARGE: tuple[Grain, ...] = ("week", "month", "quarter", "year")


def of(grain: Grain, cut: Cut) -> Cut:
    """The part of a cut that the grain goes by."""
    if grain == "week":
        return Cut(cut.week_start)
    return Cut() if grain == "month" else Cut("monday", cut.fiscal_start)


def check_hours(name: str, block: Block, look: Looked, *, keys: bool) -> None:
    zone, calendar = zone_of(name), Calendar(name)
    first, end = block.start + DAY, block.end - DAY // 4
    bounds = datetime.fromtimestamp(first, UTC), datetime.fromtimestamp(end, UTC)
    periods = calendar.periods("hour", *bounds)
    found = starts_of(periods)
    assert found == bounding(look.hours, first, end), name
    assert all(start % 900 == 0 for start in found), name
    assert {day for day, _ in look.days if first <= day < end} <= set(found), name
    if not keys:
        return
    shown = Counter(shows(zone, start).isoformat()[:13] for start in look.hours)
    named = [calendar.key("hour", period) for period in periods]
    for start, key in zip(found, named, strict=False):
        local = shows(zone, start).isoformat()
        plain, offset = local[:13], local[-6:]
        assert key == (plain + offset if shown[plain] > 1 else plain), name
    assert len(set(named)) == len(named), name


class Tried:
    """What was looked at already: a block of one zone is that of others with the same clock."""

    def __init__(self) -> None:
        self.blocks: dict[Block, Looked] = {}
        self.shapes: set[object] = set()

    def look(self, name: str, block: Block) -> Looked:
        # the calendar must know the same clock, else a block that was tried proves nothing
        known = offsets(name).between(block.start, block.end)
        assert tuple((one.start, one.offset) for one in known) == block.clock, name
        if block not in self.blocks:
            look = self.blocks[block] = Looked(zone_of(name), block)
            if block.start > FIRST and block.end < END:
                shape = tuple((at - block.start, offset) for at, offset in block.clock)
                check_hours(name, block, look, keys=SOAK or shape not in self.shapes)
                self.shapes.add(shape)
        return self.blocks[block]


@pytest.fixture(scope="module")
def tried() -> Tried:
    return Tried()


@cache
def zones() -> list[str]:
    """Those that are tried."""
    names = distinct_names()
    return names if SOAK else [name for name in names if name in {*AWKWARD, *names[::3]}]


def cuts_of(name: str) -> set[Cut]:
    every = {Cut(week, month) for week in WEEK_STARTS for month in MONTHS}
    if SOAK or name in AWKWARD:
        return every
    month = MONTHS[zones().index(name) % 12]
    return {cut for cut in every if cut.fiscal_start == month}


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_all_days_and_all_hours_around_changes_tile_in_every_zone(chunk: int, tried: Tried) -> None:
    for name in zones()[chunk::CHUNKS]:
        looked = [(block, tried.look(name, block)) for block in blocks(zone_of(name))]
        check_days(name, looked, cuts_of(name))


def test_every_zone_is_tried_or_has_the_same_data_as_one_that_is() -> None:
    tried = {data_since_first(name) for name in distinct_names()}
    assert {data_since_first(name) for name in all_names()} == tried
    assert set(all_names()) == zone_names()
    assert len(all_names()) > 590
    assert len(distinct_names()) > 280


@pytest.mark.parametrize("name", ["America/St_Johns", "Australia/Lord_Howe"])
def test_all_hours_of_many_years_tile_in_awkward_zones(name: str) -> None:
    years = (1980, 2038) if SOAK else (2005, 2013)
    from_at, to_at = (datetime(year, 1, 1, tzinfo=UTC) for year in years)
    first, end = second_of(from_at), second_of(to_at)
    start, zone = first - 2 * DAY, zone_of(name)
    looked = Looked(zone, Block(start, end + DAY, ((start, offset_s(zone, start)),)))
    found = starts_of(Calendar(name).periods("hour", from_at, to_at))
    assert found == bounding(looked.hours, first, end)


def test_no_two_changes_of_a_zone_are_nearer_than_the_search_for_them_steps() -> None:
    # offsets.py looks every 3 days and would miss a change that is taken back sooner
    rules: dict[str, str] = {}
    since = second_of(datetime(1968, 1, 1, tzinfo=UTC))
    for name in all_names():
        changes, rule = tzif(name)
        recent = [instant for instant, _ in changes if instant >= since]
        gaps = [b - a for a, b in pairwise(recent)]
        assert not gaps or min(gaps) > 6 * DAY, name
        rules.setdefault(rule, name)
    year = range(second_of(datetime(2039, 1, 1, tzinfo=UTC)), second_of(TO_AT) + 800 * DAY, 3600)
    for name in rules.values():
        offsets = [shows(zone_of(name), second).utcoffset() for second in year]
        changed = [i for i in range(1, len(offsets)) if offsets[i] != offsets[i - 1]]
        assert all(b - a > 6 * 24 for a, b in pairwise(changed)), name
