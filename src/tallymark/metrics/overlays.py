"""Which partners stand beside the asked buckets, and what must be read for them. Pure.

The calendar says which earlier bucket pairs with which; a bucket that holds the present instant and
its partner are cut to the elapsed part.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from tallymark.calendar.elapsed import elapsed
from tallymark.calendar.overlays import Pair, pairs, totals
from tallymark.calendar.periods import Calendar
from tallymark.metrics.answer import SeriesQuery
from tallymark.metrics.plan import Asked, Plan, asked_of, read_from
from tallymark.model import Grain, Overlay, Period, Stream


@dataclass(frozen=True, slots=True)
class Running:
    """The bucket that holds the present instant, and up to where it is compared."""

    place: int
    cut_at: datetime
    """Its own start where nothing of it can be compared yet."""
    finest: Grain
    """What the metric's elapsed part is made of: hours, or days."""


@dataclass(frozen=True, slots=True)
class Beside:
    """One overlay: a pair for each bucket, and what its sides mean to the metric."""

    overlay: Overlay
    pairs: tuple[Pair, ...]
    keys: tuple[str | None, ...]
    """Of the partners, whole."""
    partners: tuple[Asked | None, ...]
    whole: Asked | None
    """All that is read for them: from the first partner to the last, uncut."""
    days: int
    compare_days: int
    cut: int | None = None
    """The place of the bucket that is compared by its elapsed part."""
    parts: tuple[Asked, ...] = ()
    """Where one is cut: its own side, and the partner's unless that is a whole bucket."""


def lay(
    query: SeriesQuery,
    stream: Stream,
    calendar: Calendar,
    buckets: Sequence[Asked],
    running: Running | None,
) -> tuple[Beside, ...]:
    """Every overlay of a question. Raises: BadRequest for one that its grain does not have."""
    periods = [asked.bucket for asked in buckets]
    return tuple(
        _beside(query, overlay, stream, calendar, periods, running) for overlay in query.compare
    )


def reads(plan: Plan, calendar: Calendar, grain: Grain, besides: Sequence[Beside]) -> list[Period]:
    """The ranges whose buckets are read, each once."""
    found = [Period(plan.buckets[0].bucket.start_at, plan.buckets[-1].bucket.end_at)]
    found += [beside.whole.bucket for beside in besides if beside.whole]
    return merged(
        Period(read_from(calendar, grain, plan.needs, one.start_at), one.end_at) for one in found
    )


def judges(plan: Plan, besides: Sequence[Beside]) -> list[Period]:
    """The ranges of the stream of which it must be known what is covered."""
    found = [Period(plan.buckets[0].span.start_at, plan.buckets[-1].span.end_at)]
    return found + [beside.whole.span for beside in besides if beside.whole]


def merged(found: Iterable[Period]) -> list[Period]:
    """Ranges that overlap or touch become one."""
    joined: list[Period] = []
    for one in sorted(found):
        if joined and one.start_at <= joined[-1].end_at:
            joined[-1] = Period(joined[-1].start_at, max(joined[-1].end_at, one.end_at))
        else:
            joined.append(one)
    return joined


def _beside(
    query: SeriesQuery,
    overlay: Overlay,
    stream: Stream,
    calendar: Calendar,
    buckets: Sequence[Period],
    running: Running | None,
) -> Beside:
    grain = query.grain
    found = pairs(calendar, grain, overlay, query.align, buckets)
    earlier = [pair.period for pair in found if pair.period]
    whole = Period(earlier[0].start_at, earlier[-1].end_at) if earlier else None
    keys = [calendar.key(grain, pair.period) if pair.period else None for pair in found]
    sides: list[Period] = []
    if running and found[running.place].period:
        pair = found[running.place]
        part = _elapsed(calendar, grain, pair, running)
        found[running.place] = part
        if part.period is None:
            keys[running.place] = None
        else:
            sides = [part.of] if part.period == pair.period else [part.of, part.period]
    days, compare_days = totals(calendar, found)
    return Beside(
        overlay=overlay,
        pairs=tuple(found),
        keys=tuple(keys),
        partners=tuple(
            asked_of(stream, calendar, pair.period) if pair.period else None for pair in found
        ),
        whole=asked_of(stream, calendar, whole) if whole else None,
        days=days,
        compare_days=compare_days,
        cut=running.place if running and sides else None,
        parts=tuple(asked_of(stream, calendar, side) for side in sides),
    )


def _elapsed(calendar: Calendar, grain: Grain, pair: Pair, running: Running) -> Pair:
    if grain == "hour":
        return _without(pair, "it runs, and there is no full hour in it")
    if running.cut_at <= pair.of.start_at:
        return _without(pair, f"no full {running.finest} of it is complete yet")
    part = elapsed(calendar, grain, pair, running.cut_at)
    if part.period is None or part.period == pair.period:
        return part
    # a clock that jumped there may have no full hour at the cut: what the hour holds is not known
    end_at = calendar.period(running.finest, part.period.end_at).start_at
    if end_at <= part.period.start_at:
        return _without(pair, f"the earlier {grain} has no full {running.finest} up to there")
    return replace(part, period=Period(part.period.start_at, end_at))


def _without(pair: Pair, reason: str) -> Pair:
    return replace(pair, period=None, compare_days=None, reason=reason)
