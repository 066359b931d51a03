"""What a question about a metric is, and what its answer looks like. Plain data, no behaviour."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from tallymark.calendar.periods import Calendar
from tallymark.model import Cause, Completeness, Grain


@dataclass(frozen=True, slots=True)
class SeriesQuery:
    """One metric at one grain; the buckets that overlap `[from_at, to_at)` come whole."""

    metric: str
    grain: Grain
    from_at: datetime
    to_at: datetime
    by: tuple[str, ...] = ()
    """Dimensions: one line for each combination of their values; empty: one line in all."""
    filters: tuple[tuple[str, str], ...] = ()
    """(dimension, value); values of one dimension are alternatives, dimensions all hold."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """A value and how true it is. `value` None: not known, which is never the same as 0."""

    key: str
    start_at: datetime
    end_at: datetime
    value: int | float | None
    completeness: Completeness
    causes: tuple[Cause, ...] = ()
    restated_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Line:
    """The buckets of one combination of dimension values, in the order of time."""

    by: dict[str, str] = field(default_factory=dict)
    buckets: tuple[Bucket, ...] = ()


@dataclass(frozen=True, slots=True)
class Series:
    """The answer to a `SeriesQuery`: every line has the same buckets."""

    metric: str
    unit: str
    grain: Grain
    calendar: Calendar
    """What the buckets are cut by: the calendar that the cube was built with."""
    from_at: datetime
    to_at: datetime
    complete_to: datetime | None
    """The end of the last complete bucket; None: none is."""
    series: tuple[Line, ...]
