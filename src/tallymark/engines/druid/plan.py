"""Druid's plan of a SQL statement: what it reads, and whether it would cut time rightly.

A statement that groups by time alone is run as a native query with a granularity, whose buckets
nobody sees as such: so on the few days on which Druid cuts wrongly the plan is looked at.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import orjson

from tallymark.calendar.periods import Calendar
from tallymark.engines import Http, Window
from tallymark.engines.druid.answers import understood
from tallymark.engines.druid.binding import Bound
from tallymark.engines.druid.granularity import cut, steady
from tallymark.engines.druid.server import Server
from tallymark.engines.druid.sql import PATH, SMALL, asked
from tallymark.errors import FatalError
from tallymark.model import Grain

_CUTS: tuple[Grain, ...] = ("hour", "day")
"""Where these are right, all are."""
_GRANULARITIES = ("granularity", "timestampResultFieldGranularity")


def plan(
    server: Server,
    bound: Bound,
    from_at: datetime,
    to_at: datetime,
    calendar: Calendar,
    http: Http,
) -> list[Any]:
    """The native queries as which a statement would be run.

    Raises: FatalError where Druid has no plan for it.
    """
    return _explained(server, asked(bound, from_at, to_at, calendar), http)[0]


def tables(server: Server, bound: Bound, window: Window, http: Http) -> list[str]:
    """What a statement reads. Raises: as `plan`."""
    period = window.period
    question = asked(bound, period.start_at, period.end_at, window.calendar)
    return _explained(server, question, http)[1]


def _explained(
    server: Server, question: Mapping[str, Any], http: Http
) -> tuple[list[Any], list[str]]:
    """The plan, and the tables that it reads."""
    text = f"EXPLAIN PLAN FOR\n{question['query']}"
    found = server.post(http, PATH, {**question, **SMALL, "query": text})
    with understood(found):
        [[planned, resources, *_]] = found
        read = orjson.loads(resources)
        return orjson.loads(planned), sorted(o["name"] for o in read if o["type"] == "DATASOURCE")


def check_cut(server: Server, bound: Bound, window: Window, http: Http) -> None:
    """Raises: FatalError where the answer would hold days or hours that are none."""
    if all(steady(grain, window.period, window.calendar) for grain in _CUTS):
        return
    ends = window.period.start_at, window.period.end_at
    planned = plan(server, bound, *ends, window.calendar, http)
    with understood(planned):
        found = list(granularities(planned))
    for granularity in found:
        here = cut(granularity, window.calendar)
        if here and here.grain and not steady(here.grain, window.period, window.calendar):
            raise FatalError(
                f"Druid cuts a {here.grain} wrongly after a clock change of {window.calendar.zone}"
            )


def granularities(planned: Any) -> Iterator[Any]:
    """All that are in a plan; some stand in it as a text."""
    if isinstance(planned, Mapping):
        for name, value in planned.items():
            if name in _GRANULARITIES:
                text = isinstance(value, str) and value.startswith("{")
                yield orjson.loads(value) if text else value
            yield from granularities(value)
    elif isinstance(planned, list):
        for value in planned:
            yield from granularities(value)
