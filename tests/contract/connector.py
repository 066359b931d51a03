"""The contract of a connector: what every one must keep, whoever wrote it.

A pulled connector is read from its simulated vendor over real HTTP; a pushed one gets what its
simulated sender sends, through the real receiver. One without a simulated vendor does not pass.
A vendor module has `SIMULATES` (the kind), `SUBJECT` and `start(log_path, clock) -> Running`; a
sender's has `SIMULATES`, `sample(n, at) -> list[bytes]` and `sender(url, token, records, *, seed)`.
`SETTINGS` holds what the connector needs besides `base_url` and secrets.
"""

from __future__ import annotations

import dataclasses
import importlib
import typing
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, time, timedelta
from types import ModuleType
from typing import Any

import orjson

from tallymark.connectors import (
    Connector,
    PulledConnector,
    Pushed,
    PushedConnector,
    pack,
)
from tallymark.errors import BadRequest
from tallymark.lake.decode import to_table
from tallymark.model import Field, Page, Rejected, Row, Secret, Span, Stream

FIELD_TYPES: dict[str, type] = {
    "long": int,
    "double": float,
    "text": str,
    "boolean": bool,
    "instant": datetime,
}
SYSTEM = {"ts", "_batch", "_page", "_ingested_at"}
GARBAGE = (
    b"",
    b"null",
    b"[]",
    b"{}",
    b"0",
    b'"text"',
    b"[null, 1, [], {}]",
    b'{"downloads": {}, "records": {}}',
    b'{"downloads": [null], "records": [null]}',
    b'{"downloads": "text", "records": "text"}',
    b"\xff\xfe\x00",
    b"<html>",
    b"[" * 100_000,
    b'{"a":' * 50_000,
    b'{"downloads": [{"day": "9999-99-99", "downloads": 1e999}]}',
    b"\x00" * 1000,
)


def vendor_of(kind: str, connector: type[Connector]) -> ModuleType:
    """The simulated vendor or sender of a connector: found under its own name."""
    home = connector.__module__
    name = f"tallymark.demo.vendors.{kind}"
    if not home.startswith("tallymark.connectors."):
        name = f"{home}.vendor"
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise AssertionError(f"{kind} has no simulated vendor: write {name}") from error
    assert kind == module.SIMULATES, f"{name} simulates {module.SIMULATES}"
    wanted = ("start", "SUBJECT") if is_pulled(connector) else ("sender", "sample")
    lacking = [each for each in wanted if not hasattr(module, each)]
    assert not lacking, f"{name} has no {', '.join(lacking)}"
    return module


def is_pulled(connector: type[Connector]) -> bool:
    return hasattr(connector, "pages")


def made(connector: type[Connector], module: ModuleType, **settings: Any) -> Any:
    """The connector as its vendor wants it; secrets that it must have are made up."""
    needed = {
        field.name: Secret("x" * 40)
        for field in dataclasses.fields(connector)  # type: ignore[arg-type]
        if typing.get_type_hints(connector)[field.name] is Secret
    }
    return connector(**{**needed, **getattr(module, "SETTINGS", {}), **settings})


# -- what it says of itself ------------------------------------------------------------------------


def check_declaration(kind: str, connector: type[Connector]) -> None:
    assert connector.kind == kind
    assert connector.title
    assert connector.__doc__
    assert dataclasses.is_dataclass(connector)
    assert connector.__dataclass_params__.frozen, "a connector holds settings, no state"
    check_secrets(connector)
    assert is_pulled(connector) != hasattr(connector, "records"), "pages or records, one of them"
    names = [stream.name for stream in connector.streams]
    assert names, "no streams"
    assert len(names) == len(set(names))
    for stream in connector.streams:
        check_stream(stream)
        assert (stream.kind == "push") != is_pulled(connector)


def check_secrets(connector: type[Connector]) -> None:
    """What is named like a secret is one, so that it is never shown."""
    for name, hint in typing.get_type_hints(connector).items():
        if any(word in name for word in ("token", "secret", "password", "hash_key")):
            assert hint is Secret or Secret in typing.get_args(hint), f"{name} must be a Secret"


def check_stream(stream: Stream) -> None:
    fields = [field.name for field in stream.fields]
    assert fields
    assert len(fields) == len(set(fields))
    assert not SYSTEM & set(fields), "ts and the system columns are added"
    for field in stream.fields:
        assert isinstance(field, Field)
        assert field.type in FIELD_TYPES, f"{field.name} has no known type"
        assert field.name.isidentifier()
        assert field.name.isascii()
        assert field.name == field.name.lower()
    types = {field.name: field.type for field in stream.fields}
    assert types.get(stream.subject) == "text", f"the subject {stream.subject} must be a text field"
    assert stream.key, "without a key a repeat cannot be told"
    assert set(stream.key) <= {*fields, "ts"}
    assert stream.kind in ("gauge", "series", "push")
    assert stream.delay_s >= 0
    assert stream.lag_s >= 0
    assert stream.max_span_s >= 86_400


# -- what it reads ---------------------------------------------------------------------------------


def check_rows(connector: Connector, stream: Stream, pages: list[Page]) -> list[Row]:
    """Pure and deterministic, of the declared types, none refused: the rows of true pages."""
    before = [dataclasses.replace(page) for page in pages]
    first = list(connector.rows(stream.name, iter(pages)))
    assert pages == before, "rows() must not change its pages"
    assert list(connector.rows(stream.name, iter(pages))) == first, "rows() must be pure"
    rows = [row for row in first if isinstance(row, Row)]
    assert rows == first, f"refused: {[r for r in first if isinstance(r, Rejected)][:3]}"
    for row in rows:
        check_row(stream, row, pages)
    table, refused = to_table(stream, rows, 1, max(page.received_at for page in pages))
    assert refused == []
    assert table.num_rows <= len(rows)
    return rows


def check_row(stream: Stream, row: Row, pages: Iterable[Page]) -> None:
    types = {field.name: field.type for field in stream.fields}
    assert row.values.keys() <= {"ts", *types}
    at = row.values["ts"]
    assert isinstance(at, datetime)
    assert at.utcoffset() == timedelta(), "ts is aware and in UTC"
    if stream.label == "day":
        assert at == datetime.combine(at.date(), time(), UTC), "a day's label is its midnight"
    for name, value in row.values.items():
        if name != "ts" and value is not None:
            assert type(value) is FIELD_TYPES[types[name]], f"{name} is a {type(value).__name__}"
    assert isinstance(row.values[stream.subject], str)
    assert any((row.page.url, row.page.n) == (page.url, page.n) for page in pages)


def check_garbage(connector: Connector, stream: Stream, true: list[Page]) -> None:
    """A body that is no answer is refused with its reason; nothing is raised."""
    for garbage in GARBAGE:
        for page in true[:3]:
            torn = dataclasses.replace(page, body=garbage, headers={})
            found = list(connector.rows(stream.name, [torn]))
            assert found or is_json(garbage), "what cannot be read must not be lost in silence"
            for each in found:
                if isinstance(each, Row):
                    check_row(stream, each, [torn])
                else:
                    assert each.reason


def check_torn(connector: Connector, stream: Stream, true: list[Page]) -> None:
    """A true body that ends early, anywhere."""
    for page in true[:2]:
        step = max(1, len(page.body) // 50)
        for length in range(0, len(page.body), step):
            torn = dataclasses.replace(page, body=page.body[:length], headers={})
            found = list(connector.rows(stream.name, [torn]))
            assert found
            assert all(isinstance(each, Rejected) for each in found)


def is_json(body: bytes) -> bool:
    try:
        orjson.loads(body)
    except orjson.JSONDecodeError:
        return False
    return True


# -- pulled ----------------------------------------------------------------------------------------


def span_of(stream: Stream, subject: str, now: datetime) -> Span:
    """The running day of a gauge; of a series the ten days before this one."""
    today = datetime.combine(now.date(), time(), UTC)
    if stream.kind == "gauge":
        return Span(stream.name, subject, today, today + timedelta(days=1))
    days = min(10, stream.max_span_s // 86_400)
    return Span(stream.name, subject, today - timedelta(days=days), today)


def read(connector: PulledConnector, client: Any, span: Span, cursor: str | None) -> list[Page]:
    """The pages from a cursor on, numbered as collecting does."""
    pages = connector.pages(client, span, cursor)
    return [dataclasses.replace(page, n=n) for n, page in enumerate(pages)]


def check_pages(connector: PulledConnector, client: Any, stream: Stream, span: Span) -> list[Page]:
    """The last page has no cursor, and the cursor of any other goes on right after it."""
    pages = read(connector, client, span, None)
    assert pages
    assert pages[-1].cursor is None
    assert all(page.cursor for page in pages[:-1])
    whole = last_values(connector, stream, pages)
    for n, page in enumerate(pages[:-1]):
        if n % max(1, len(pages) // 10):
            continue
        rest = read(connector, client, span, page.cursor)
        assert len(rest) == len(pages) - n - 1, f"{page.cursor!r} does not follow page {n}"
        kept = [dataclasses.replace(page, n=n + 1 + page.n) for page in rest]
        assert last_values(connector, stream, [*pages[: n + 1], *kept]) == whole
    return pages


def last_values(
    connector: Connector, stream: Stream, pages: Iterable[Page]
) -> dict[tuple[Any, ...], dict[str, Any]]:
    """Each key's last record; of a gauge without its instant, which is when it was asked."""
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in connector.rows(stream.name, pages):
        assert isinstance(row, Row)
        values = dict(row.values)
        if stream.kind == "gauge":
            del values["ts"]
        found[tuple(values.get(name) for name in stream.key)] = values
    return found


# -- pushed ----------------------------------------------------------------------------------------


def flushed(
    connector: PushedConnector, bodies: Iterable[bytes], headers: dict[str, str], at: datetime
) -> Page:
    """Request bodies as the page of a flush."""
    received = [record for body in bodies for record in connector.records(body, headers)]
    packed = pack(Pushed(at, headers, each.dedupe_id, each.body) for each in received)
    return Page(url="inbox:site/1", status=200, body=packed, received_at=at)


def check_records(connector: PushedConnector, body: bytes) -> None:
    """Splitting a request is pure, and of a torn or a wrong one it says no more than BadRequest."""
    first = list(connector.records(body, {}))
    assert first
    assert list(connector.records(body, {})) == first
    step = max(1, len(body) // 200)
    for wrong in (*GARBAGE, *(body[:length] for length in range(0, len(body), step))):
        for headers in ({}, {"idempotency-key": "k"}):
            for record in split(connector, wrong, headers):
                assert isinstance(record.body, bytes)


def split(connector: PushedConnector, body: bytes, headers: dict[str, str]) -> Iterator[Any]:
    try:
        yield from connector.records(body, headers)
    except BadRequest:
        return
