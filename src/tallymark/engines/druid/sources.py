"""The data sources within a native query: their names, and inner queries that need our span. Pure.

An inner query is cut by the window and the zone of the outer one. Where its first bucket reaches
over the window's start, that bucket is dated before it: so what reads it looks back as far.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from tallymark.engines import Window
from tallymark.engines.druid.granularity import cut, steady, utc
from tallymark.errors import FatalError

_BASES = ("base", "left")
"""Whose time a data source has."""


def names(source: Any) -> Iterator[str]:
    """Of all tables that are read, each perhaps more than once."""
    if isinstance(source, str):
        yield source
    elif isinstance(source, Mapping):
        if source.get("type") in ("table", "globalTable") and isinstance(source.get("name"), str):
            yield source["name"]
        inner = source.get("dataSources")
        for one in inner if isinstance(inner, list) else ():
            yield from names(one)
        for query in inner_queries(source):
            yield from names(query.get("dataSource"))
        for key in (*_BASES, "right"):
            if key in source:
                yield from names(source[key])


def inner_queries(source: Any) -> Iterator[Mapping[str, Any]]:
    """Those that are the data source itself."""
    if isinstance(source, Mapping) and isinstance(source.get("query"), Mapping):
        yield source["query"]


def plain(source: Any) -> str | None:
    """The one table whose columns a query reads as they are; None: it reads more than that."""
    if isinstance(source, str):
        return source
    if isinstance(source, Mapping) and source.get("type") == "table":
        return str(source.get("name"))
    return None


def span(source: Any, window: Window) -> str:
    """The interval of a query that reads this source."""
    return f"{utc(_start_at(source, window))}/{utc(window.period.end_at)}"


def spanned(source: Any, window: Window) -> Any:
    """The same source with the interval and the zone of every inner query set."""
    if not isinstance(source, Mapping):
        return source
    made = dict(source)
    if isinstance(made.get("dataSources"), list):
        made["dataSources"] = [spanned(inner, window) for inner in made["dataSources"]]
    for key in (*_BASES, "right"):
        if key in made:
            made[key] = spanned(made[key], window)
    for query in inner_queries(made):
        made["query"] = _inner(query, window)
    return made


def _inner(query: Mapping[str, Any], window: Window) -> dict[str, Any]:
    source = query.get("dataSource")
    here = cut(query.get("granularity", "all"), window.calendar)
    if here and here.grain and not steady(here.grain, window.period, window.calendar):
        zone = window.calendar.zone
        raise FatalError(f"Druid cuts a {here.grain} wrongly after a clock change of {zone}")
    return {
        **query,
        "intervals": [span(source, window)],
        "granularity": query.get("granularity") if here is None else here.sent,
        "dataSource": spanned(source, window),
    }


def _start_at(source: Any, window: Window) -> datetime:
    for query in inner_queries(source):
        before = _start_at(query.get("dataSource"), window)
        here = cut(query.get("granularity", "all"), window.calendar)
        if here is None or here.grain is None:
            return before
        return window.calendar.period(here.grain, before).start_at
    if isinstance(source, Mapping):
        for key in _BASES:
            if key in source:
                return _start_at(source[key], window)
    return window.period.start_at
