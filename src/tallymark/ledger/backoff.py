"""When a failed call is tried again. Pure.

A span is never given up on: the waits grow to an hour, and to no more than a quarter of the
schedule's step, so that a gauge is tried several times while its period runs.
"""

from __future__ import annotations

from datetime import datetime, timedelta

FIRST_S = 2.0
LONGEST_S = 3600.0


def next_try(
    attempts: int,
    step_s: float,
    now: datetime,
    retry_after_s: float | None = None,
    jitter: float = 1.0,
) -> datetime:
    """The next try after the `attempts`-th failure in a row; `jitter` in 0..1 shortens the wait.

    What the vendor asked for with Retry-After is a lower bound.
    """
    longest_s = min(LONGEST_S, step_s / 4)
    # beyond 20 doublings the number only grows
    wait_s = min(longest_s, FIRST_S * 2.0 ** min(attempts - 1, 20))
    wait_s *= 0.5 + jitter / 2
    return now + timedelta(seconds=max(wait_s, retry_after_s or 0.0))
