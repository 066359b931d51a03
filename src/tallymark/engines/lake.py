"""LAKE: a metric of the workspace as a report.

    query_json: {metric: downloads, grain: day, by: [package], filters: {package: [a, b]}}

Its columns are `date`, what it is broken down `by`, and the metric by its name; a row for each
bucket and each combination of values, null where nothing is known.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from itertools import chain
from typing import Any, ClassVar, cast

from tallymark.calendar.periods import Calendar
from tallymark.calendar.zones import zone
from tallymark.engines import (
    DATE,
    Around,
    Checked,
    Columns,
    Output,
    Query,
    Readiness,
    Rows,
    Window,
)
from tallymark.errors import BadRequest, FatalError, RetryableError, WrongField
from tallymark.metrics.answer import SeriesQuery
from tallymark.metrics.plan import among
from tallymark.metrics.sheet import Doubt, Sheet
from tallymark.metrics.words import names
from tallymark.model import GRAINS, Grain, Period

FIELDS = ("metric", "grain", "by", "filters")
RECUT = "the metric is being cut anew, by the workspace's new calendar"
LONG_AGO = Period(datetime(1990, 1, 1, tzinfo=UTC), datetime(1990, 1, 2, tzinfo=UTC))
"""No cells lie there: a question about it only shows whether it can be asked."""


@dataclass(frozen=True)
class Lake:
    """It has no settings: the metrics are the workspace's."""

    kind: ClassVar[str] = "lake"
    always: ClassVar[bool] = True

    def addresses(self) -> Sequence[str]:
        return ()

    def check(self, query: Query, availability: str, window: Window, around: Around) -> Checked:
        if query.json is None:
            text = 'LAKE answers a metric: {"metric": "…", "grain": "day", "by": [], "filters": {}}'
            return Checked(wrong=(WrongField("query", text),))
        wrong = [*_rim(availability, window.calendar, around), *_shape(query.json, around)]
        if wrong:
            return Checked(wrong=tuple(wrong))
        asked = _asked(query.json, LONG_AGO)
        output = Output(date=True, dimensions=asked.by, aggregations=(asked.metric,))
        refused = (*_refused(asked, around), *_columns(output), *_uneven(asked.grain, window))
        return Checked(output=output, wrong=refused)

    def ready(self, query: Query, availability: str, window: Window, around: Around) -> Readiness:
        """All must be complete, or lacking for good, which is counted and named."""
        sheet = _read(query, window, around)
        if sheet is None:
            return Readiness(waits_for=RECUT)
        open_yet = [doubt for doubt in sheet.doubts if not doubt.final]
        lacking = [doubt for doubt in sheet.doubts if doubt.final]
        told = [
            _told(some, sheet, what)
            for some, what in ((open_yet, "not complete yet"), (lacking, "incomplete for good"))
            if some
        ]
        if open_yet and availability != "none":
            return Readiness(waits_for=told[0])
        return Readiness(warnings=tuple(told))

    def state(self, query: Query, window: Window, around: Around) -> str:
        return ""

    def ask(self, query: Query, window: Window, around: Around) -> Iterator[Rows]:
        sheet = _read(query, window, around)
        if sheet is None:
            raise RetryableError(RECUT)
        yield Rows((DATE, *sheet.by, sheet.metric), _rows(sheet))


def _rim(availability: str, calendar: Calendar, around: Around) -> Iterator[WrongField]:
    if availability not in ("", "none"):
        text = "LAKE knows by itself when its data is there: leave it out, or none"
        yield WrongField("availability", text)
    own = around.metrics.workspace
    if calendar.zone != own.zone:
        text = f"metrics are cut by the workspace's zone, {own.zone}: leave time_zone out"
        yield WrongField("time_zone", text)


def _shape(plain: Mapping[str, Any], around: Around) -> Iterator[WrongField]:
    """Fields that are not there, of the wrong kind, or name what is not there."""
    metrics, metric, grain = around.metrics, plain.get("metric"), plain.get("grain", "day")
    by, filters = plain.get("by", []), plain.get("filters", {})
    for name in plain:
        if name not in FIELDS:
            yield WrongField(f"query_json.{name}", f"LAKE has none: {among(name, FIELDS)}")
    known = isinstance(metric, str) and metric in metrics.specs
    if not known:
        text = f"a metric of the workspace: {among(str(metric or ''), metrics.specs)}"
        yield WrongField("query_json.metric", text)
    if grain not in GRAINS:
        yield WrongField("query_json.grain", f"one of {', '.join(GRAINS)}")
    elif known and (refusal := metrics.grain_refusal(str(metric), grain)):
        yield WrongField("query_json.grain", refusal)
    if not _texts(by):
        yield WrongField("query_json.by", 'a list of dimensions, such as ["package"]')
        by = []
    if not isinstance(filters, Mapping) or not all(map(_texts, filters.values())):
        text = 'a list of values for each dimension, such as {"package": ["a", "b"]}'
        yield WrongField("query_json.filters", text)
        filters = {}
    offered = metrics.dimensions[str(metric)] if known else ()
    named = [(f"by[{place}]", name) for place, name in enumerate(by)]
    for field, name in (*named, *((f"filters.{name}", name) for name in filters)):
        if known and name not in offered:
            text = f"{metric} has no dimension {name!r}: {among(name, offered)}"
            yield WrongField(f"query_json.{field}", text)
    if len(set(by)) != len(by):
        yield WrongField("query_json.by", "a dimension is named twice")


def _texts(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, str) for one in value)


def _refused(asked: SeriesQuery, around: Around) -> Iterator[WrongField]:
    """What the metric says to the question itself: to each filter alone, so that all are told."""
    for name, value in asked.filters:
        try:
            around.metrics.sheet(replace(asked, by=(), filters=((name, value),)))
        except BadRequest as error:
            yield WrongField(f"query_json.filters.{name}", str(error))


def _columns(output: Output) -> Iterator[WrongField]:
    for name, n in Counter(output.columns).items():
        if n > 1:
            text = f"two columns would be called {name!r}: give the metric another name"
            yield WrongField("query_json.metric", text)


def _asked(plain: Mapping[str, Any], span: Period) -> SeriesQuery:
    filters = plain.get("filters", {})
    return SeriesQuery(
        metric=plain["metric"],
        grain=cast(Grain, plain.get("grain", "day")),
        from_at=span.start_at,
        to_at=span.end_at,
        by=tuple(plain.get("by", ())),
        filters=tuple((name, value) for name, values in filters.items() for value in values),
    )


def _read(query: Query, window: Window, around: Around) -> Sheet | None:
    """None: the metric is still cut by an earlier calendar. Raises: FatalError."""
    assert query.json is not None
    metrics, calendar = around.metrics, window.calendar
    asked = _asked(query.json, window.period)
    for wrong in _uneven(asked.grain, window):
        raise FatalError(wrong.text)
    try:
        sheet = metrics.sheet(asked)
    except BadRequest as error:
        raise FatalError(str(error)) from error
    if sheet.calendar == calendar:
        return sheet
    if metrics.workspace != calendar:
        raise FatalError(
            f"metrics are cut by the workspace's calendar, in {metrics.workspace.zone}, and this "
            f"report by one in {calendar.zone}: leave time_zone out"
        )
    return None


def _uneven(grain: Grain, window: Window) -> Iterator[WrongField]:
    """A bucket that reaches beyond the interval would tell more than was asked for."""
    span = window.period
    found = window.calendar.periods(grain, span.start_at, span.end_at)
    if (found[0].start_at, found[-1].end_at) != (span.start_at, span.end_at):
        text = (
            f"{window.first_on} to {window.end_on} are not whole {grain}s: ask for the grain day, "
            f"or for an interval of whole {grain}s, such as LAST_{grain.upper()}"
        )
        yield WrongField("query_json.grain", text)


def _rows(sheet: Sheet) -> Columns:
    """In the order of time, then of the dimensions' values."""
    starts = [_start(sheet.calendar, sheet.grain, bucket.start_at) for bucket in sheet.buckets]
    return Columns(
        [start for start in starts for _ in sheet.keys],
        *([key[n] for key in sheet.keys] * len(starts) for n in range(len(sheet.by))),
        list(chain.from_iterable(sheet.numbers)),
    )


def _start(calendar: Calendar, grain: Grain, at: datetime) -> str:
    if grain == "hour":
        return at.astimezone(zone(calendar.zone)).isoformat(timespec="seconds")
    return calendar.date_of(at).isoformat()


def _told(doubts: Sequence[Doubt], sheet: Sheet, what: str) -> str:
    """`2 of 30 days not complete yet: 2026-11-20, 2026-11-21 (the first reason)`."""
    causes = dict.fromkeys(cause.text for doubt in doubts for cause in doubt.causes)
    why = f" ({names(causes, 2)})" if causes else ""
    keys = names(doubt.key for doubt in doubts)
    return f"{len(doubts)} of {len(sheet.buckets)} {sheet.grain}s {what}: {keys}{why}"
