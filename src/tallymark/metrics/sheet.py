"""A metric as plain numbers, for answers too large to carry an object for each value. Pure.

Where all is complete, which one look at the whole range mostly shows, numbers come straight from
the cube; else from the buckets of a `Series`. Both say the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import repeat

from tallymark.calendar.periods import Calendar
from tallymark.cubes.read import Strip
from tallymark.metrics.answer import Series, SeriesQuery
from tallymark.metrics.judging import Facts, all_complete, judge
from tallymark.metrics.lines import adds_zeros, keys_of
from tallymark.metrics.plan import Asked
from tallymark.model import Cause, Completeness, Grain, Period
from tallymark.state.schema import to_us

Number = int | float


@dataclass(frozen=True, slots=True)
class Doubt:
    """A bucket that is not complete. `final`: nothing will ever be added to it."""

    key: str
    completeness: Completeness
    causes: tuple[Cause, ...]
    final: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """The answer to a question without overlays; `numbers` by bucket, then by key."""

    metric: str
    grain: Grain
    by: tuple[str, ...]
    calendar: Calendar
    buckets: tuple[Period, ...]
    keys: tuple[tuple[str, ...], ...]
    """The combinations of values that have a column, sorted."""
    numbers: Sequence[Sequence[Number | None]]
    """None: not known, which is never the same as 0."""
    doubts: tuple[Doubt, ...] = ()


def complete(facts: Facts) -> bool:
    """Whether a look at the whole range says that every bucket of it is complete."""
    return all_complete(facts, facts.subjects, whole(facts.plan.buckets))


def whole(buckets: Sequence[Asked]) -> Asked:
    first, last = buckets[0], buckets[-1]
    return Asked(
        Period(first.bucket.start_at, last.bucket.end_at),
        Period(first.span.start_at, last.span.end_at),
    )


def of_strips(query: SeriesQuery, facts: Facts, strips: Sequence[Strip], cut: Calendar) -> Sheet:
    """Where every bucket is complete, and a value adds up by itself."""
    buckets = tuple(asked.bucket for asked in facts.plan.buckets)
    alike = {id(strip.keys): strip.keys for strip in strips}
    keys = keys_of(facts, {key for some in alike.values() for key in some})
    found = {strip.start_us: strip for strip in strips}
    none = 0 if adds_zeros(facts) else None
    numbers = [list(_filled(found.get(to_us(b.start_at)), keys, none)) for b in buckets]
    return Sheet(
        metric=query.metric,
        grain=query.grain,
        by=query.by,
        calendar=cut,
        buckets=buckets,
        keys=tuple(keys),
        numbers=numbers,
    )


def _filled(
    strip: Strip | None, keys: list[tuple[str, ...]], none: int | None
) -> Iterable[Number | None]:
    if strip is None:
        return repeat(none, len(keys))
    if strip.keys == keys:
        return strip.values
    there = dict(zip(strip.keys, strip.values, strict=True))
    return (there.get(key, none) for key in keys)


def of_series(facts: Facts, series: Series) -> Sheet:
    """The same from judged buckets, with what is in doubt."""
    lines = [line.buckets for line in series.series]
    doubts = []
    for n, asked in enumerate(facts.plan.buckets):
        beside = [line[n] for line in lines if line[n].completeness != "complete"]
        judged = judge(facts, facts.subjects, asked)
        if judged.completeness == "complete" and not beside:
            continue
        causes = judged.causes or tuple({cause: None for b in beside for cause in b.causes})
        word = "partial" if judged.completeness == "complete" else judged.completeness
        key = series.calendar.key(series.grain, asked.bucket)
        doubts.append(Doubt(key, word, causes, _is_final(facts, asked)))
    return Sheet(
        metric=series.metric,
        grain=series.grain,
        by=facts.plan.by,
        calendar=series.calendar,
        buckets=tuple(asked.bucket for asked in facts.plan.buckets),
        keys=tuple(tuple(line.by.values()) for line in series.series),
        numbers=[[line[n].value for line in lines] for n in range(len(facts.plan.buckets))],
        doubts=tuple(doubts),
    )


def _is_final(facts: Facts, asked: Asked) -> bool:
    """Whether nothing will be added to a bucket: what it lacks cannot be had any more."""
    if facts.marks.ahead(asked.bucket):
        return False
    causes = judge(facts, facts.subjects, asked).causes
    if all(cause.code == "missed" for cause in causes):
        return True
    # of a sender that does not repeat, all that ever comes is there once another's would be
    repeats = replace(facts, rules=replace(facts.rules, retries=True))
    return judge(repeats, facts.subjects, asked).completeness == "complete"
