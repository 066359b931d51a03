"""What is said of a query when it is configured: our own look at it, then Druid's.

native   ▶ mistakes ▶ the tables and columns that Druid has ▶ the query for a second without data
SQL      ▶ binding ▶ Druid's plan of it

Of a query that it cannot read Druid names only a Java class: then its parts are asked for one by
one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from tallymark.calendar.periods import Calendar
from tallymark.engines import Checked, Http, Query, Window
from tallymark.engines.druid import sources
from tallymark.engines.druid.answers import rows
from tallymark.engines.druid.binding import bind
from tallymark.engines.druid.mistakes import HERE, look
from tallymark.engines.druid.native import PATH, native
from tallymark.engines.druid.parts import Looked, near
from tallymark.engines.druid.plan import plan
from tallymark.engines.druid.server import Server
from tallymark.errors import EngineAway, FatalError, RetryableError, WrongField
from tallymark.model import Period

TEXT = "query"
_THEN = datetime(1980, 1, 1, tzinfo=UTC)
_SECOND = Window(
    first_on=_THEN.date(),
    end_on=_THEN.date(),
    # an empty interval makes Druid break off within some answers
    period=Period(_THEN, _THEN + timedelta(seconds=1)),
    calendar=Calendar(),
)
_COLUMNS = """
SELECT TABLE_NAME, COLUMN_NAME, DATA_TYPE FROM INFORMATION_SCHEMA.COLUMNS
WHERE TABLE_SCHEMA = 'druid'
"""
_LINE = re.compile(r"(?<=\bline )(\[?)(\d+)")
_WITH_THE_REST = ("postAggregations", "having", "limitSpec", "subtotalsSpec", "metric", "context")


def check(server: Server, query: Query, calendar: Calendar, http: Http) -> Checked:
    """Never raises for a Druid that is away: what can be seen without it is said."""
    if query.sql is not None:
        return _checked_sql(server, query.sql, calendar, http)
    asked = query.json or {}
    found = look(asked, calendar)
    wrong, unchecked = [*found.wrong], False
    try:
        wrong += _absent(server, asked, found, http)
        refused = [] if wrong else list(_refused(server, asked, calendar, http))
        # a type that is not listed may be an extension's: Druid knows it, or refuses the query
        wrong += (found.unknown or refused) if wrong or refused else []
    except (RetryableError, FatalError) as error:
        wrong, unchecked = [*found.wrong, *found.unknown], True
        found.warnings.append(_unchecked(error))
    return Checked(
        output=found.output,
        wrong=tuple(wrong),
        warnings=tuple(found.warnings),
        unchecked=unchecked,
    )


def _unchecked(error: Exception) -> str:
    if isinstance(error, EngineAway):
        return f"Druid could not be asked whether the query is right: {error}"
    return f"Druid did not say whether the query is right: {error}"


def _absent(
    server: Server, query: Mapping[str, Any], found: Looked, http: Http
) -> Iterator[WrongField]:
    """Tables and columns that Druid does not have: of these it would answer nothing, or nulls."""
    there: dict[str, dict[str, str]] = {}
    for table, column, kind in rows(server.sql(http, _COLUMNS), str, str, str):
        there.setdefault(table, {})[column] = kind
    source = query.get("dataSource")
    for name in sorted(set(sources.names(source)) - there.keys()):
        text = f"Druid has no data source {name!r}{near(name, there)}"
        yield WrongField(f"{HERE}.dataSource", text)
    columns = there.get(sources.plain(source) or "", {})
    for path, column in found.columns if columns else ():
        if path in found.numbers and columns.get(column) == "VARCHAR":
            text = f"{column} is text: what is no number in it counts as nothing"
            found.warnings.append(f"{path}: {text}")
        if column not in columns:
            text = f"{sources.plain(source)} has no column {column!r}{near(column, columns)}"
            yield WrongField(path, text)


def _refused(
    server: Server, query: Mapping[str, Any], calendar: Calendar, http: Http
) -> Iterator[WrongField]:
    then = replace(_SECOND, calendar=calendar)

    def refusal(asked: Mapping[str, Any]) -> str:
        try:
            server.post(http, PATH, native(asked, then).body)
        except FatalError as error:
            return str(error)
        return ""

    if said := refusal(query):
        alone = {path: refusal(part) for path, part in _parts(query)}
        blamed = [WrongField(path, why) for path, why in alone.items() if why]
        blamed = blamed or [
            WrongField(f"{HERE}.{name}", said)
            for name in _WITH_THE_REST
            if name in query and not refusal({k: v for k, v in query.items() if k != name})
        ]
        yield from blamed or [WrongField(HERE, said)]


def _parts(query: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Queries that hold one part each."""
    bare = {"queryType": "timeseries", "dataSource": query["dataSource"]}
    for name in ("granularity", "filter"):
        if name in query:
            yield f"{HERE}.{name}", {**bare, name: query[name]}
    for name in ("aggregations", "virtualColumns"):
        for place, one in enumerate(query.get(name) or ()):
            yield f"{HERE}.{name}[{place}]", {**bare, name: [one]}
    for place, one in enumerate(query.get("dimensions") or ()):
        yield f"{HERE}.dimensions[{place}]", {**bare, "queryType": "groupBy", "dimensions": [one]}


def _checked_sql(server: Server, text: str, calendar: Calendar, http: Http) -> Checked:
    bound = bind(text)
    wrong = [WrongField(TEXT, why) for why in bound.wrong]
    if wrong:
        return Checked(wrong=tuple(wrong))
    try:
        plan(server, bound, _THEN, _THEN, calendar, http)
    except RetryableError as error:
        return Checked(unchecked=True, warnings=(_unchecked(error),))
    except FatalError as error:
        # the plan's own first line is not the user's
        said = _LINE.sub(lambda m: f"{m[1]}{int(m[2]) - 1}", str(error))
        return Checked(wrong=(WrongField(TEXT, said),))
    return Checked()
