from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tallymark.receive.listening import merge

START = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


def at(minute: int) -> datetime:
    return START + timedelta(minutes=minute)


def test_stretches_that_overlap_or_touch_are_one() -> None:
    found = [(at(10), at(20)), (at(0), at(5)), (at(5), at(7)), (at(12), at(15)), (at(21), at(22))]
    assert merge(found) == [(at(0), at(7)), (at(10), at(20)), (at(21), at(22))]


def test_nothing_is_nothing() -> None:
    assert merge([]) == []
