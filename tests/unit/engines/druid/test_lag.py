from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tallymark.engines.druid.lag import UNKNOWN_LAG, judge

END = datetime(2026, 11, 22, tzinfo=UTC)
BEFORE, AFTER = "2026-11-22T00:00:00.000Z", "2026-11-22T00:00:05.000Z"


def status(lag: dict[str, int], ends: dict[str, int] | None, **more: Any) -> dict[str, Any]:
    """As a real supervisor says it."""
    return {
        "state": "RUNNING",
        "latestOffsets": ends,
        "minimumLag": lag,
        "aggregateLag": sum(max(0, one) for one in lag.values()),
        "offsetsLastUpdated": AFTER,
        **more,
    }


def test_a_lag_of_nothing_is_believed_once_it_is_newer_than_the_interval() -> None:
    read = status({"0": 0, "1": -2}, {"0": 5, "1": 7})
    assert judge(read, END, None).waits_for == ""
    assert judge(read | {"offsetsLastUpdated": BEFORE}, END, None).waits_for == "lag not known yet"


@pytest.mark.parametrize(
    ("read", "said"),
    [
        (status({}, None, state="PENDING", offsetsLastUpdated=None), "supervisor PENDING"),
        (status({}, {"0": 5}, state="SUSPENDED"), "supervisor SUSPENDED"),
        (status({"0": 0}, {"0": 5}, state="UNHEALTHY_TASKS"), "supervisor UNHEALTHY_TASKS"),
        (status({}, None, offsetsLastUpdated=None), "lag not known yet"),
        (status({}, None), "lag not known yet"),
        (status({}, {"0": 5}), "lag not known yet"),
        (status({"0": 0}, {"0": 5, "1": 7}), "lag not known yet"),
        (status({"0": UNKNOWN_LAG}, {"0": 5}), "lag not known yet"),
    ],
    ids=[
        "starts",
        "suspended",
        "unhealthy",
        "no offsets",
        "no ends",
        "no task",
        "a new partition",
        "half",
    ],
)
def test_a_lag_of_nothing_that_is_not_known_is_waited_for(read: dict[str, Any], said: str) -> None:
    assert read["aggregateLag"] == 0
    assert judge(read, END, None).waits_for == said


def test_a_busy_stream_is_read_once_each_partition_has_passed_its_first_end() -> None:
    first = judge(status({"0": 12_000, "1": 310}, {"0": 20_000, "1": 900}), END, None)
    assert first.waits_for == "lag 12,310"
    later = status({"0": 90_000, "1": 1}, {"0": 110_000, "1": 900})
    assert judge(later, END, first.first_seen).waits_for == "lag 90,001"
    passed = status({"0": 90_000, "1": 50}, {"0": 110_000, "1": 950})
    assert judge(passed, END, first.first_seen).waits_for == ""


def test_what_was_seen_before_the_interval_ended_is_not_what_must_be_passed() -> None:
    early = status({"0": 10}, {"0": 100}, offsetsLastUpdated=BEFORE)
    assert judge(early, END, None).first_seen is None


def test_a_stream_that_was_made_anew_is_not_held_to_its_old_end() -> None:
    first = judge(status({"0": 10}, {"0": 100}), END, None).first_seen
    assert judge(status({"0": 2}, {"0": 5}), END, first).waits_for == "lag 2"
    assert judge(status({"0": 0}, {"0": 5}), END, first).waits_for == ""
