"""A native query for one window, and its answer as rows. Pure.

Ours are the intervals, the zone of a simple granularity, and the form of the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tallymark.calendar.periods import Calendar
from tallymark.engines import Output, Rows, Window
from tallymark.engines.druid import sources
from tallymark.engines.druid.buckets import namer
from tallymark.engines.druid.granularity import ALL, Cut, cut
from tallymark.engines.druid.stream import array_parts
from tallymark.errors import FatalError

PATH = "/druid/v2"
KINDS = ("groupBy", "timeseries", "topN", "scan")

OUR_CONTEXT = {
    "bySegment": False,
    "grandTotal": False,
    "resultAsArray": False,
    "serializeDateTimeAsLong": False,
    "serializeDateTimeAsLongInner": False,
}
"""What would change the form of the answer."""
_OURS = {"resultFormat": "compactedList", "batchSize": 4096}
"""Of a scan: the shortest form, in batches that fit into memory."""
_FIRST_NAMES = {
    "groupBy": "version",
    "timeseries": "timestamp",
    "topN": "timestamp",
    "scan": "segmentId",
}


@dataclass(frozen=True, slots=True)
class Native:
    """A query as it is sent, and what is known of its answer."""

    kind: str
    body: Mapping[str, Any]
    cut: Cut
    output: Output

    def rows(self, pieces: Iterator[bytes], calendar: Calendar) -> Iterator[Rows]:
        """Raises: RetryableError for a torn answer; FatalError for one that cannot be right."""
        take = self._taker(calendar)
        columns = self.output.columns
        empty = True
        for elements in array_parts(pieces, _FIRST_NAMES[self.kind]):
            try:
                rows = [row for element in elements for row in take(element)]
            except (KeyError, TypeError, AttributeError) as error:
                raise FatalError(f"Druid's answer is not one of a {self.kind} query") from error
            empty = empty and not rows
            if rows:
                yield Rows(columns, rows)
        if empty:
            yield Rows(columns, ())

    def _taker(self, calendar: Calendar) -> Callable[[Any], Sequence[Sequence[Any]]]:
        columns = self.output.columns
        if self.kind == "scan":
            return lambda batch: _scanned(batch, columns)
        names = columns[1:] if self.output.date else columns
        bucket = namer(self.cut, calendar)

        def first(element: Mapping[str, Any]) -> Sequence[str]:
            return (bucket(element["timestamp"]),) if self.output.date else ()

        match self.kind:
            case "groupBy":
                return lambda e: ((*first(e), *map(e["event"].get, names)),)
            case "timeseries":
                return lambda e: ((*first(e), *map(e["result"].get, names)),)
            case _:
                return lambda e: [(*first(e), *map(r.get, names)) for r in e["result"]]


def native(query: Mapping[str, Any], window: Window) -> Native:
    """The query of one window. Raises: FatalError where it is none of ours."""
    kind = query.get("queryType")
    here = cut(query.get("granularity", "all"), window.calendar)
    if kind not in KINDS or here is None:
        raise FatalError("the query is no native query of Druid that can be sent")
    here = ALL if kind == "scan" else here
    source = query.get("dataSource")
    body = {
        **query,
        "intervals": [sources.span(source, window)],
        "dataSource": sources.spanned(source, window),
        "granularity": here.sent,
        "context": {**(query.get("context") or {}), **OUR_CONTEXT},
        **(_OURS if kind == "scan" else {}),
    }
    return Native(kind, body, here, output(query, here))


def output(query: Mapping[str, Any], here: Cut) -> Output:
    """The columns of the answer, in their order."""
    if query["queryType"] == "scan":
        return Output(dimensions=tuple(query.get("columns") or ()))
    found = {
        "groupBy": query.get("dimensions") or (),
        "topN": [query.get("dimension")],
    }.get(query["queryType"], ())
    return Output(
        date=here.dated,
        dimensions=tuple(map(dimension_name, found)),
        aggregations=tuple(map(aggregation_name, query.get("aggregations") or ())),
        post_aggregations=tuple(str(p.get("name")) for p in query.get("postAggregations") or ()),
    )


def dimension_name(dimension: Any) -> str:
    if not isinstance(dimension, Mapping):
        return str(dimension)
    if "delegate" in dimension:
        return dimension_name(dimension["delegate"])
    return str(dimension.get("outputName") or dimension.get("dimension"))


def aggregation_name(aggregation: Mapping[str, Any]) -> str:
    inner = aggregation.get("aggregator")
    if aggregation.get("type") == "filtered" and not aggregation.get("name"):
        return aggregation_name(inner if isinstance(inner, Mapping) else {})
    return str(aggregation.get("name"))


def _scanned(batch: Mapping[str, Any], columns: Sequence[str]) -> Sequence[Sequence[Any]]:
    if tuple(batch["columns"]) != tuple(columns):
        raise FatalError(f"Druid's scan gave the columns {batch['columns']}, not {list(columns)}")
    rows: Sequence[Sequence[Any]] = batch["events"]
    return rows
