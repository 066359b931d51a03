"""A sparkline as SVG paths in a box of 100 x 28: solid where complete, dashed where not. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tallymark.metrics.answer import Bucket

WIDTH, HEIGHT, EDGE = 100.0, 28.0, 2.0


@dataclass(frozen=True, slots=True)
class Spark:
    """Two `d` attributes; either may be empty."""

    solid: str
    dashed: str


def spark(buckets: Sequence[Bucket], *, from_zero: bool) -> Spark | None:
    """None where fewer than two values would be joined."""
    values = [bucket.value for bucket in buckets if bucket.value is not None]
    if len(values) < 2:
        return None
    low = min(0, *values) if from_zero else min(values)
    span = (max(values) - low) or 1
    solid: list[str] = []
    dashed: list[str] = []
    for n in range(1, len(buckets)):
        before, after = buckets[n - 1], buckets[n]
        if before.value is None or after.value is None:
            continue
        final = before.completeness == after.completeness == "complete"
        path = solid if final else dashed
        ends = (
            (_x(n - 1, len(buckets)), _y(before.value, low, span)),
            (_x(n, len(buckets)), _y(after.value, low, span)),
        )
        path.append("M{:.1f} {:.1f}L{:.1f} {:.1f}".format(*ends[0], *ends[1]))
    return Spark("".join(solid), "".join(dashed)) if solid or dashed else None


def _x(n: int, of: int) -> float:
    return n * WIDTH / (of - 1)


def _y(value: float, low: float, span: float) -> float:
    return HEIGHT - EDGE - (value - low) / span * (HEIGHT - 2 * EDGE)
