"""The six grains in every IANA zone, 1980-2037, against a look at the clock itself.

Zones whose data files say the same of this time are tried once (Oslo is Berlin since 1980).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, date, datetime
from functools import cache
from itertools import pairwise

import pytest

from tallymark.calendar.periods import Calendar
from tallymark.calendar.zones import zone_names
from tallymark.model import Grain, Period
from tests.unit.calendar.oracle import (
    DAY,
    END,
    FIRST,
    Looked,
    all_names,
    blocks,
    data_since_first,
    days_of,
    distinct_names,
    shows,
    tzif,
    zone_of,
)

FROM_AT, TO_AT = datetime(1980, 1, 1, tzinfo=UTC), datetime(2038, 1, 1, tzinfo=UTC)
CHUNKS = 12


def second_of(at: datetime) -> int:
    assert at.microsecond == 0
    return int(at.timestamp())


def starts_of(periods: list[Period]) -> list[int]:
    """The starts of periods that tile: no gap, no overlap, none without length."""
    edges = [period.start_at for period in periods]
    edges.append(periods[-1].end_at)
    assert [period.end_at for period in periods] == edges[1:]
    found = [int(edge.timestamp()) for edge in edges]
    assert all(start < end for start, end in pairwise(found))
    return found


def cut(starts: Iterable[int], first: int, end: int) -> list[int]:
    """Those starts that bound the periods which meet `[first, end)`."""
    known = sorted(starts)
    low = max(i for i, start in enumerate(known) if start <= first)
    high = min(i for i, start in enumerate(known) if start >= end)
    return known[low : high + 1]


@cache
def labels(on: date) -> dict[Grain, object]:
    return {
        "week": on.isocalendar()[:2],
        "month": (on.year, on.month),
        "quarter": (on.year, (on.month - 1) // 3),
        "year": on.year,
    }


def check_days(zone_name: str, looked: list[Looked]) -> None:
    zone, calendar = zone_of(zone_name), Calendar(zone_name)
    dated = days_of(zone, looked)
    days = [start for start, _ in dated]
    found = starts_of(calendar.periods("day", FROM_AT, TO_AT))
    assert found == cut(days, second_of(FROM_AT), second_of(TO_AT)), zone_name
    assert all(start % 900 == 0 for start in found), zone_name
    names = [labels(on) for _, on in dated]
    grains: tuple[Grain, ...] = ("week", "month", "quarter", "year")
    # quarters and years begin with a month, so most days need one look only
    turns = [
        (start, before, name)
        for start, (before, name) in zip(days[1:], pairwise(names), strict=True)
        if before["week"] != name["week"] or before["month"] != name["month"]
    ]
    for grain in grains:
        expected = [start for start, before, name in turns if before[grain] != name[grain]]
        first_at, last = datetime.fromtimestamp(expected[0], UTC), expected[-1]
        found = starts_of(calendar.periods(grain, first_at, datetime.fromtimestamp(last, UTC)))
        assert found == expected, (zone_name, grain)


def check_hours(name: str, block: Looked) -> None:
    zone, calendar = zone_of(name), Calendar(name)
    first, end = block.start + DAY, block.end - DAY // 4
    bounds = datetime.fromtimestamp(first, UTC), datetime.fromtimestamp(end, UTC)
    periods = calendar.periods("hour", *bounds)
    found = starts_of(periods)
    assert found == cut(block.hours, first, end), name
    assert all(start % 900 == 0 for start in found), name
    assert {day for day in block.days if first <= day < end} <= set(found), name
    shown = Counter(shows(zone, start).isoformat()[:13] for start in block.hours)
    keys = [calendar.key("hour", period) for period in periods]
    for start, key in zip(found, keys, strict=False):
        local = shows(zone, start).isoformat()
        plain, offset = local[:13], local[-6:]
        assert key == (plain + offset if shown[plain] > 1 else plain), name
    assert len(set(keys)) == len(keys), name


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_all_days_and_all_hours_around_changes_tile_in_every_zone(chunk: int) -> None:
    for name in distinct_names()[chunk::CHUNKS]:
        zone = zone_of(name)
        looked = [Looked(zone, start, end) for start, end in blocks(zone)]
        check_days(name, looked)
        for block in looked:
            if block.start > FIRST and block.end < END:
                check_hours(name, block)


def test_every_zone_is_tried_or_has_the_same_data_as_one_that_is() -> None:
    tried = {data_since_first(name) for name in distinct_names()}
    assert {data_since_first(name) for name in all_names()} == tried
    assert set(all_names()) == zone_names()
    assert len(all_names()) > 590
    assert len(distinct_names()) > 280


@pytest.mark.parametrize("name", ["America/St_Johns", "Australia/Lord_Howe"])
def test_all_hours_of_six_decades_tile_in_awkward_zones(name: str) -> None:
    first, end = second_of(FROM_AT) - 2 * DAY, second_of(TO_AT) + DAY
    looked = Looked(zone_of(name), first, end)
    found = starts_of(Calendar(name).periods("hour", FROM_AT, TO_AT))
    assert found == cut(looked.hours, second_of(FROM_AT), second_of(TO_AT))


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
