"""What a chart card is drawn from: plain columns, ready to be written as JSON. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from tallymark.boards.change import PER_DAY
from tallymark.boards.laid import laid
from tallymark.boards.lines import Drawn, drawn, strip
from tallymark.boards.number import ADDS_UP
from tallymark.calendar.labels import axis_label, title
from tallymark.calendar.periods import Calendar
from tallymark.metrics.answer import Bucket, Series


def axis_name(series: Series, calendar: Calendar) -> str:
    """Cards of one grain share an axis, where they are cut by the board's calendar."""
    own = series.calendar
    return series.grain if own == calendar else f"{series.grain} {own}"


def axis(series: Series) -> dict[str, Any]:
    """The buckets that all lines share: keys, axis labels, and titles that leave nothing out."""
    buckets: Sequence[Bucket] = series.series[0].buckets if series.series else ()
    grain, calendar = series.grain, series.calendar
    days = [calendar.date_of(bucket.start_at) for bucket in buckets] if grain == "hour" else []
    return {
        "grain": grain,
        "keys": [bucket.key for bucket in buckets],
        "labels": [axis_label(calendar, grain, b.start_at, b.end_at) for b in buckets],
        "titles": [title(calendar, grain, b.start_at, b.end_at, b.key) for b in buckets],
        "day_starts": [n for n, on in enumerate(days) if n == 0 or on != days[n - 1]],
    }


def chart(series: Series, on: str, by: str | None, aggregate: str, now: datetime) -> dict[str, Any]:
    """Lines of values and state letters, what is laid beside them, and the coverage strip."""
    states, causes = strip(series.series)
    return {
        "unit": series.unit,
        "axis": on,
        "from_zero": aggregate in ADDS_UP,
        "per_day": aggregate in PER_DAY,
        "lines": [_line(one) for one in drawn(series.series, by)],
        "overlays": laid(series, now),
        "strip": states,
        "causes": {str(n): [cause.text for cause in found] for n, found in causes.items()},
    }


def _line(one: Drawn) -> dict[str, Any]:
    return {
        "name": one.name,
        "values": one.values,
        "states": one.states,
        "other": one.other,
        "overlays": {name: _beside(one, found) for name, found in one.overlays.items()},
    }


def _beside(one: Drawn, found: Drawn) -> dict[str, Any]:
    """`of`: what a value is compared with where that is only the elapsed part of the line's own."""
    of_values = {
        str(n): of_value
        for n, (own, other, of_value) in enumerate(
            zip(one.values, found.values, found.of_values, strict=True)
        )
        if other is not None and own != of_value
    }
    return {"values": found.values, "of": of_values}
