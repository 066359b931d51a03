"""A report's SQL, and its answer as rows.

Druid reads a TIMESTAMP as what the clock of `sqlTimeZone` shows, whatever zone it is written in. So
the window's ends are bound as that clock shows them, and Druid is asked which instants it means.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from tallymark.calendar.periods import Calendar
from tallymark.calendar.zones import zone
from tallymark.engines import Http, Rows, Window
from tallymark.engines.druid.answers import understood
from tallymark.engines.druid.binding import Bound
from tallymark.engines.druid.server import Server
from tallymark.engines.druid.stream import TORN, line_parts
from tallymark.errors import FatalError, RetryableError

PATH = "/druid/v2/sql"
_HEADERS = 2
"""Names, and types as SQL calls them."""
SMALL = {"resultFormat": "array", "header": False, "sqlTypesHeader": False}
_MEANT = "SELECT TIMESTAMP_TO_MILLIS(?) AS from_ms, TIMESTAMP_TO_MILLIS(?) AS to_ms"


def asked(bound: Bound, from_at: datetime, to_at: datetime, calendar: Calendar) -> dict[str, Any]:
    """What is sent."""
    shown = {"from": _shown(from_at, calendar), "to": _shown(to_at, calendar)}
    return {
        "query": bound.text,
        "parameters": [{"type": "TIMESTAMP", "value": shown[name]} for name in bound.names],
        "resultFormat": "arrayLines",
        "header": True,
        "sqlTypesHeader": True,
        "context": {"sqlTimeZone": calendar.zone, "sqlStringifyArrays": False},
    }


def check_meant(server: Server, window: Window, http: Http) -> None:
    """Raises: FatalError where Druid's zone data gives the ends of the window another instant."""
    ends = window.period.start_at, window.period.end_at
    question = asked(Bound(_MEANT, ("from", "to"), ()), *ends, window.calendar)
    meant = server.post(http, PATH, {**question, **SMALL})
    if meant != [[int(at.timestamp()) * 1000 for at in ends]]:
        with understood(meant):
            [[from_ms, to_ms]] = meant
            taken = [datetime.fromtimestamp(ms / 1000, UTC).isoformat() for ms in (from_ms, to_ms)]
        raise FatalError(
            f"Druid's clock of {window.calendar.zone} is another one:"
            f" it takes {' and '.join(_shown(at, window.calendar) for at in ends)}"
            f" for {' and '.join(taken)}"
        )


def rows(pieces: Iterator[bytes]) -> Iterator[Rows]:
    """Raises: RetryableError for a torn answer."""
    parts = line_parts(pieces)
    first = next(parts, [])
    if len(first) < _HEADERS:
        raise RetryableError(TORN)
    columns, types = tuple(first[0]), first[1]
    dates = [place for place, kind in enumerate(types) if kind == "DATE"]
    yield Rows(columns, _dated(first[_HEADERS:], dates))
    for part in parts:
        yield Rows(columns, _dated(part, dates))


def _dated(rows: list[list[Any]], dates: list[int]) -> list[list[Any]]:
    """Druid gives a DATE as its midnight: `2026-11-21T00:00:00.000+05:30`."""
    for row in rows if dates else ():
        for place in dates:
            row[place] = row[place] and row[place][:10]
    return rows


def _shown(at: datetime, calendar: Calendar) -> str:
    return at.astimezone(zone(calendar.zone)).strftime("%Y-%m-%d %H:%M:%S")
