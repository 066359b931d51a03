"""Whether the data of a window is in Druid: published, loaded, and its stream read to the end.

    sources     the tables that the query reads
    lag         of each one's Kafka supervisor (`lag.py`)
    segments    one published of the last local day at least, and no published one unavailable

The lag is asked for first: what a supervisor has taken by then is seen by the look at the segments.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from tallymark.engines import Around, Query, Readiness, Window
from tallymark.engines.druid.answers import listed, rows, understood
from tallymark.engines.druid.binding import bind
from tallymark.engines.druid.lag import judge
from tallymark.engines.druid.plan import tables
from tallymark.engines.druid.server import Server
from tallymark.engines.druid.sources import names
from tallymark.errors import FatalError, RetryableError
from tallymark.model import Period

# the end of a segment of all time has a year of nine digits, which no comparison of texts bears
SEGMENTS = """
SELECT segment_id, "start", "end", is_published, is_available, is_realtime FROM sys.segments
WHERE datasource = ? AND is_overshadowed = 0
  AND "start" < ? AND ("end" > ? OR CHAR_LENGTH("end") > 24)
"""
TOLD_DAYS = 5
_UNKNOWN = re.compile(r"Object '.*' not found")


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a data source as the broker sees it."""

    id: str
    start: str
    end: str
    published: bool
    available: bool
    realtime: bool

    def meets(self, period: Period) -> bool:
        return self.start < _text(period.end_at) and (
            self.end > _text(period.start_at) or len(self.end) > 24
        )


def ready(
    server: Server, query: Query, availability: str, window: Window, around: Around
) -> Readiness:
    """See `Engine.ready`."""
    if availability == "none":
        return Readiness()
    sources = _sources(server, query, window, around)
    found = [_source(server, source, availability, window, around) for source in sources]
    several = len(sources) > 1
    return Readiness(
        waits_for="; ".join(
            f"{source}: {one.waits_for}" if several else one.waits_for
            for source, one in zip(sources, found, strict=True)
            if one.waits_for
        ),
        warnings=tuple(
            f"{source}: {warning}" if several else warning
            for source, one in zip(sources, found, strict=True)
            for warning in one.warnings
        ),
    )


def published(server: Server, query: Query, window: Window, around: Around) -> str:
    """A digest of the segments of the window: which there are, published and available ones.

    An answer that lacks a segment is a good answer of fewer rows: only here is it seen.
    """
    there = sorted(
        f"{segment.id} {segment.published} {segment.available}"
        for source in _sources(server, query, window, around)
        for segment in _segments(server, source, window.period, around)
    )
    return hashlib.sha256("\n".join(there).encode()).hexdigest()


def _sources(server: Server, query: Query, window: Window, around: Around) -> list[str]:
    """The tables that a query reads; of SQL only Druid itself knows them. Raises: RetryableError;
    FatalError where Druid has no plan for the statement."""
    if query.json is not None:
        return sorted(set(names(query.json.get("dataSource"))))
    try:
        return tables(server, bind(query.sql or ""), window, around.http)
    except FatalError as error:
        if _UNKNOWN.search(str(error)):
            # a broker knows a table once its segments are announced, some time after a start
            raise RetryableError(f"its broker does not know the table yet: {error}") from error
        raise


def _source(
    server: Server, source: str, availability: str, window: Window, around: Around
) -> Readiness:
    behind = _lag(server, source, availability, window, around)
    segments = _segments(server, source, window.period, around)
    days = _days(window)
    last = list(days.values())[-1]
    waits_for = ", ".join(text for text in (_loaded(segments, last), behind) if text)
    return Readiness(waits_for=waits_for, warnings=_empty(segments, days))


def _lag(server: Server, source: str, availability: str, window: Window, around: Around) -> str:
    """What the source's stream is behind with; a source may have more than one supervisor."""
    if availability == "segments" or (not availability and source.startswith("summary")):
        return ""
    supervisors = _supervisors(server, source, around)
    if not supervisors:
        needed = availability == "both" or source.startswith("telemetry")
        return f"no supervisor of {source}" if needed else ""
    waits = []
    for supervisor in supervisors:
        path = f"/druid/indexer/v1/supervisor/{supervisor}/status"
        status = server.get(around.http, path)
        key = f"druid.first_seen.{supervisor}"
        with understood(status):
            lag = judge(status["payload"], window.period.end_at, around.memory.get(key))
        if lag.first_seen is not None:
            around.memory[key] = lag.first_seen
        waits.append(lag.waits_for)
    return ", ".join(filter(None, waits))


def _supervisors(server: Server, source: str, around: Around) -> list[str]:
    """The Kafka supervisors that write to a source: their ids need not be its name."""
    found = listed(server.get(around.http, "/druid/indexer/v1/supervisor?full"))
    with understood(found):
        return sorted(
            one["id"]
            for one in found
            if one["spec"].get("type") == "kafka" and _writes_to(one["spec"]) == source
        )


def _writes_to(spec: dict[str, Any]) -> str:
    schema = spec.get("spec", spec).get("dataSchema", {})
    return str(schema.get("dataSource", ""))


def _segments(server: Server, source: str, period: Period, around: Around) -> list[Segment]:
    texts = (source, _text(period.end_at), _text(period.start_at))
    found = rows(server.sql(around.http, SEGMENTS, *texts), str, str, str, int, int, int)
    return [Segment(*row[:3], *map(bool, row[3:])) for row in found]


def _loaded(segments: Sequence[Segment], last: Period) -> str:
    """What is not there of the published segments; empty: all is."""
    named = [segment for segment in segments if segment.published]
    loaded = [segment for segment in named if segment.available]
    if len(loaded) < len(named):
        return f"{len(loaded)} of {len(named)} segments loaded"
    if any(segment.meets(last) for segment in named):
        return ""
    if any(segment.meets(last) for segment in segments if segment.realtime):
        return "the last day is not handed over yet"
    return "no segment of the last day"


def _empty(segments: Sequence[Segment], days: Mapping[date, Period]) -> tuple[str, ...]:
    """A warning that names the days which no segment meets."""
    without = [
        on.isoformat()
        for on, day in days.items()
        if not any(segment.meets(day) for segment in segments)
    ]
    if not without:
        return ()
    named = ", ".join(without[:TOLD_DAYS]) + (" …" if len(without) > TOLD_DAYS else "")
    return (f"no data on {len(without)} of {len(days)} days: {named}",)


def _days(window: Window) -> dict[date, Period]:
    """The local days of a window, without a date that a zone has left out."""
    count = (window.end_on - window.first_on).days + 1
    dates = [window.first_on + timedelta(days=n) for n in range(count)]
    bounds = {on: (window.calendar.start_of(on), window.calendar.end_of(on)) for on in dates}
    return {on: Period(start, end) for on, (start, end) in bounds.items() if start < end}


def _text(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z")
