"""What is laid beside a chart's buckets: the partners' titles, and what must be said. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from tallymark.boards.overlays import overlay_name
from tallymark.calendar.labels import clock_time, title, upto
from tallymark.calendar.periods import Calendar
from tallymark.metrics.answer import Bucket, Compared, ComparedBucket, Series
from tallymark.model import Completeness, Overlay

_STATES: dict[Completeness, str] = {
    "provisional": "the earlier one may still change",
    "partial": "of the earlier one a part is missing",
    "missing": "the earlier one is missing",
}


def laid(series: Series, now: datetime) -> list[dict[str, Any]]:
    """Each overlay once for all lines: they share buckets, and so partners too."""
    if not series.series:
        return []
    line = series.series[0]
    return [_one(series, overlay, compared, now) for overlay, compared in line.overlays.items()]


def _one(series: Series, overlay: Overlay, compared: Compared, now: datetime) -> dict[str, Any]:
    pairs = list(zip(series.series[0].buckets, compared.buckets, strict=True))
    notes = {n: _notes(series, own, other, now) for n, (own, other) in enumerate(pairs)}
    differ = bool(compared.compare_days) and compared.days != compared.compare_days
    return {
        "name": overlay,
        "title": overlay_name(overlay, series.align, series.grain, len(pairs)),
        "said": against(compared.days, compared.compare_days) if differ else "",
        "titles": [_title(series, own, other, now) for own, other in pairs],
        "notes": {str(n): found for n, found in notes.items() if found},
        "days": {
            str(n): [other.days, other.compare_days]
            for n, (_, other) in enumerate(pairs)
            if other.compare_days is not None and other.days != other.compare_days
        },
    }


def against(days: int, compare_days: int | None) -> str:
    """`28 days against 31`."""
    return f"{days:,} {'day' if days == 1 else 'days'} against {compare_days:,}"


def upto_the_cut(
    series: Series, pairs: Sequence[tuple[Bucket, ComparedBucket]], now: datetime
) -> list[str]:
    """Of running buckets: how far they are compared, and where the earlier one is whole."""
    found: list[str] = []
    for own, other in pairs:
        if other.of_end_at < own.end_at:
            found.append(f"compared up to {upto(series.calendar, other.of_end_at, now)}")
        if other.whole:
            found.append(f"{_period_title(series, other)} whole: it is shorter")
    return found


def _notes(series: Series, own: Bucket, other: ComparedBucket, now: datetime) -> list[str]:
    causes = [cause.text for cause in other.causes]
    if other.start_at is None:
        return causes
    state = [_STATES[other.completeness]] if other.completeness in _STATES else []
    return [*upto_the_cut(series, [(own, other)], now), *state, *causes]


def _title(series: Series, own: Bucket, other: ComparedBucket, now: datetime) -> str:
    """Empty where there is no partner."""
    if other.start_at is None or other.end_at is None:
        return ""
    told = _period_title(series, other)
    if other.whole or other.of_end_at == own.end_at:
        return told
    calendar: Calendar = series.calendar
    if series.grain == "day":
        return f"{told}, up to {clock_time(calendar, other.end_at)}"
    return f"{told}, up to {upto(calendar, other.end_at, now)}"


def _period_title(series: Series, other: ComparedBucket) -> str:
    if other.start_at is None:
        return ""
    whole = series.calendar.period(series.grain, other.start_at)
    ends = whole.start_at, whole.end_at
    return title(series.calendar, series.grain, *ends, other.key or "")
