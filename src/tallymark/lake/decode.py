"""Records become a table. Pure: what cannot be read is given back with its reason, the rest stays.

Integers are `long`, instants microseconds in UTC, text is never cut. Three system columns follow
the stream's own: the batch that brought a row, the page (`calls` row) that it came on, and when.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa

from tallymark.model import FieldType, Rejected, Row, Stream

SYSTEM_COLUMNS = ("_batch", "_page", "_ingested_at")
EARLIEST_AT = datetime(1980, 1, 1, tzinfo=UTC)
AHEAD = timedelta(hours=48)

INSTANT = pa.timestamp("us", tz="UTC")
_ARROW: Mapping[FieldType, pa.DataType] = {
    "long": pa.int64(),
    "double": pa.float64(),
    "text": pa.string(),
    "boolean": pa.bool_(),
    "instant": INSTANT,
}
_LONG = 2**63

Check = Callable[[Any], str | None]
"""Why a value cannot be of a type; None: it can."""


def schema(stream: Stream) -> pa.Schema:
    """The columns of a stream's table, system columns last."""
    return pa.schema(
        [
            pa.field("ts", INSTANT),
            *(pa.field(field.name, _ARROW[field.type]) for field in stream.fields),
            pa.field("_batch", pa.int64()),
            pa.field("_page", pa.int64()),
            pa.field("_ingested_at", INSTANT),
        ]
    )


def to_table(
    stream: Stream, rows: Iterable[Row | Rejected], batch_id: int, ingested_at: datetime
) -> tuple[pa.Table, list[Rejected]]:
    """The records as a table, each key once (the later page wins), and the refused ones."""
    good: list[Row] = []
    rejected: list[Rejected] = []
    judge = _judge(stream)
    for row in rows:
        if isinstance(row, Rejected):
            rejected.append(row)
        elif reason := judge(row):
            rejected.append(Rejected(row.page, _text(row.values), reason))
        else:
            good.append(row)
    return _table(stream, _newest(stream, good), batch_id, ingested_at), rejected


def _judge(stream: Stream) -> Callable[[Row], str | None]:
    checks = [(field.name, _CHECKS[field.type]) for field in stream.fields]
    names = {"ts", *(field.name for field in stream.fields)}

    def judge(row: Row) -> str | None:
        values = row.values
        if reason := _judge_ts(values.get("ts"), row.page.received_at, stream.label):
            return reason
        if values.get(stream.subject) is None:
            return f"{stream.subject} is missing"
        if not values.keys() <= names:
            return f"{min(values.keys() - names)} is no column of {stream.name}"
        for name, check in checks:
            value = values.get(name)
            if value is not None and (reason := check(value)):
                return f"{name} {reason}"
        return None

    return judge


def _judge_ts(ts: object, received_at: datetime, label: str | None) -> str | None:
    if ts is None:
        return "ts is missing"
    if reason := _instant(ts):
        return f"ts {reason}"
    assert isinstance(ts, datetime)
    if ts < EARLIEST_AT:
        return "ts is before 1980"
    if ts > received_at + AHEAD:
        return "ts is more than 48 hours ahead"
    if label == "day" and ts.astimezone(UTC).timetz() != EARLIEST_AT.timetz():
        return "ts is no day's label: that is midnight UTC"
    return None


def _long(value: object) -> str | None:
    # a bool is an int in Python; Arrow would cut 1.5 to 1 without a word
    if type(value) is not int:
        return f"is no whole number: {_short(value)}"
    if not -_LONG <= value < _LONG:
        return "is too large for 64 bits"
    return None


def _double(value: object) -> str | None:
    if type(value) is int:
        return None if abs(value) <= 2**53 else "is too large to be exact as a double"
    if type(value) is not float:
        return f"is no number: {_short(value)}"
    # one NaN would turn every sum that it meets into NaN
    return None if math.isfinite(value) else "is not a finite number"


def _is_text(value: object) -> str | None:
    if type(value) is not str:
        return f"is no text: {_short(value)}"
    if value.isascii():
        return None
    try:
        value.encode()
    except UnicodeEncodeError:
        return "is no valid Unicode"
    return None


def _boolean(value: object) -> str | None:
    return None if type(value) is bool else f"is neither true nor false: {_short(value)}"


def _instant(value: object) -> str | None:
    if not isinstance(value, datetime):
        return f"is no instant: {_short(value)}"
    return None if value.utcoffset() is not None else "has no time zone"


_CHECKS: Mapping[FieldType, Check] = {
    "long": _long,
    "double": _double,
    "text": _is_text,
    "boolean": _boolean,
    "instant": _instant,
}


def _short(value: object) -> str:
    text = ascii(value)
    return text if len(text) <= 80 else f"{text[:80]}…"


def _text(values: Mapping[str, Any]) -> str:
    return json.dumps(values, default=str)


def _newest(stream: Stream, rows: list[Row]) -> list[Row]:
    """Each key once, the row of the later page; a row whose key has a gap is like no other."""
    if not stream.key:
        return rows
    found: dict[Any, Row] = {}
    for n, row in enumerate(rows):
        key: Any = tuple(row.values.get(name) for name in stream.key)
        if None in key:
            key = n
        earlier = found.get(key)
        if earlier is None or row.page.n >= earlier.page.n:
            found[key] = row
    return list(found.values())


def _table(stream: Stream, rows: list[Row], batch_id: int, ingested_at: datetime) -> pa.Table:
    columns: dict[str, Any] = {
        name: [row.values.get(name) for row in rows]
        for name in ("ts", *(field.name for field in stream.fields))
    }
    columns["_batch"] = pa.repeat(pa.scalar(batch_id, pa.int64()), len(rows))
    columns["_page"] = [row.page.call_id for row in rows]
    columns["_ingested_at"] = pa.repeat(pa.scalar(ingested_at, INSTANT), len(rows))
    return pa.table(columns, schema=schema(stream))
