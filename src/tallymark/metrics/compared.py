"""An overlay of one line: beside each bucket its partner's value, as true as its own data. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tallymark.calendar.overlays import Pair
from tallymark.metrics.answer import Bucket, Compared, ComparedBucket
from tallymark.metrics.overlays import Beside
from tallymark.metrics.plan import Asked
from tallymark.model import Cause

Told = Callable[[Asked], Bucket]
"""What a bucket, or a part of one, is worth to a line."""


def compared(beside: Beside, own: Sequence[Bucket], told: Told) -> Compared:
    """`own`: the line's sides; `told`: what a partner is worth to the line."""
    found = [
        _alone(pair, mine) if partner is None else _together(pair, key, mine, told(partner))
        for pair, key, partner, mine in zip(
            beside.pairs, beside.keys, beside.partners, own, strict=True
        )
    ]
    return Compared(beside.days, beside.compare_days, tuple(found))


def own_sides(beside: Beside, buckets: Sequence[Bucket], told: Told) -> Sequence[Bucket]:
    """The buckets of a line, the running one cut to its elapsed part."""
    if beside.cut is None:
        return buckets
    part = told(beside.parts[0])
    return [*buckets[: beside.cut], part, *buckets[beside.cut + 1 :]]


def _together(pair: Pair, key: str | None, own: Bucket, partner: Bucket) -> ComparedBucket:
    return ComparedBucket(
        key=key,
        start_at=partner.start_at,
        end_at=partner.end_at,
        of_start_at=own.start_at,
        of_end_at=own.end_at,
        value=partner.value,
        completeness=partner.completeness,
        causes=partner.causes,
        days=pair.days,
        compare_days=pair.compare_days,
        of_value=own.value,
        whole=pair.whole,
    )


def _alone(pair: Pair, own: Bucket) -> ComparedBucket:
    return ComparedBucket(
        key=None,
        start_at=None,
        end_at=None,
        of_start_at=own.start_at,
        of_end_at=own.end_at,
        value=None,
        completeness="missing",
        causes=(Cause("no_partner", pair.reason),),
        days=pair.days,
        compare_days=None,
        of_value=own.value,
    )
