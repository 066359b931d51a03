from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tallymark.calendar.periods import Calendar
from tallymark.cubes.read import Cell
from tallymark.errors import BadRequest
from tallymark.metrics.answer import SeriesQuery
from tallymark.metrics.elapsed import pieces, rolled, running
from tallymark.metrics.overlays import Running, lay, merged
from tallymark.metrics.plan import Asked
from tallymark.model import Period, Stream

BERLIN = Calendar("Europe/Berlin")
HITS = Stream(name="r", kind="push", fields=(), subject="site", key=())


def at(month: int, day: int, hour: int = 0, year: int = 2026) -> datetime:
    return datetime(year, month, day, hour, tzinfo=UTC)


def months(*numbers: int) -> list[Asked]:
    found = (BERLIN.period("month", at(number, 15)) for number in numbers)
    return [Asked(bucket, bucket) for bucket in found]


def query(**more: object) -> SeriesQuery:
    values: dict[str, object] = {"metric": "views", "grain": "month", "from_at": at(1, 1)}
    return SeriesQuery(**(values | {"to_at": at(4, 1)} | more))  # type: ignore[arg-type]


def test_a_part_is_made_of_whole_days_and_the_hours_of_the_last() -> None:
    start_at = at(2, 28, 23)
    assert pieces(BERLIN, Period(start_at, at(3, 24, 17))) == [
        ("day", Period(start_at, at(3, 23, 23))),
        ("hour", Period(at(3, 23, 23), at(3, 24, 17))),
    ]
    assert pieces(BERLIN, Period(start_at, at(3, 23, 23))) == [
        ("day", Period(start_at, at(3, 23, 23))),
    ]
    assert pieces(BERLIN, Period(start_at, at(3, 1, 4))) == [
        ("hour", Period(start_at, at(3, 1, 4))),
    ]


def test_the_cells_of_a_part_become_one_as_their_aggregate_says() -> None:
    cells = [Cell(1, ("a", "x"), 3), Cell(2, ("a", "x"), 5), Cell(2, ("a", "y"), 1)]
    for aggregate, whole in (("sum", 9), ("count", 9), ("min", 1), ("max", 5)):
        assert [(c.by, c.start_us, c.value) for c in rolled(cells, aggregate, 7, [0])] == [  # type: ignore[arg-type]
            (("a",), 7, whole)
        ]


def test_of_readings_the_last_of_each_combination_counts() -> None:
    cells = [
        Cell(1, ("a", "x"), 3, 10),
        Cell(2, ("a", "x"), 5, 20),
        Cell(1, ("a", "gone"), 100, 11),
        Cell(2, ("b", "x"), 7, 21),
    ]
    found = {c.by: (c.value, c.at_us) for c in rolled(cells, "last", 7, [0])}
    assert found == {("a",): (105, 20), ("b",): (7, 21)}


def test_the_running_bucket_holds_the_present_instant() -> None:
    buckets = months(1, 2, 3)
    assert running(buckets, at(2, 10)) == 1
    assert running(buckets, buckets[2].bucket.start_at) == 2
    assert running(buckets, buckets[2].bucket.end_at) is None


def test_both_sides_are_cut_and_a_whole_partner_needs_no_part() -> None:
    buckets = months(2, 3)
    (found,) = lay(
        query(compare=("month",)), HITS, BERLIN, buckets, Running(1, at(3, 24, 17), "hour")
    )
    assert (found.keys, found.cut) == (("2026-01", "2026-02"), 1)
    assert [part.bucket for part in found.parts] == [
        Period(at(2, 28, 23), at(3, 24, 17)),
        Period(at(1, 31, 23), at(2, 24, 17)),
    ]
    assert (found.days, found.compare_days) == (28 + 24, 31 + 24)
    (found,) = lay(
        query(compare=("month",)), HITS, BERLIN, buckets, Running(1, at(3, 30, 10), "hour")
    )
    assert found.pairs[1].whole
    assert [part.bucket for part in found.parts] == [Period(at(2, 28, 23), at(3, 30, 10))]


def test_an_overlay_shorter_than_the_grain_is_refused_with_the_reason() -> None:
    with pytest.raises(BadRequest, match="a week is shorter than a month"):
        lay(query(compare=("week",)), HITS, BERLIN, months(3), None)


def test_ranges_that_overlap_or_touch_are_read_once() -> None:
    found = merged(
        [Period(at(3, 1), at(4, 1)), Period(at(2, 1), at(3, 1)), Period(at(5, 1), at(6, 1))]
    )
    assert found == [Period(at(2, 1), at(4, 1)), Period(at(5, 1), at(6, 1))]
