"""How true a bucket is. Pure: worked out at read time from coverage, clock and marks, never stored.

    nothing of it covered            -> missing
    it still runs, or a part is not  -> partial
    it may still change              -> provisional
    else                             -> complete

Each subject is judged by itself (`polled.py`, `pushed.py`), then all are taken together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from tallymark.metrics.words import names
from tallymark.model import Cause, Completeness, Covered, Period, StreamKind

Needs = Literal["all", "last", "bounds"]
"""What of a bucket a value needs: every period (sums), the last one (`last`), or the last one and
the one right before the bucket (`increase`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What a stream promises."""

    kind: StreamKind
    needs: Needs = "all"
    delay: timedelta = timedelta()
    """How long after a period's end the first reading is worth trying."""
    lag: timedelta = timedelta()
    """How long after its end a period may still change."""
    allowance: timedelta = timedelta()
    """How long after a bucket's end a receiver must have listened."""
    retries: bool = True
    """Whether senders repeat what was not acknowledged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One object of a stream: what is expected of it, and what of that is covered."""

    name: str
    start_at: datetime
    until_at: datetime | None = None
    """Nothing is expected from here on: it was removed."""
    coverage: Sequence[Covered] = ()
    """Sorted and disjoint; all that meets the buckets, and the period before the first."""
    period: Callable[[datetime], Period]
    """Its schedule: the period that holds an instant."""
    trouble: str = ""
    """Its last error, while it fails."""


@dataclass(frozen=True, slots=True)
class Heard:
    """When receivers listened to a source, and the first received row that is not in the lake."""

    stretches: Sequence[Period] = ()
    waiting_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """What is known of one bucket; `settled_at`: since when a pushed one is complete."""

    completeness: Completeness
    causes: tuple[Cause, ...] = ()
    settled_at: datetime | None = None


COMPLETE = Judged("complete")


def expected(span: Period, subject: Subject) -> Period | None:
    """The part of a bucket of which something is expected of a subject; None: nothing is."""
    start_at = max(span.start_at, subject.start_at)
    end_at = span.end_at if subject.until_at is None else min(span.end_at, subject.until_at)
    return Period(start_at, end_at) if start_at < end_at else None


def combine(
    judged: Sequence[tuple[str, Judged | None]], *, begins: str = "before the first period"
) -> Judged:
    """All subjects together; None: nothing is expected of that one.

    All complete: complete. All missing: missing. Else the worst, where one that is missing leaves
    the whole partial. `begins` is said where nothing is expected of any.
    """
    asked = [(name, one) for name, one in judged if one is not None]
    if not asked:
        return Judged("missing", (Cause("missed", begins),))
    words = {one.completeness for _, one in asked}
    if len(words) == 1:
        (worst,) = words
    elif words & {"missing", "partial"}:
        worst = "partial"
    else:
        worst = "provisional"
    settled = [one.settled_at for _, one in asked]
    known = [at for at in settled if at is not None]
    return Judged(worst, _causes(asked), max(known) if len(known) == len(settled) else None)


def rolling(judged: Judged, hours: Period) -> Judged:
    """The same bucket, where the lake holds rows that the cube does not."""
    if judged.completeness == "missing":
        return judged
    cause = Cause("rolling_up", "newer rows are being rolled up", hours.start_at, hours.end_at)
    worst: Completeness = (
        "provisional" if judged.completeness == "complete" else judged.completeness
    )
    return replace(judged, completeness=worst, causes=(*judged.causes, cause))


def lacking(judged: Judged, cause: Cause) -> Judged:
    """The same bucket, where its value misses a reading although its periods are covered."""
    if judged.completeness in ("missing", "partial"):
        return judged
    return replace(judged, completeness="partial", causes=(*judged.causes, cause))


def unread(judged: Judged) -> Judged:
    """The same bucket, where nothing of it was read although an earlier period reaches into it."""
    causes = tuple(cause for cause in judged.causes if cause.code != "lag")
    return replace(judged, completeness="missing", causes=causes)


def _causes(asked: Sequence[tuple[str, Judged]]) -> tuple[Cause, ...]:
    """Each cause once; where it is not every subject's, it names whose it is."""
    whose: dict[Cause, list[str]] = {}
    for name, one in asked:
        for cause in one.causes:
            whose.setdefault(cause, []).append(name)
    return tuple(
        cause if len(found) == len(asked) else _of(cause, found) for cause, found in whose.items()
    )


def _of(cause: Cause, subjects: Iterable[str]) -> Cause:
    return replace(cause, text=f"{names(subjects)}: {cause.text}")
