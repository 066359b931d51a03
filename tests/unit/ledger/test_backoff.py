from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tallymark.ledger.backoff import next_try

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def wait_s(
    attempts: int, step_s: float, retry_after_s: float | None = None, jitter: float = 1
) -> float:
    return (next_try(attempts, step_s, NOW, retry_after_s, jitter) - NOW).total_seconds()


def test_the_waits_double() -> None:
    assert [wait_s(n, 86_400) for n in (1, 2, 3, 4)] == [2, 4, 8, 16]


def test_a_wait_is_never_longer_than_an_hour_or_a_quarter_of_the_schedule() -> None:
    assert wait_s(50, 86_400) == 3600
    assert wait_s(10_000, 3600) == 900
    assert wait_s(50, 60) == 15


def test_jitter_takes_up_to_half_of_a_wait() -> None:
    assert wait_s(20, 86_400, jitter=0) == 1800
    assert wait_s(20, 86_400, jitter=0.5) == 2700


def test_what_the_vendor_asked_for_is_obeyed() -> None:
    assert wait_s(1, 3600, retry_after_s=7200) == 7200
    assert wait_s(10, 3600, retry_after_s=1) == 900


def test_a_gauge_of_an_hour_is_tried_at_least_four_times_in_its_period() -> None:
    at, tries = NOW, 0
    while at < NOW + timedelta(hours=1):
        tries += 1
        at = next_try(tries, 3600, at)
    assert tries >= 4
