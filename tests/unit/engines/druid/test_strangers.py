"""What becomes of an answer that is not Druid's own: a proxy's, or a coordinator's that lost."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tallymark.engines import Around, Query, Readiness
from tallymark.engines.druid import Druid
from tallymark.engines.druid.server import meaning, unsaid
from tallymark.errors import EngineAway, FatalError, Refused, RetryableError
from tallymark.net.engines import EngineHttp
from tests.unit.engines.druid.windows import window
from tests.unit.net.served import StoppedClock, raw, served

DAY = window("2026-03-08", "2026-03-08", "America/New_York")
NATIVE = Query(
    json={
        "queryType": "timeseries",
        "dataSource": "telemetry",
        "aggregations": [{"type": "count", "name": "n"}],
    }
)
SQL = Query(sql="SELECT a FROM telemetry WHERE __time >= :from AND __time < :to")
MISTAKE = {"error": "druidException", "category": "INVALID_INPUT", "errorMessage": "no 'x' in y"}
NGINX = (
    b"<html>\r\n<head><title>404 Not Found</title></head>\r\n<body>\r\n<center><h1>404 Not Found"
    b"</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
)
SPRING = {"timestamp": "2026-11-29", "status": 400, "error": "Bad Request", "path": "/druid/v2"}
STRANGERS = [
    (404, b"default backend - 404", "default backend - 404"),
    (404, NGINX, "404 Not Found nginx"),
    (404, b"", ""),
    (404, b'{"message":"no Route matched with those values"}', "no Route matched"),
    (404, b'{"error":"Not Found"}', "Not Found"),
    (404, b'"errorMessage"', ""),
    (400, json.dumps(SPRING).encode(), ""),
    (400, b'{"error":{"code":400,"errorMessage":"x"}}', ""),
    (400, b'{"error":null,"errorMessage":null,"errorClass":null}', ""),
    (405, b"<h1>Method Not Allowed", "Method Not Allowed"),
    (408, b"", ""),
    (413, NGINX.replace(b"404", b"413"), "nginx"),
    (421, b"\xff\x00\x01", ""),
    (451, b"a\0b", ""),
]


def refused(status: int, body: Any) -> Refused:
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Refused(f"druid:8082 answered {status}", status=status, headers={}, body=text)


@contextmanager
def druid_at(url: str) -> Iterator[tuple[Druid, Around]]:
    engine = Druid(broker=url, coordinator=url)
    http = EngineHttp(frozenset(engine.addresses()), StoppedClock(), 1.0, idle_s=1.0)
    try:
        yield engine, Around(http=http, metrics=None)  # type: ignore[arg-type]
    finally:
        http.close()


def answers(status: int, body: bytes, *headers: str) -> Callable[[socket.socket], None]:
    head = "\r\n".join([f"HTTP/1.1 {status} Said", f"Content-Length: {len(body)}", *headers])
    return lambda connection: connection.sendall(f"{head}\r\n\r\n".encode() + body)


@pytest.mark.parametrize(("status", "body", "words"), STRANGERS)
def test_an_answer_below_500_that_is_not_druids_own_is_a_druid_that_is_away(
    status: int, body: bytes, words: str
) -> None:
    error = meaning(refused(status, body))
    assert type(error) is EngineAway
    assert str(error).startswith(f"druid:8082 answered {status}")
    assert words in str(error)
    assert "look at the address, and at a proxy before it" in str(error)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, MISTAKE),
        (404, MISTAKE | {"category": "NOT_FOUND"}),
        (400, {"error": "Unknown exception", "errorMessage": None, "errorClass": "x.IAE"}),
        # a router of a query that it cannot read
        (400, {"error": "Could not resolve type id 'x'"}),
        (413, {"error": "Resource limit exceeded", "errorMessage": "m"}),
        (500, {"error": "Json parse failed", "errorMessage": "m"}),
    ],
)
def test_only_what_druid_itself_refuses_is_fatal(status: int, body: Any) -> None:
    error = meaning(refused(status, body))
    assert type(error) is FatalError
    assert "Druid refuses the query" in str(error)


@pytest.mark.parametrize("body", [{"error": {"code": 500}}, {"category": [1], "error": ["x"]}])
def test_a_strangers_error_of_any_shape_is_read(body: Any) -> None:
    assert type(meaning(refused(500, body))) is RetryableError
    assert type(meaning(refused(404, body))) is EngineAway


def test_of_a_strangers_text_only_the_first_words_are_told() -> None:
    styled = b"<html><head><style>p {x: y}</style></head><body><p>Gone &mdash; " + b"fishing " * 999
    said = str(meaning(refused(404, styled)))
    assert "(Gone &mdash; fishing fishing" in said
    assert "fishing …), which is no answer of Druid's" in said
    assert len(said) < 200
    # the cut goes through a character
    assert "(éé" in str(meaning(refused(404, "é".encode() * 2000)))
    assert "x: y" not in said


@pytest.mark.parametrize("query", [NATIVE, SQL])
@pytest.mark.parametrize(
    "play",
    [
        answers(404, b"default backend - 404"),
        answers(404, NGINX, "Content-Type: text/html"),
        answers(307, b"", "Location: http://127.0.0.2:8081/druid/v2"),
        answers(302, json.dumps(MISTAKE).encode(), "Location: /login"),
        answers(204, b""),
        answers(404, b"x", "Content-Encoding: br"),
    ],
)
def test_a_stranger_at_druids_address_closes_no_date(
    query: Query, play: Callable[[socket.socket], None]
) -> None:
    with raw(play) as it, druid_at(it.url) as (engine, around):
        looks: list[Callable[[], Any]] = [
            lambda: list(engine.ask(query, DAY, around)),
            lambda: engine.ready(query, "both", DAY, around),
            lambda: engine.state(query, DAY, around),
        ]
        for look in looks:
            with pytest.raises(EngineAway, match=it.address) as error:
                look()
            assert "proxy before it" in str(error.value)


@pytest.mark.parametrize("query", [NATIVE, SQL])
@pytest.mark.parametrize("status", [307, 404])
def test_a_query_that_a_stranger_answers_is_accepted_unchecked(query: Query, status: int) -> None:
    with raw(answers(status, b"default backend")) as it, druid_at(it.url) as (engine, around):
        checked = engine.check(query, "", DAY, around)
    assert (checked.unchecked, checked.wrong) == (True, ())
    assert "could not be asked" in checked.warnings[-1]
    assert f"answered {status}" in checked.warnings[-1]


LISTED = [{"id": "s1", "spec": {"type": "kafka", "dataSchema": {"dataSource": "telemetry"}}}]
ENDED = b'{"error":"[s1] does not exist"}'


def supervised(status: int, body: bytes) -> Readiness:
    """A look at a Druid that lists a supervisor and answers so when it is asked for it."""

    def reply(path: str, _: Any) -> tuple[int, dict[str, str], bytes]:
        return (status, {}, body) if "/s1/" in path else (200, {}, json.dumps(LISTED).encode())

    with served(reply) as it, druid_at(it.url) as (engine, around):
        return engine.ready(NATIVE, "both", DAY, around)


@pytest.mark.parametrize(
    ("status", "body"),
    [(404, ENDED), (400, ENDED), (400, json.dumps(MISTAKE).encode()), (404, NGINX)],
)
def test_a_supervisor_that_ended_after_it_was_listed_is_waited_for(
    status: int, body: bytes
) -> None:
    with pytest.raises(RetryableError) as error:
        supervised(status, body)
    assert f"answered {status}" in str(error.value)
    if body == ENDED:
        assert "[s1] does not exist" in str(error.value)
        assert "proxy" not in str(error.value)


def test_a_refused_look_is_never_fatal() -> None:
    """It is no report's question, so it is no report's fault."""
    for status in range(400, 600):
        for body in (MISTAKE, {"error": "x"}, b"", NGINX):
            assert isinstance(unsaid(refused(status, body)), RetryableError)
    assert type(unsaid(refused(401, b""))) is EngineAway
    assert type(unsaid(refused(503, MISTAKE))) is EngineAway


def test_druids_refusal_of_a_look_at_its_segments_is_waited_for() -> None:
    with (
        raw(answers(400, json.dumps(MISTAKE).encode())) as it,
        druid_at(it.url) as (engine, around),
    ):
        with pytest.raises(RetryableError, match="no 'x' in y"):
            engine.state(NATIVE, DAY, around)
        # what a report asks is refused for good
        with pytest.raises(FatalError, match="no 'x' in y"):
            list(engine.ask(NATIVE, DAY, around))


def test_a_table_that_the_broker_does_not_know_yet_is_waited_for() -> None:
    unknown = "Object 'telemetry' not found (line [1], column [15])"
    told = {"error": "druidException", "category": "INVALID_INPUT", "errorMessage": unknown}
    with (
        raw(answers(400, json.dumps(told).encode())) as it,
        druid_at(it.url) as (engine, around),
    ):
        for look in (
            lambda: engine.ready(SQL, "", DAY, around),
            lambda: engine.state(SQL, DAY, around),
        ):
            with pytest.raises(RetryableError, match="does not know the table yet"):
                look()
        # when it is configured it is said as a mistake
        assert "Object 'telemetry' not found" in str(engine.check(SQL, "", DAY, around).wrong)


def test_a_statement_that_has_no_plan_fails_at_the_look() -> None:
    with (
        raw(answers(400, json.dumps(MISTAKE).encode())) as it,
        druid_at(it.url) as (engine, around),
        pytest.raises(FatalError, match="no 'x' in y"),
    ):
        engine.ready(SQL, "", DAY, around)
