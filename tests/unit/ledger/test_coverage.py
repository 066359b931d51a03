from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest

from tallymark.ledger.coverage import gaps, merge, replace, settled_until
from tallymark.model import CoverageState, Covered

START = datetime(2026, 1, 1, tzinfo=UTC)
STATES: tuple[CoverageState, ...] = ("read", "final", "waiting", "missing", "failed")


def day(n: int) -> datetime:
    return START + timedelta(days=n)


def one(
    start: int, end: int, state: CoverageState = "final", read: int | None = None, note: str = ""
) -> Covered:
    return Covered(day(start), day(end), state, None if read is None else day(read), note)


def test_equal_neighbours_join_and_others_do_not() -> None:
    assert merge([one(2, 3), one(0, 1), one(1, 2)]) == [one(0, 3)]
    assert merge([one(0, 1), one(2, 3)]) == [one(0, 1), one(2, 3)]
    assert len(merge([one(0, 1, "read", 5), one(1, 2, "read", 6)])) == 2
    assert len(merge([one(0, 1, "missing", note="a"), one(1, 2, "missing", note="b")])) == 2
    assert len(merge([one(0, 1, "final"), one(1, 2, "missing")])) == 2


def test_what_is_settled_was_read_at_no_instant_that_matters() -> None:
    assert merge([one(0, 1, "final", 5), one(1, 2, "final", 6)]) == [one(0, 2)]


def test_empty_stretches_vanish_and_overlapping_ones_are_refused() -> None:
    assert merge([one(1, 1)]) == []
    with pytest.raises(ValueError, match="overlap"):
        merge([one(0, 2), one(1, 3)])


def test_a_stretch_is_cut_where_another_takes_its_place() -> None:
    before = [one(0, 10)]
    assert replace(before, day(3), day(5), [one(3, 5, "missing")]) == [
        one(0, 3),
        one(3, 5, "missing"),
        one(5, 10),
    ]
    assert replace(before, day(3), day(5), []) == [one(0, 3), one(5, 10)]
    assert replace(before, day(3), day(5), [one(3, 5)]) == [one(0, 10)]


def test_what_reaches_beyond_its_range_is_refused() -> None:
    for reaching in (one(2, 4), one(4, 6)):
        with pytest.raises(ValueError, match="beyond"):
            replace([], day(3), day(5), [reaching])


def test_gaps_are_what_nothing_covers() -> None:
    assert list(gaps(day(0), day(9), [])) == [(day(0), day(9))]
    there = [one(0, 2), one(3, 4), one(8, 12)]
    assert list(gaps(day(1), day(9), there)) == [(day(2), day(3)), (day(4), day(8))]
    assert list(gaps(day(0), day(2), there)) == []
    assert list(gaps(day(2), day(3), there)) == [(day(2), day(3))]


def test_all_is_settled_up_to_the_first_gap_or_open_stretch() -> None:
    there = [one(0, 2), one(2, 3, "missing"), one(3, 4, "failed"), one(4, 5, "read", 9)]
    assert settled_until(day(0), there) == day(4)
    assert settled_until(day(0), [one(1, 2)]) == day(0)
    assert settled_until(day(3), [one(0, 2), one(5, 6)]) == day(3)
    assert settled_until(day(0), []) == day(0)


@pytest.mark.parametrize("seed", range(200))
def test_merged_stretches_say_the_same_as_one_row_a_period(seed: int) -> None:
    """Against a model that keeps a row a day: equal answers, and no more stretches than runs."""
    random_ = random.Random(seed)
    model: dict[int, tuple[object, ...]] = {}
    merged: list[Covered] = []
    for _ in range(60):
        start = random_.randrange(0, 40)
        end = start + random_.randrange(1, 8)
        new = [
            one(
                n,
                n + 1,
                random_.choice(STATES),
                random_.choice([50, 51]),
                random_.choice(["", "x"]),
            )
            for n in range(start, end)
            if random_.random() < 0.8
        ]
        merged = replace(merged, day(start), day(end), new)
        for n in range(start, end):
            model.pop(n, None)
        for stretch in merge(new):
            said = (stretch.state, stretch.read_at, stretch.note)
            first = (stretch.start_at - START).days
            model |= dict.fromkeys(
                range(first, first + (stretch.end_at - stretch.start_at).days), said
            )
        assert flat(merged) == model
        assert len(merged) == runs(model)


def flat(covered: list[Covered]) -> dict[int, tuple[object, ...]]:
    found: dict[int, tuple[object, ...]] = {}
    for stretch in covered:
        at = stretch.start_at
        while at < stretch.end_at:
            found[(at - START).days] = (stretch.state, stretch.read_at, stretch.note)
            at += timedelta(days=1)
    return found


def runs(model: dict[int, tuple[object, ...]]) -> int:
    return sum(1 for n in model if model.get(n - 1) != model[n])


def test_coverage_does_not_grow_with_history() -> None:
    """Three years of a series with a week's lag, read every day."""
    covered: list[Covered] = []
    most = 0
    for n in range(8, 1100):
        new = [one(0, n - 7), one(n - 7, n, "read", n)]
        start = max(0, n - 9)
        fresh = [c for c in replace(new, day(0), day(start), []) if c.start_at >= day(start)]
        covered = replace(covered, day(start), day(n), fresh)
        most = max(most, len(covered))
    assert most <= 3
