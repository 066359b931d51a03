"""What a number card says beside its number: the change against the first overlay. Pure.

Like is laid beside like: a pair of which one side is not known counts on neither, and the card
says how many those are. A bucket without a partner counts on its own side alone: then the numbers
of days differ, the card says so, and the change a day stands there as well.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal

from tallymark.boards import numbers
from tallymark.boards.define import Metric
from tallymark.boards.laid import against, upto_the_cut
from tallymark.boards.number import ADDS_UP
from tallymark.boards.numbers import Number
from tallymark.boards.overlays import overlay_name
from tallymark.metrics.answer import Bucket, ComparedBucket, Series

PER_DAY = (*ADDS_UP, "increase")
Pair = tuple[Bucket, ComparedBucket]


@dataclass(frozen=True, slots=True)
class Change:
    """`▲ +409.1 k (+12.4 %) more` `than the previous 28 days`; `reason` in its place: why not."""

    arrow: str = ""
    text: str = ""
    word: str = ""
    tone: Literal["good", "bad", ""] = ""
    than: str = ""
    exact: str = ""
    notes: tuple[str, ...] = ()
    reason: str = ""


def change(metric: Metric, series: Series, now: datetime) -> Change | None:
    """None where nothing is laid beside it."""
    line = series.series[0]
    if not line.overlays:
        return None
    overlay, compared = next(iter(line.overlays.items()))
    name = overlay_name(overlay, series.align, series.grain, len(compared.buckets))
    chosen = _chosen(metric.aggregate, list(zip(line.buckets, compared.buckets, strict=True)), now)
    paired = [pair for pair in chosen if pair[1].start_at is not None]
    known = [pair for pair in paired if _known(pair)]
    if not known:
        return Change(reason=f"Nothing to compare with {_the(name)}: {_why(chosen, paired)}.")
    alone = [pair for pair in chosen if pair[1].start_at is None]
    ours = _combined(metric.aggregate, [pair[1].of_value for pair in (*alone, *known)])
    theirs = _combined(metric.aggregate, [pair[1].value for pair in known])
    days = sum(pair[1].days for pair in (*alone, *known))
    compare_days = sum(pair[1].compare_days or 0 for pair in known)
    if series.grain == "hour":  # each hour has one day, and together they have as many as they meet
        days, compare_days = compared.days, compared.compare_days or compared.days
    notes = (
        *upto_the_cut(series, [*alone, *known][-1:], now),
        *_per_day(metric.aggregate, ours, theirs, days, compare_days),
        *_left_out(len(paired) - len(known), len(chosen), series.grain),
    )
    said = _said(ours, theirs, metric)
    return replace(said, than=f"{'than' if said.word else 'against'} {_the(name)}", notes=notes)


def _chosen(aggregate: str, pairs: Sequence[Pair], now: datetime) -> list[Pair]:
    """The buckets that the card's number is made of; a running one without a partner waits."""
    found = [
        pair
        for pair in pairs
        if pair[1].start_at is not None or (pair[1].of_value is not None and pair[0].end_at <= now)
    ]
    if aggregate == "increase":
        whole = [pair for pair in found if pair[0].completeness == "complete"]
        return (whole or found)[-1:]
    if aggregate == "last":
        return [pair for pair in found if pair[1].of_value is not None][-1:]
    return found


def _known(pair: Pair) -> bool:
    return pair[1].of_value is not None and pair[1].value is not None


def _combined(aggregate: str, values: Sequence[Number | None]) -> Number:
    known = [value for value in values if value is not None]
    if aggregate in ADDS_UP:
        return sum(known)
    return min(known) if aggregate == "min" else max(known)


def _said(ours: Number, theirs: Number, metric: Metric) -> Change:
    exact = f"{numbers.exact(ours)} against {numbers.exact(theirs)} {metric.unit}"
    if ours == theirs:
        return Change("=", "no change", "", exact=exact)
    more = ours > theirs
    good = {"up": more, "down": not more}.get(metric.direction)
    return Change(
        "▲" if more else "▼",
        numbers.difference(ours, theirs),
        "more" if more else "less",
        "" if good is None else "good" if good else "bad",
        exact=exact,
    )


def _per_day(
    aggregate: str, ours: Number, theirs: Number, days: int, compare_days: int
) -> tuple[str, ...]:
    if days == compare_days:
        return ()
    told = against(days, compare_days)
    if aggregate not in PER_DAY:
        return (told,)
    return (f"{told}: {numbers.difference(ours / days, theirs / compare_days)} a day",)


def _left_out(left_out: int, of: int, grain: str) -> tuple[str, ...]:
    if not left_out:
        return ()
    return (f"{left_out:,} of {of:,} {grain}s left out: not known on both sides",)


def _why(chosen: Sequence[Pair], paired: Sequence[Pair]) -> str:
    if paired:
        return "its numbers are not known"
    causes = [cause.text for pair in chosen for cause in pair[1].causes]
    return causes[0] if causes else "nothing has elapsed yet"


def _the(name: str) -> str:
    return f"the {name}" if name.startswith("previous") else name
