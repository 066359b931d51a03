from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tallymark.ledger.budget import Bucket, refill

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def s(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def test_a_bucket_fills_with_time_up_to_its_burst() -> None:
    assert refill(Bucket(0, NOW), 2, 5, s(1)) == Bucket(2, s(1))
    assert refill(Bucket(0, NOW), 2, 5, s(60)) == Bucket(5, s(60))


def test_two_nodes_whose_clocks_differ_do_not_get_the_difference() -> None:
    bucket = refill(Bucket(0, NOW), 1, 5, s(3))
    for _ in range(10):
        bucket = refill(bucket, 1, 5, s(0))
        bucket = refill(bucket, 1, 5, s(3))
    assert bucket == Bucket(3, s(3))


def test_a_clock_that_stepped_back_far_does_not_stall_the_budget() -> None:
    bucket = refill(Bucket(0, NOW), 1, 5, s(-86_400))
    assert bucket == Bucket(0, s(-86_400))
    assert refill(bucket, 1, 5, s(-86_397)).tokens == 3
