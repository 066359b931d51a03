"""Ask for a stretch of the past again: mark it as due, and the worker does the rest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import httpx
from sqlalchemy import Connection

from tallymark.calendar.schedule import Schedule
from tallymark.connectors import PulledConnector
from tallymark.errors import BadRequest
from tallymark.ledger import coverage, objects
from tallymark.ledger.due import periods_of
from tallymark.ledger.objects import Object
from tallymark.model import Period, Span, Stream

LONG_AGO = datetime(1980, 1, 1, tzinfo=UTC)


def spans(
    stream: Stream,
    schedule: Schedule,
    obj: Object,
    from_at: datetime,
    to_at: datetime,
    now: datetime,
) -> list[Period]:
    """The spans that a backfill of `[from_at, to_at)` asks for: whole periods that have ended.

    Raises: BadRequest where nothing can be asked for, with the reason.
    """
    if stream.kind != "series":
        raise BadRequest(f"{stream.name} is a {stream.kind}: its past cannot be asked for")
    if from_at < obj.start_at:
        start = obj.start_at.date().isoformat()
        raise BadRequest(f"{obj.source} begins at {start}: set an earlier `start` in the workspace")
    found = periods_of(stream, schedule).periods(from_at, to_at)
    periods = [period for period in found if period.end_at <= now]
    if not periods:
        raise BadRequest("nothing of this stretch has ended yet: it is read by itself then")
    longest = timedelta(seconds=stream.max_span_s)
    joined: list[Period] = []
    for period in periods:
        if joined and period.end_at - joined[-1].start_at <= longest:
            joined[-1] = Period(joined[-1].start_at, period.end_at)
        else:
            joined.append(period)
    return joined


def mark(tx: Connection, obj: Object, wanted: list[Period], now: datetime) -> None:
    """Make the spans due; what is known of them stays, as something that may still change."""
    for span in wanted:
        known = coverage.load(tx, obj.id, span.start_at, span.end_at)
        again = [
            replace(
                one,
                start_at=max(one.start_at, span.start_at),
                end_at=min(one.end_at, span.end_at),
                state="read",
                read_at=LONG_AGO,
                note="",
            )
            for one in known
            if one.state in ("final", "read")
        ]
        coverage.write(tx, obj.id, span.start_at, span.end_at, again)
    # a person wants it: what waits for a later try waits no longer
    objects.retry(tx, obj.id, now)


def first_request(connector: PulledConnector, obj: Object, span: Period) -> str:
    """The address that a span asks for first; nothing is sent."""
    asked = Span(obj.stream, obj.subject, span.start_at, span.end_at)
    try:
        next(cast(Iterator[Any], connector.pages(_Asked(), asked, None)), None)
    except _Told as told:
        return str(told)
    return ""


class _Told(Exception):
    """Carries the address out of the connector."""


@dataclass(frozen=True)
class _Asked:
    """A client that only says what it was asked."""

    def get(
        self,
        url: str,
        *,
        params: Mapping[str, str | int] | None = None,
        headers: Mapping[str, str] | None = None,
        secret_headers: Mapping[str, str] | None = None,
    ) -> Any:
        raise _Told(str(httpx.URL(url, params=dict(params)) if params else url))
