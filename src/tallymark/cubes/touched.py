"""From the hours that commits touched to the buckets that a refresh replaces. Pure.

Marks list hours of UTC; buckets are cut by the workspace's calendar, so that a mark may touch two.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby, pairwise

import pyarrow as pa

from tallymark.calendar.periods import Calendar
from tallymark.calendar.table import FIRST_AT, SLOT_S, calendar_table
from tallymark.cubes.labels import DAY, day_of, labels
from tallymark.model import CubeSpec, Grain, Period
from tallymark.state.schema import EPOCH, to_us

HOUR = timedelta(hours=1)

FINER: dict[Grain, Grain] = {
    "day": "hour",
    "week": "day",
    "month": "day",
    "quarter": "month",
    "year": "quarter",
}
"""What each grain is rolled up from."""

BASE = pa.schema([("slot", pa.int64()), ("start_us", pa.int64())])


@dataclass(frozen=True, slots=True)
class Touched:
    """Whole base buckets without a gap, and the span of `ts` that falls in them."""

    buckets: Period
    ts: Period


@dataclass(frozen=True, slots=True)
class Rollup:
    """The buckets of one grain that follow from changed buckets of a finer one."""

    grain: Grain
    finer: Grain
    periods: tuple[Period, ...]


def touched(spec: CubeSpec, calendar: Calendar, hours: Iterable[int]) -> list[Touched]:
    """The base buckets that hours of UTC (counted from 1970) may have changed, in order."""
    spans = _runs(sorted(set(hours)))
    if spec.label == "day":
        days = [_labelled_days(calendar, span) for span in spans]
        return [Touched(span, labels(calendar, span)) for span in _joined(days)]
    hourly = [_whole(calendar, "hour", span) for span in spans]
    return [Touched(span, span) for span in _joined(hourly)]


def by_quarter(calendar: Calendar, spec: CubeSpec, spans: Sequence[Touched]) -> list[list[Touched]]:
    """The same buckets in groups of at most a quarter: what is held in memory at one time."""
    cut: list[tuple[datetime, Touched]] = []
    for span in spans:
        for quarter in calendar.periods("quarter", span.buckets.start_at, span.buckets.end_at):
            part = Period(
                max(quarter.start_at, span.buckets.start_at),
                min(quarter.end_at, span.buckets.end_at),
            )
            ts = labels(calendar, part) if spec.label == "day" else part
            cut.append((quarter.start_at, Touched(part, ts)))
    return [[t for _, t in group] for _, group in groupby(cut, key=lambda pair: pair[0])]


def scans(spans: Sequence[Touched], at_most: int) -> list[Period]:
    """At most so many ranges of `ts` that hold all of them: the smallest gaps are read along."""
    found = _joined([span.ts for span in spans])
    while len(found) > at_most:
        gaps = [b.start_at - a.end_at for a, b in pairwise(found)]
        i = gaps.index(min(gaps))
        found[i : i + 2] = [Period(found[i].start_at, found[i + 1].end_at)]
    return found


def base(spec: CubeSpec, calendar: Calendar, spans: Sequence[Touched]) -> pa.Table:
    """The calendar's slice that raw rows are joined to: slots of just these buckets.

    Shape: columns slot (quarter hours from 1970) and start_us (of the base bucket).
    """
    if spec.label == "day":
        return pa.concat_tables([BASE.empty_table(), *(_label_base(calendar, s) for s in spans)])
    # no row is older than the table, though the hour that it begins in may be
    slices = [calendar_table(calendar, max(s.ts.start_at, FIRST_AT), s.ts.end_at) for s in spans]
    hourly = [s.select(["slot", "hour"]).rename_columns(BASE.names) for s in slices]
    return pa.concat_tables([BASE.empty_table(), *hourly])


def rollups(spec: CubeSpec, calendar: Calendar, spans: Sequence[Touched]) -> list[Rollup]:
    """The coarser buckets that follow, finest grain first."""
    found = []
    for grain in spec.grains[1:]:
        periods = {
            p: None
            for span in spans
            for p in calendar.periods(grain, span.buckets.start_at, span.buckets.end_at)
        }
        found.append(Rollup(grain, FINER[grain], tuple(periods)))
    return found


def _runs(hours: Sequence[int]) -> list[Period]:
    found: list[list[int]] = []
    for hour in hours:
        if found and found[-1][1] == hour:
            found[-1][1] = hour + 1
        else:
            found.append([hour, hour + 1])
    return [Period(EPOCH + start * HOUR, EPOCH + end * HOUR) for start, end in found]


def _whole(calendar: Calendar, grain: Grain, span: Period) -> Period:
    first = calendar.period(grain, span.start_at)
    last = calendar.period(grain, span.end_at - timedelta(microseconds=1))
    return Period(first.start_at, last.end_at)


def _labelled_days(calendar: Calendar, span: Period) -> Period:
    last = (span.end_at - timedelta(microseconds=1)).date()
    first = day_of(calendar, span.start_at.date())
    return Period(first.start_at, day_of(calendar, last).end_at)


def _joined(spans: Sequence[Period]) -> list[Period]:
    found: list[Period] = []
    for span in spans:
        if found and span.start_at <= found[-1].end_at:
            found[-1] = Period(found[-1].start_at, max(found[-1].end_at, span.end_at))
        else:
            found.append(span)
    return found


def _label_base(calendar: Calendar, span: Touched) -> pa.Table:
    slots: list[int] = []
    starts: list[int] = []
    at = span.ts.start_at
    while at < span.ts.end_at:
        start_us = to_us(day_of(calendar, at.date()).start_at)
        first = (at - EPOCH) // timedelta(seconds=SLOT_S)
        slots.extend(range(first, first + DAY // timedelta(seconds=SLOT_S)))
        starts.extend([start_us] * (DAY // timedelta(seconds=SLOT_S)))
        at += DAY
    return pa.table([slots, starts], schema=BASE)
