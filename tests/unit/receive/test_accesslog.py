"""Access log lines: what is read, what is rejected, and what tells a repeat."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest

from tallymark.connectors import Pushed, pack
from tallymark.connectors.accesslog import AccessLog
from tallymark.errors import ConfigError
from tallymark.model import Page, Rejected, Row, Secret

AT = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
COMBINED = (
    '203.0.113.9 - frank [10/Oct/2026:13:55:36 -0700] "GET /a/b?c=d HTTP/1.1" 200 2326 '
    '"https://example.org/\\"x\\"" "Mozilla/5.0 \\x22q\\x22 \\xc3\\xa9"'
)


def log(**settings: Any) -> AccessLog:
    return AccessLog(hash_key=Secret("k" * 32), **settings)


def page(*lines: bytes, ids: list[str | None] | None = None, batch: int = 7) -> Page:
    names = ids or [None] * len(lines)
    pushed = [
        Pushed(AT, {"content-type": "x"}, name, line)
        for name, line in zip(names, lines, strict=True)
    ]
    return Page(url=f"inbox:site/{batch}", status=200, body=pack(pushed), received_at=AT)


def read(line: str | bytes | dict[str, Any], **settings: Any) -> dict[str, Any]:
    (row,) = log(**settings).rows("requests", [page(_bytes(line))])
    assert isinstance(row, Row), row
    return row.values


def refused(line: str | bytes | dict[str, Any]) -> str:
    (record,) = log().rows("requests", [page(_bytes(line))])
    assert isinstance(record, Rejected), record
    return record.reason


def _bytes(line: str | bytes | dict[str, Any]) -> bytes:
    if isinstance(line, dict):
        return orjson.dumps(line)
    return line.encode() if isinstance(line, str) else line


def ids(body: bytes, headers: dict[str, str] | None = None, **settings: Any) -> list[str | None]:
    return [record.dedupe_id for record in log(**settings).records(body, headers or {})]


def test_a_line_of_nginx_json_is_read() -> None:
    line = (
        '{"id":"abc","at":1772452800.123,"ip":"203.0.113.9","method":"GET","uri":"/x?y=1",'
        '"status":200,"bytes":12,"seconds":0.005,"referrer":"","agent":"curl/8"}'
    )
    assert read(line) == {
        "ts": datetime(2026, 3, 2, 12, 0, 0, 123_000, tzinfo=UTC),
        "method": "GET",
        "path": "/x",
        "query": "y=1",
        "status": 200,
        "bytes": 12,
        "seconds": 0.005,
        "referrer": None,
        "user_agent": "curl/8",
        "visitor": read(line)["visitor"],
        "prefix": "203.0.113.0/24",
        "site": "site",
        "id": "inbox:site/7#0",
    }


def test_combined_and_common_lines_are_read() -> None:
    values = read(COMBINED)
    assert values["ts"] == datetime(2026, 10, 10, 20, 55, 36, tzinfo=UTC)
    assert (values["method"], values["path"], values["query"]) == ("GET", "/a/b", "c=d")
    assert (values["status"], values["bytes"]) == (200, 2326)
    assert values["referrer"] == 'https://example.org/"x"'
    assert values["user_agent"] == 'Mozilla/5.0 "q" é'
    common = read('::1 - - [10/Oct/2026:13:55:36 +0000] "GET / HTTP/2.0" 304 -')
    assert (common["path"], common["bytes"], common["user_agent"]) == ("/", None, None)


def test_more_fields_after_a_combined_line_are_left_out() -> None:
    assert read(COMBINED + ' "more" 0.12')["status"] == 200


@pytest.mark.parametrize("request_line", ["-", "", "\\x16\\x03\\x01", "GET"])
def test_a_request_line_that_is_none_is_a_request_as_well(request_line: str) -> None:
    values = read(f'1.2.3.4 - - [10/Oct/2026:13:55:36 +0000] "{request_line}" 400 0')
    assert values["method"] is None
    assert values["status"] == 400


@pytest.mark.parametrize(
    "given",
    [
        1772452800,
        1772452800.0,
        "1772452800.000",
        1772452800000,
        "2026-03-02T12:00:00Z",
        "2026-03-02T13:00:00+01:00",
        "02/Mar/2026:17:45:00 +0545",
    ],
)
def test_times_are_read_in_every_usual_form(given: Any) -> None:
    assert read({"time": given})["ts"] == AT


@pytest.mark.parametrize(
    "given", ["2026-03-02T12:00:00", "yesterday", 1e30, "9" * 400, "32/Mar/2026:00:00:00 +0000"]
)
def test_a_time_that_cannot_be_read_is_rejected(given: Any) -> None:
    assert "time" in refused({"time": given})


@pytest.mark.parametrize("given", [{}, {"time": None}, {"time": True}, {"time": []}])
def test_a_line_without_a_time_is_rejected(given: dict[str, Any]) -> None:
    assert refused(given) == "the line has no time"


def test_settings_name_other_keys() -> None:
    values = read({"when": 1772452800, "p": "/x"}, keys={"time": "when", "path": "p"})
    assert (values["ts"], values["path"]) == (AT, "/x")
    with pytest.raises(ConfigError, match="user_agent"):
        log(keys={"agent": "ua"})


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"x" * 70_000, "longer than 65536"),
        (b"[" * 50_000, "neither"),
        (b'{"a":' + b"[" * 30_000 + b"]" * 30_000 + b"}", "line"),
        (b'{"a":' * 33 + b"1" + b"}" * 33, "deeper than 32"),
        (orjson.dumps({f"k{n}": n for n in range(1_001)}), "more than 1000 keys"),
        (b'{"a": [' + b'{"b":1},' * 1_000 + b"1]}", "more than 1000 keys"),
        (b'{"time": 1', "not JSON"),
        (b'{"time": "\xff"}', "not JSON"),
        (b'{"time": 1, "path": "\\ud800"}', "not JSON"),
        (b'{"time": 1, "path": "a\\u0000"}', "NUL"),
        (b'{"time": 1, "status": 1e400}', "not JSON"),
        (b'{"time": 1, "status": 200.5}', "whole number"),
        (b'{"time": 1, "bytes": 9223372036854775808}', "whole number"),
        (b'{"time": 1, "path": {}}', "not text"),
        (b'{"time": 1, "seconds": "NaN"}', "not a number"),
        (b"1.2.3.4 - - \xff", "not UTF-8"),
        (b"hello", "neither"),
    ],
)
def test_a_line_that_cannot_be_read_is_rejected_with_its_reason(line: bytes, reason: str) -> None:
    assert reason in refused(line)


def test_the_reason_comes_with_the_first_4_kb_of_the_line() -> None:
    (record,) = log().rows("requests", [page(b"x" * 70_000)])
    assert isinstance(record, Rejected)
    assert record.text == "x" * 4096


def test_depth_and_width_that_are_allowed_are_read() -> None:
    deep: Any = 1
    for _ in range(31):
        deep = {"a": deep}
    assert read({"time": 1772452800, "deep": deep})["ts"] == AT
    assert read({"time": 1772452800} | {f"k{n}": n for n in range(999)})["ts"] == AT


@pytest.mark.parametrize(
    "line",
    [
        b'1 - - [x] "' + b'\\"' * 30_000,
        b"1 " * 32_000,
        b"1 - " + b"[" * 60_000,
        b'1 - - [x] "' + b"a" * 30_000 + b'" 200 1 "' + b'"' * 20_000,
        b'1 - - [x] "a" 200 1 "b" "c"' + b' "' * 18_000,
        b"\\" * 60_000,
    ],
)
def test_no_line_takes_long(line: bytes) -> None:
    before = time.perf_counter()
    list(log().rows("requests", [page(line)]))
    assert time.perf_counter() - before < 0.2


def test_no_address_is_in_a_row() -> None:
    six = "2001:db8:1:2::7"
    values = read({"time": 1772452800, "ip": six})
    assert values["prefix"] == "2001:db8:1::/48"
    assert six not in str(values)
    assert values["visitor"] == read({"time": 1772452801, "ip": "2001:DB8:1:2:0::7"})["visitor"]
    assert read({"time": 1, "ip": "::ffff:203.0.113.9"}) == read({"time": 1, "ip": "203.0.113.9"})
    host = read({"time": 1772452800, "ip": "home.example.org"})
    assert (host["prefix"], len(host["visitor"])) == (None, 32)


def test_the_hash_depends_on_the_key() -> None:
    line = page(b'{"time": 1, "ip": "203.0.113.9"}')
    (one,) = AccessLog(hash_key=Secret("a" * 32)).rows("requests", [line])
    (two,) = AccessLog(hash_key=Secret("b" * 32)).rows("requests", [line])
    assert isinstance(one, Row)
    assert isinstance(two, Row)
    assert one.values["visitor"] != two.values["visitor"]


def test_rows_without_an_id_get_one_of_their_batch_that_stays_the_same() -> None:
    line = b'{"time": 1}'
    pages = [page(line, line), page(line, batch=8)]
    first = [row.values["id"] for row in log().rows("requests", pages) if isinstance(row, Row)]
    again = [row.values["id"] for row in log().rows("requests", pages) if isinstance(row, Row)]
    assert first == again == ["inbox:site/7#0", "inbox:site/7#1", "inbox:site/8#0"]


def test_rows_have_the_senders_id_and_the_time_when_they_came() -> None:
    (row,) = log().rows("requests", [page(b'{"time": 1}', ids=["abc"])])
    assert isinstance(row, Row)
    assert row.values["id"] == "abc"
    assert row.page.received_at == AT


def test_a_named_field_tells_a_repeat() -> None:
    body = b'{"rid": "a"}\n\n{"rid": 7}\r\n'
    assert ids(body, dedupe_field="rid") == ["a", "7"]


def test_an_idempotency_key_tells_a_repeat_of_a_whole_request() -> None:
    header = {"idempotency-key": "k"}
    assert ids(b"one\none\ntwo", header) == ["k#0", "k#1", "k#2"]
    assert ids(b'{"rid": "a"}\n{"rid": ""}\n{}', header, dedupe_field="rid") == ["a", "k#1", "k#2"]


def test_with_neither_there_is_no_id() -> None:
    assert ids(b'{"rid": "a"}\nline') == [None, None]
    assert ids(COMBINED.encode() + b"\n{}", dedupe_field="rid") == [None, None]


@pytest.mark.parametrize(
    "line", [b"torn {", b"[1]", b"x" * 70_000, b'{"a":' * 40 + b"1" + b"}" * 40]
)
def test_a_line_that_cannot_be_read_is_told_by_itself(line: bytes) -> None:
    first, second = ids(line + b"\n" + line, dedupe_field="rid")
    assert first == second
    assert first is not None
    assert first.startswith("sha256:")
    (other,) = ids(line + b"!", dedupe_field="rid")
    assert other != first


def test_a_page_keeps_bytes_that_are_no_text() -> None:
    (record,) = log().rows("requests", [page(bytes(range(255, 9, -1)))])
    assert isinstance(record, Rejected)
    assert "UTF-8" in record.reason
