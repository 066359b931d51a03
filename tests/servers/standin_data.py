"""What the stand-in of Druid knows: an event every half hour, and how its queries are answered."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HALF_HOUR = timedelta(minutes=30)
DAY = timedelta(days=1)
EIDS = ("IMPRESSION", "LOG", "SEARCH")
DEVICES = ("d 1", "d/2", None, "d3")
COLUMNS = {"__time": "LONG", "eid": "STRING", "device": "STRING", "value": "LONG", "big": "LONG"}
SOURCE = "summary-standin"
"""Any data source whose name begins so has all events."""


class Unknown(Exception):
    """A question that this stand-in does not understand."""


@dataclass
class Data:
    """All events up to `to_at`; fields are set from outside."""

    to_at: datetime = datetime(2030, 1, 1, tzinfo=UTC)
    without: list[str] = field(default_factory=list)
    """The events with one of these values have been deleted since."""
    plus: int = 0
    """Added to each value: the data were restated."""
    text_from: str = ""
    """From this instant on `value` is a text."""
    unavailable: list[str] = field(default_factory=list)
    """Days, as dates of UTC, whose segment is published and not loaded."""

    def change(self, values: Mapping[str, Any]) -> None:
        for name, value in values.items():
            setattr(self, name, datetime.fromisoformat(value) if name == "to_at" else value)

    def events(self, start_at: datetime, end_at: datetime) -> Iterator[dict[str, Any]]:
        n = -((EPOCH - start_at) // HALF_HOUR)
        while (at := EPOCH + n * HALF_HOUR) < min(end_at, self.to_at):
            value: Any = n % 7 + self.plus
            if self.text_from and at >= datetime.fromisoformat(self.text_from):
                value = f"{value}?"
            event = {"eid": EIDS[n % 3], "device": DEVICES[n % 4], "value": value}
            if not set(event.values()) & set(self.without):
                yield {"__time": at, **event, "big": 2**53 + n}
            n += 1

    def interval_of(self, path: str, query: Mapping[str, Any]) -> str:
        """The interval of a query for rows, else empty."""
        if path.rstrip("/").endswith("/sql") and not _of_rows(str(query.get("query"))):
            return ""
        if "query" in query:
            return "/".join(_iso(at) for at in _bound(query))
        if query.get("queryType") in ("segmentMetadata", "dataSourceMetadata", None):
            return ""
        start, _, end = str(query.get("intervals", [""])[0]).partition("/")
        return "" if start == end else f"{start}/{end}"

    def answer(self, path: str, query: Mapping[str, Any]) -> str:
        if path.rstrip("/") == "/druid/v2/sql":
            return self._sql(query)
        if path.rstrip("/") == "/druid/v2":
            return json.dumps(self._native(query))
        raise Unknown(f"no such path: {path}")

    # -- native --------------------------------------------------------------------------------

    def _native(self, query: Mapping[str, Any]) -> list[Any]:
        source = query["dataSource"]
        name = source["name"] if isinstance(source, Mapping) else source
        start_at, end_at = map(_instant, str(query["intervals"][0]).split("/"))
        if not name.startswith(SOURCE) or start_at == end_at:
            return []
        found = [e for e in self.events(start_at, end_at) if _fits(query.get("filter"), e)]
        match query["queryType"]:
            case "scan":
                return _scan(query, found)
            case "timeseries":
                return _timeseries(query, found, start_at, end_at)
            case "groupBy":
                return _group_by(query, found, start_at, end_at)
        raise Unknown(f"no such query: {query['queryType']}")

    # -- SQL -----------------------------------------------------------------------------------

    def _sql(self, query: Mapping[str, Any]) -> str:
        text = str(query["query"])
        if text.startswith("EXPLAIN"):
            read = json.dumps([{"name": SOURCE, "type": "DATASOURCE"}])
            return _told(query, [{"PLAN": "[]", "RESOURCES": read}], {})
        if "sys.segments" in text:
            source, before, after = (one["value"] for one in query["parameters"])
            span = _instant(after), _instant(before)
            rows = list(self._segments(*span)) if source.startswith(SOURCE) else []
        elif "INFORMATION_SCHEMA" in text.upper():
            rows = [{"COLUMN_NAME": name, "DATA_TYPE": kind} for name, kind in COLUMNS.items()]
        elif "TIMESTAMP_TO_MILLIS" in text:
            rows = [{f"at_{n}": _millis(at) for n, at in enumerate(_bound(query))}]
            return _told(query, rows, {})
        else:
            return _told(query, self._counted(query), {"eid": "VARCHAR", "n": "BIGINT"})
        return _told(query, _selected(text, rows), {})

    def _counted(self, query: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Whatever SQL asks for the rows between two instants: the events of each `eid`."""
        found = Counter(event["eid"] for event in self.events(*_bound(query)))
        return [{"eid": eid, "n": found[eid]} for eid in sorted(found)]

    def _segments(self, start_at: datetime, end_at: datetime) -> Iterator[dict[str, Any]]:
        """A published segment a whole day of UTC that meets a span, in its newest version."""
        version = f"v{self.plus}-{'-'.join(self.without)}"
        day = start_at.date()
        while _midnight(day) < end_at and _midnight(day + DAY) <= self.to_at:
            span = [f"{on}T00:00:00.000Z" for on in (day, day + DAY)]
            loaded = int(day.isoformat() not in self.unavailable)
            yield {
                "segment_id": f"{SOURCE}_{'_'.join(span)}_{version}",
                "datasource": SOURCE,
                "start": span[0],
                "end": span[1],
                "version": version,
                "is_published": 1,
                "is_available": loaded,
                "is_realtime": 0,
                "is_overshadowed": 0,
                "is_active": 1,
                "num_rows": 48,
            }
            day += DAY


def _midnight(on: date) -> datetime:
    return datetime(on.year, on.month, on.day, tzinfo=UTC)


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text.strip()).astimezone(UTC)


def _of_rows(sql: str) -> bool:
    other = ("sys.", "INFORMATION_SCHEMA", "TIMESTAMP_TO_MILLIS", "EXPLAIN")
    return not any(word in sql for word in other)


def _bound(query: Mapping[str, Any]) -> list[datetime]:
    """The instants of the parameters, which show the clock of `sqlTimeZone`."""
    zone = ZoneInfo(query["context"]["sqlTimeZone"])
    shown = [datetime.fromisoformat(one["value"]) for one in query["parameters"]]
    return [at.replace(tzinfo=zone).astimezone(UTC) for at in shown]


def _millis(at: datetime) -> int:
    return (at - EPOCH) // timedelta(milliseconds=1)


def _fits(wanted: Mapping[str, Any] | None, event: Mapping[str, Any]) -> bool:
    match wanted:
        case None:
            return True
        case {"type": "selector", "dimension": name, "value": value}:
            return bool(event.get(name) == value)
        case {"type": "in", "dimension": name, "values": values}:
            return event.get(name) in values
        case {"type": "and", "fields": fields}:
            return all(_fits(one, event) for one in fields)
    raise Unknown(f"no such filter: {wanted}")


def _buckets(granularity: Any, start_at: datetime, end_at: datetime) -> list[tuple[str, datetime]]:
    """How each bucket's start is told, and where it begins; the first may begin too early."""
    match granularity:
        case "all":
            return [(_iso(start_at), start_at)]
        case {"type": "period", "period": "P1D", **rest}:
            zone = ZoneInfo(rest.get("timeZone", "UTC"))
            on, last = start_at.astimezone(zone).date(), end_at.astimezone(zone).date()
            starts = []
            while on <= last:
                starts.append(datetime(on.year, on.month, on.day, tzinfo=zone))
                on += DAY
            return [(_iso(at), at) for at in starts if at < end_at]
    raise Unknown(f"no such granularity: {granularity}")


def _iso(at: datetime) -> str:
    text = at.isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


def _in_buckets(
    query: Mapping[str, Any], found: list[dict[str, Any]], start_at: datetime, end_at: datetime
) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    buckets = _buckets(query["granularity"], start_at, end_at)
    for (told, from_at), (_, to_at) in pairwise([*buckets, ("", end_at)]):
        yield told, [event for event in found if from_at <= event["__time"] < to_at]


def _timeseries(query: Mapping[str, Any], found: Any, *span: datetime) -> list[Any]:
    buckets = _in_buckets(query, found, *span)
    return [{"timestamp": told, "result": _measured(query, events)} for told, events in buckets]


def _group_by(query: Mapping[str, Any], found: Any, *span: datetime) -> list[Any]:
    answer = []
    names = [d if isinstance(d, str) else d["dimension"] for d in query["dimensions"]]
    outputs = [d if isinstance(d, str) else d["outputName"] for d in query["dimensions"]]
    for told, events in _in_buckets(query, found, *span):
        groups: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
        for event in events:
            groups.setdefault(tuple(event[name] for name in names), []).append(event)
        for key in sorted(groups, key=lambda values: [value or "" for value in values]):
            event = dict(zip(outputs, key, strict=True)) | _measured(query, groups[key])
            answer.append({"version": "v1", "timestamp": told, "event": event})
    return answer


def _measured(query: Mapping[str, Any], events: list[dict[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for one in query.get("aggregations", ()):
        values = [event[one["fieldName"]] for event in events] if "fieldName" in one else []
        match one["type"]:
            case "count":
                found[one["name"]] = len(events)
            case "longSum":
                found[one["name"]] = sum(values)
            case "longMax":
                found[one["name"]] = max(values, default=None)
            case _:
                raise Unknown(f"no such aggregator: {one['type']}")
    for one in query.get("postAggregations", ()):
        left, right = (found[part["fieldName"]] for part in one["fields"])
        if one["fn"] != "/":
            raise Unknown(f"no such function: {one['fn']}")
        found[one["name"]] = left / right if right else 0
    return found


def _scan(query: Mapping[str, Any], found: list[dict[str, Any]]) -> list[Any]:
    columns = query.get("columns") or list(COLUMNS)
    rows = [
        [_millis(event[name]) if name == "__time" else event[name] for name in columns]
        for event in found
    ]  # fmt: skip
    signature = [{"name": name, "type": COLUMNS[name]} for name in columns]
    if query.get("resultFormat") != "compactedList":
        rows = [dict(zip(columns, row, strict=True)) for row in rows]  # type: ignore[misc]
    head = {"segmentId": SOURCE, "columns": columns}
    return [{**head, "events": rows, "rowSignature": signature}] if rows else []


def _selected(sql: str, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The columns between SELECT and FROM, by their names."""
    found = re.match(r"\s*SELECT\s+(?:DISTINCT\s+)?(.*?)\s+FROM\s", sql, re.I | re.S)
    if found is None:
        raise Unknown("it is no SELECT")
    names = [name.strip().strip('"') for name in found[1].split(",")]
    return [{name: row[name] for name in names} for row in rows]


def _told(query: Mapping[str, Any], rows: list[dict[str, Any]], types: Mapping[str, str]) -> str:
    """`types`: of the columns, for a format whose header has them."""
    match query.get("resultFormat", "object"):
        case "object":
            return json.dumps(rows)
        case "array":
            return json.dumps([list(row.values()) for row in rows])
        case "arrayLines":
            heads = [list(types), list(types.values())]
            lines = [*heads, *(list(row.values()) for row in rows)]
            return "".join(f"{json.dumps(line)}\n" for line in lines) + "\n"
    raise Unknown(f"no such format: {query['resultFormat']}")
