"""From a question to the buckets and cells that answer it. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from tallymark.calendar.periods import Calendar
from tallymark.cubes.labels import labels
from tallymark.errors import BadRequest, NotFound
from tallymark.metrics.answer import SeriesQuery
from tallymark.metrics.completeness import Needs
from tallymark.metrics.define import MetricSpec, dimensions
from tallymark.model import GRAINS, Grain, Period, Stream

MOST_BUCKETS = 20_000
MOST_VALUES = 400_000

NOMINAL_S: Mapping[Grain, int] = {
    "hour": 3600,
    "day": 86_400,
    "week": 7 * 86_400,
    "month": 28 * 86_400,
    "quarter": 90 * 86_400,
    "year": 365 * 86_400,
}
_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Asked:
    """One bucket: where it lies in the workspace's time, and which span of the stream it holds.

    They differ where rows carry a day's label only.
    """

    bucket: Period
    span: Period


@dataclass(frozen=True)
class Plan:
    """What must be read to answer."""

    buckets: tuple[Asked, ...]
    needs: Needs
    by: tuple[str, ...]
    cells_by: tuple[str, ...]
    """`by`, and the subject where each must have its reading."""
    filters: Mapping[str, tuple[str, ...]]


def plan(query: SeriesQuery, metric: MetricSpec, stream: Stream, calendar: Calendar) -> Plan:
    """Raises: BadRequest where the question cannot be answered; it says what can."""
    offered = dimensions(metric, stream)
    for name in (*query.by, *(name for name, _ in query.filters)):
        if name not in offered:
            raise BadRequest(f"{metric.name} has no dimension {name!r}: {among(name, offered)}")
    if len(set(query.by)) != len(query.by):
        raise BadRequest("a dimension is named twice in `by`")
    filters: dict[str, tuple[str, ...]] = {}
    for name, value in query.filters:
        filters[name] = (*filters.get(name, ()), value)
    buckets = _buckets(query, stream, calendar)
    needs, subject = _needs(metric), stream.subject
    last = needs != "all" and subject not in query.by
    return Plan(buckets, needs, query.by, (*query.by, subject) if last else query.by, filters)


def asked_of(stream: Stream, calendar: Calendar, bucket: Period) -> Asked:
    """A bucket, or whole days of one, with the span of the stream that counts in it."""
    return Asked(bucket, labels(calendar, bucket) if stream.label == "day" else bucket)


def read_from(calendar: Calendar, grain: Grain, needs: Needs, start_at: datetime) -> datetime:
    """From where cells are read for buckets from `start_at` on.

    An `increase` needs the reading before the first bucket.
    """
    if needs == "bounds":
        for _ in range(2):
            start_at = calendar.period(grain, start_at - _TICK).start_at
    return start_at


def grain_refusal(title: str, stream: Stream, step_s: float, grain: Grain) -> str | None:
    """Why a grain is not offered; None: it is. `step_s`: the step of its slowest schedule."""
    if stream.label == "day" and grain == "hour":
        return f"{title} comes by whole days ({stream.zone}): there are no hours"
    if stream.kind == "push" or step_s <= NOMINAL_S[grain]:
        return None
    return f"{title} is read {every(step_s)}: a shorter {grain} has no number of its own"


def every(step_s: float) -> str:
    """`every day`, `every 6 hours`."""
    for unit, unit_s in (("week", 604_800), ("day", 86_400), ("hour", 3600)):
        if step_s >= unit_s and step_s % unit_s == 0:
            n = int(step_s // unit_s)
            return f"every {unit}" if n == 1 else f"every {n} {unit}s"
    return f"every {round(step_s / 60)} minutes"


def known(name: str, found: Iterable[str], what: str) -> str:
    """Raises: NotFound for a name that is not among those."""
    names = sorted(found)
    if name not in names:
        raise NotFound(f"there is no {what} {name!r}: {among(name, names)}")
    return name


def among(name: str, offered: Iterable[str]) -> str:
    """What is right instead: the nearest, or all."""
    names = sorted(offered)
    near = difflib.get_close_matches(name, names, n=3)
    if near:
        return f"did you mean {' or '.join(near)}?"
    return f"there are {', '.join(names[:20])}" if names else "there is none"


def _needs(metric: MetricSpec) -> Needs:
    match metric.aggregate:
        case "last":
            return "last"
        case "increase":
            return "bounds"
        case _:
            return "all"


def _buckets(query: SeriesQuery, stream: Stream, calendar: Calendar) -> tuple[Asked, ...]:
    if query.grain not in GRAINS:
        raise BadRequest(f"there is no grain {query.grain!r}: there are {', '.join(GRAINS)}")
    if query.to_at <= query.from_at:
        raise BadRequest("the range is empty: `to` must lie after `from`")
    length_s = (query.to_at - query.from_at).total_seconds()
    if length_s / NOMINAL_S[query.grain] > MOST_BUCKETS:
        raise BadRequest(
            f"the range has more than {MOST_BUCKETS:,} {query.grain}s: "
            "ask for a coarser grain or a shorter range"
        )
    found = calendar.periods(query.grain, query.from_at, query.to_at)
    return tuple(asked_of(stream, calendar, bucket) for bucket in found)
