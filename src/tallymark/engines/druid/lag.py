"""Whether a stream's supervisor has taken all that was sent until an instant. Pure.

    status  ->  known?    RUNNING, offsets fetched after the instant, a lag for each partition
            ->  behind    no partition is, or each has passed where the stream ended when its
                          offsets were first seen after the instant: a busy stream is never at 0

Druid says a lag of 0 also while it knows none: while it starts, and while it is suspended.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

UNKNOWN_LAG = -(2**31)
"""What Druid says of a partition that it has the offset of only one end of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lag:
    """What a supervisor says of its stream."""

    waits_for: str
    """`lag 12,310`, `supervisor SUSPENDED`, `lag not known yet`; empty: nothing."""
    first_seen: str | None
    """The ends of the partitions to keep for the next look; None: none were seen yet."""


def judge(status: Mapping[str, Any], until_at: datetime, first_seen: str | None) -> Lag:
    """`status`: the payload of a supervisor's status; `first_seen`: what an earlier look kept."""
    if (state := status.get("state")) != "RUNNING":
        return Lag(waits_for=f"supervisor {state}", first_seen=first_seen)
    ends: Mapping[str, int] | None = status.get("latestOffsets")
    if not ends or _instant(status["offsetsLastUpdated"]) <= until_at:
        return Lag(waits_for="lag not known yet", first_seen=first_seen)
    first_seen = first_seen or json.dumps(ends, sort_keys=True)
    behind = _behind(ends, status.get("minimumLag") or {})
    if behind is None:
        return Lag(waits_for="lag not known yet", first_seen=first_seen)
    taken = {partition: ends[partition] - behind[partition] for partition in ends}
    wanted: Mapping[str, int] = json.loads(first_seen)
    if all(taken.get(partition, -1) >= end for partition, end in wanted.items()):
        return Lag(waits_for="", first_seen=first_seen)
    total = sum(max(0, lag) for lag in behind.values())
    # a stream that was made anew has other offsets: nothing is behind, whatever was seen before
    waits_for = f"lag {total:,}" if total else ""
    return Lag(waits_for=waits_for, first_seen=first_seen)


def _behind(ends: Mapping[str, int], lags: Mapping[str, int]) -> Mapping[str, int] | None:
    """The lag of each partition; None where one is not known."""
    if any(lags.get(partition, UNKNOWN_LAG) <= UNKNOWN_LAG for partition in ends):
        return None
    return lags


def _instant(text: str | None) -> datetime:
    return datetime.fromisoformat((text or "1970-01-01T00:00:00Z").replace("Z", "+00:00"))
