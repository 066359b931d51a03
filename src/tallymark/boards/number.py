"""What a number card says: one number over the range, and in words how final it is. Pure.

Sums and counts add up over the range's days, extremes are the extreme, a last reading is the
newest; an increase is never added up: the card shows the newest complete bucket's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from tallymark.boards import numbers
from tallymark.boards.lines import worst
from tallymark.calendar.labels import called
from tallymark.calendar.periods import Calendar
from tallymark.metrics.answer import Bucket
from tallymark.model import Completeness, Grain

ADDS_UP = ("sum", "count")


@dataclass(frozen=True, slots=True)
class NumberText:
    """`of` says what the number is of (`as of Sun 2 Aug 2026`); empty: of the whole range."""

    text: str
    exact: str
    of: str
    completeness: Completeness
    words: str


def number(
    calendar: Calendar, aggregate: str, grain: Grain, buckets: Sequence[Bucket], now: datetime
) -> NumberText:
    """`buckets`: the range, in order, at `grain`; not empty."""
    chosen, value = _pick(aggregate, buckets)
    of = chosen and called(calendar, grain, chosen.start_at, chosen.end_at, now)
    judged = [chosen] if chosen else list(buckets)
    return NumberText(
        numbers.compact(value),
        numbers.exact(value),
        f"as of {of}" if of and aggregate == "last" else of or "",
        worst(judged),
        _words(judged, grain),
    )


def _pick(aggregate: str, buckets: Sequence[Bucket]) -> tuple[Bucket | None, float | int | None]:
    known = [bucket for bucket in buckets if bucket.value is not None]
    values = [bucket.value for bucket in known if bucket.value is not None]
    if not values:
        return None, None
    if aggregate in ADDS_UP:
        return None, sum(values)
    if aggregate in ("min", "max"):
        return None, (min if aggregate == "min" else max)(values)
    if aggregate == "increase":
        whole = [bucket for bucket in known if bucket.completeness == "complete"]
        return (whole or known)[-1], (whole or known)[-1].value
    return known[-1], values[-1]


def _words(buckets: Sequence[Bucket], grain: Grain) -> str:
    """`2 of 28 days missing, 3 may still change, today runs`; `complete` where it is."""
    running = [bucket for bucket in buckets if any(c.code == "running" for c in bucket.causes)]
    ended = [bucket for bucket in buckets if bucket not in running]
    if len(buckets) == 1:
        return _ONE[ended[0].completeness] if ended else "still running"
    said: list[str] = []
    for state, what in _SEVERAL.items():
        n = sum(bucket.completeness == state for bucket in ended)
        if n:
            of = "" if said else f" of {len(buckets):,} {grain}s"
            said.append(f"{n:,}{of} {what}")
    if running:
        said.append("today runs" if grain == "day" else f"this {grain} runs")
    return ", ".join(said) or "complete"


_SEVERAL: dict[Completeness, str] = {
    "missing": "missing",
    "partial": "partly missing",
    "provisional": "may still change",
}
_ONE: dict[Completeness, str] = {**_SEVERAL, "complete": "complete"}
