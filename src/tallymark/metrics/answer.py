"""What a question about a metric is, and what its answer looks like. Plain data, no behaviour."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from tallymark.calendar.periods import Calendar
from tallymark.model import Align, Cause, Completeness, Grain, Overlay


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
    compare: tuple[Overlay, ...] = ()
    """Overlays: each lays a second range beside every line."""
    align: Align = "date"


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
class ComparedBucket:
    """What stands beside one bucket: its partner's range and value, judged by the partner's data.

    Without a partner `key`, `start_at`, `end_at` and `value` are None, and the one cause says why.
    """

    key: str | None
    start_at: datetime | None
    end_at: datetime | None
    of_start_at: datetime
    of_end_at: datetime
    """The range of our own side: the bucket, or its elapsed part while it runs."""
    value: int | float | None
    completeness: Completeness
    causes: tuple[Cause, ...]
    days: int
    compare_days: int | None
    of_value: int | float | None
    """Our own value in the range of our own side: what `value` is to be compared with."""
    whole: bool = False
    """The bucket runs, and the earlier period is shorter than its elapsed part: taken whole."""


@dataclass(frozen=True, slots=True)
class Compared:
    """An overlay of a line: one for each of its buckets, in their order."""

    days: int
    compare_days: int
    """The days that all buckets meet, and those that all their partners meet."""
    buckets: tuple[ComparedBucket, ...] = ()


@dataclass(frozen=True, slots=True)
class Line:
    """The buckets of one combination of dimension values, in the order of time."""

    by: dict[str, str] = field(default_factory=dict)
    buckets: tuple[Bucket, ...] = ()
    overlays: dict[Overlay, Compared] = field(default_factory=dict)
    """In the order in which they were asked for."""


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
    align: Align = "date"
