"""What becomes of a Druid that is away, breaks off, or refuses: played by a raw socket."""

from __future__ import annotations

import gzip
import json
import socket
from collections.abc import Callable
from typing import Any

import pytest

from tallymark.engines import Around, Query
from tallymark.engines.druid import Druid
from tallymark.errors import ConfigError, EngineAway, FatalError, RetryableError
from tallymark.model import Secret
from tallymark.net.engines import EngineHttp
from tests.tools.ports import free_port
from tests.unit.engines.druid.windows import window
from tests.unit.net.served import StoppedClock, raw, served

DAY = window("2026-03-08", "2026-03-08", "America/New_York")
EDGES = [[1772946000000, 1773028800000]]
QUERY = Query(
    json={
        "queryType": "timeseries",
        "dataSource": "e",
        "aggregations": [{"type": "count", "name": "n"}],
    }
)
SQL = Query(sql="SELECT a FROM e WHERE __time >= :from AND __time < :to")
ELEMENT = '{"timestamp":"2026-03-08T05:00:00.000Z","result":{"n":1}}'
LINES = '["a"]\n["BIGINT"]\n[1]\n[2]\n\n'
RESET = b"\1\0\0\0\0\0\0\0"


def answer(status: int, body: str | bytes, *headers: str) -> bytes:
    content = body if isinstance(body, bytes) else body.encode()
    head = "\r\n".join([f"HTTP/1.1 {status} Said", *headers])
    return f"{head}\r\nContent-Length: {len(content)}\r\n\r\n".encode() + content


def chunked(body: str, *, end: bool = True) -> bytes:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunks = b"%x\r\n%s\r\n" % (len(body), body.encode())
    return head + chunks + (b"0\r\n\r\n" if end else b"")


def asked(query: Query, play: Callable[[socket.socket], None]) -> list[list[Any]]:
    """The rows of a Druid that answers so."""
    with raw(play) as it:
        engine = Druid(broker=f"{it.url}/", coordinator=it.url)
        http = EngineHttp(frozenset(engine.addresses()), StoppedClock(), 0.3, idle_s=0.3)
        try:
            around = Around(http=http, metrics=None)  # type: ignore[arg-type]
            parts = list(engine.ask(query, DAY, around))
        finally:
            http.close()
    return [list(row) for part in parts for row in part.rows]


def says(*answers: bytes) -> Callable[[socket.socket], None]:
    """A connection gets the next answer and is closed."""
    left = iter(answers)
    return lambda connection: connection.sendall(next(left))


def test_answers_are_read_as_they_come() -> None:
    assert asked(QUERY, says(chunked(f"[{ELEMENT},{ELEMENT}]"))) == [[1], [1]]
    edges = answer(200, json.dumps(EDGES))
    assert asked(SQL, says(edges, answer(200, LINES))) == [[1], [2]]
    packed = answer(200, gzip.compress(LINES.encode()), "Content-Encoding: gzip")
    assert asked(SQL, says(edges, packed)) == [[1], [2]]


def test_a_druid_that_nobody_serves_is_away() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    engine = Druid(broker=url, coordinator=url)
    http = EngineHttp(frozenset(engine.addresses()), StoppedClock())
    around = Around(http=http, metrics=None)  # type: ignore[arg-type]
    for query in (QUERY, SQL):
        with pytest.raises(EngineAway):
            list(engine.ask(query, DAY, around))
        checked = engine.check(query, "", DAY, around)
        assert (checked.unchecked, checked.wrong) == (True, ())
    http.close()


@pytest.mark.parametrize("play", [says(b""), lambda c: c.recv(1)])
def test_no_answer_in_time_is_a_druid_that_is_away(play: Callable[[socket.socket], None]) -> None:
    with pytest.raises(EngineAway):
        asked(QUERY, play)


def slow(before: bytes) -> Callable[[socket.socket], None]:
    """Gives a part, then nothing more."""

    def play(connection: socket.socket) -> None:
        connection.sendall(before)
        connection.recv(1)

    return play


def reset(before: bytes) -> Callable[[socket.socket], None]:
    def play(connection: socket.socket) -> None:
        connection.sendall(before)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)

    return play


@pytest.mark.parametrize(
    "play",
    [
        slow(chunked(f"[{ELEMENT},{ELEMENT}", end=False)),
        reset(chunked(f"[{ELEMENT},{ELEMENT}", end=False)),
        says(chunked(f"[{ELEMENT},{ELEMENT}]", end=False)),
        # Druid ends the exchange as if all were well
        says(chunked(f"[{ELEMENT},{ELEMENT}")),
        says(chunked(f"[{ELEMENT},")),
        says(chunked("")),
        says(answer(200, f"[{ELEMENT}] ")[:-1]),
        says(answer(200, gzip.compress(b"[]")[:-4], "Content-Encoding: gzip")),
        says(answer(200, gzip.compress(b"[]") + b"x", "Content-Encoding: gzip")),
        says(answer(200, b"[]", "Content-Encoding: gzip")),
    ],
)
def test_an_answer_that_breaks_off_is_tried_again_and_never_short(
    play: Callable[[socket.socket], None],
) -> None:
    with pytest.raises(RetryableError) as error:
        asked(QUERY, play)
    assert not isinstance(error.value, EngineAway)


@pytest.mark.parametrize("end", range(1, len(LINES)))
def test_an_answer_of_lines_without_its_empty_line_is_tried_again(end: int) -> None:
    with pytest.raises(RetryableError):
        asked(SQL, says(answer(200, json.dumps(EDGES)), chunked(LINES[:end])))


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (500, {"errorClass": "com.fasterxml.jackson.databind.JsonMappingException"}, FatalError),
        (400, {"errorMessage": "no such column 'x'"}, FatalError),
        (500, {"errorClass": "java.lang.NullPointerException"}, RetryableError),
        (503, {}, EngineAway),
        (307, {}, EngineAway),
    ],
)
def test_a_refusal_before_the_answer_is_what_it_means(
    status: int, body: dict[str, str], kind: type[Exception]
) -> None:
    for query in (QUERY, SQL):
        with pytest.raises(kind, match=body.get("errorMessage")) as error:
            asked(query, says(answer(status, json.dumps(body))))
        assert type(error.value) is kind


def test_a_clock_that_is_not_ours_is_found_before_the_question() -> None:
    off = [[EDGES[0][0], EDGES[0][1] + 3_600_000]]
    with pytest.raises(FatalError, match="clock of America/New_York is another one"):
        asked(SQL, says(answer(200, json.dumps(off)), answer(200, LINES)))


def test_the_secret_is_sent_and_stands_in_no_error() -> None:
    with served(lambda path, _: (401, {}, b"")) as it:
        engine = Druid(broker=it.url, coordinator=it.url, auth=Secret("Bearer canary"))
        http = EngineHttp(frozenset(engine.addresses()), StoppedClock())
        with pytest.raises(EngineAway, match="`auth`") as error:
            engine.server.get(http, "/status")
        http.close()
    assert it.seen[0][1]["authorization"] == "Bearer canary"
    assert "canary" not in f"{error.value!r} {engine!r} {engine.server!r}"


@pytest.mark.parametrize("url", ["druid:8082", "ftp://druid", "http://u:p@druid", "", "http://"])
def test_an_address_is_a_plain_one(url: str) -> None:
    with pytest.raises(ConfigError, match="broker is no address"):
        Druid(broker=url, coordinator="http://druid")
