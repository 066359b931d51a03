from __future__ import annotations

import gzip
import socket
import threading
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import pytest

from tallymark.errors import AddressRefused, EngineAway, FatalError, Refused, RetryableError
from tallymark.net.engines import PIECE_BYTES, EngineHttp
from tests.unit.net.served import Served, StoppedClock, heard, raw, served

HEAD = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def client(*servers: Served, **options: float) -> EngineHttp:
    allow = frozenset(server.address for server in servers)
    return EngineHttp(allow, StoppedClock(), **options)


def test_a_question_is_a_get_and_one_with_a_body_a_post_of_json() -> None:
    with served(lambda path, headers: (200, {}, path.encode())) as it:
        assert client(it).ask(f"{it.url}/a%2Fb?c=d") == b"/a%2Fb?c=d"
        assert it.seen[0][1]["accept-encoding"] == "gzip"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        http = EngineHttp(frozenset({f"127.0.0.1:{listener.getsockname()[1]}"}), StoppedClock())
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/druid/v2"
        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(http.ask, url, body={"a": "\ud800", "n": 10**30})
            connection, _ = listener.accept()
            with connection:
                head, _, body = heard(connection).partition(b"\r\n\r\n")
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]")
            assert answer.result(5) == b"[]"
    assert head.startswith(b"POST /druid/v2 HTTP/1.1\r\n")
    assert b"\r\ncontent-type: application/json\r\n" in head
    assert body == b'{"a": "\\ud800", "n": 1000000000000000000000000000000}'


def test_only_declared_addresses_are_called() -> None:
    with served(lambda *_: (200, {}, b"")) as it:
        for url in (it.url.replace("127.0.0.1", "localhost"), "http://169.254.169.254", "file:///"):
            with pytest.raises(AddressRefused):
                client(it).ask(url)
        assert it.seen == []


def test_a_redirect_is_not_followed() -> None:
    with served(lambda *_: (200, {}, b"")) as other:
        with served(lambda *_: (307, {"Location": f"{other.url}/a?b"}, b"")) as it:
            with pytest.raises(EngineAway, match="the engine's own address") as error:
                client(it, other).ask(it.url)
    assert f"{it.address} answered 307 and points to {other.address}, which" in str(error.value)
    assert other.seen == []


@pytest.mark.parametrize(
    "location", ["/there", "http://u:canary@h/", "http://xn--a/", "http://h:x", "file:///", ""]
)
def test_a_redirect_to_no_address_is_told_without_it(location: str) -> None:
    with served(lambda *_: (302, {"Location": location}, b"")) as it:
        with pytest.raises(EngineAway, match="answered 302, which is not followed"):
            client(it).ask(it.url)


def test_a_good_status_that_no_engine_has_is_one_that_is_away() -> None:
    with served(lambda *_: (202, {}, b"{}")) as it:
        with pytest.raises(EngineAway, match="answered 202"):
            client(it).ask(it.url)


@pytest.mark.parametrize("status", [400, 404, 500, 503])
def test_a_refusal_is_told_whole(status: int) -> None:
    body = gzip.compress(b'{"error":"x"}')
    headers = {"Content-Encoding": "gzip", "Retry-After": "5"}
    with served(lambda *_: (status, headers, body)) as it:
        with pytest.raises(Refused) as error:
            client(it).ask(it.url)
    assert (error.value.status, error.value.body) == (status, b'{"error":"x"}')
    assert error.value.headers["retry-after"] == "5"


def test_each_question_has_its_own_connection() -> None:
    """An engine that closed one meanwhile cannot break the next question."""
    with raw(lambda c: c.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx")) as it:
        http = client(it)
        assert [http.ask(it.url) for _ in range(3)] == [b"x"] * 3
        assert len(it.seen) == 3


def test_a_stream_lasts_as_long_as_it_goes_on() -> None:
    """Beyond the total time of a question, also where its thread asks one meanwhile."""
    go_on = threading.Event()

    def play(connection: socket.socket) -> None:
        connection.sendall(HEAD + b"1\r\na\r\n")
        go_on.wait(5)
        connection.sendall(b"1\r\nb\r\n0\r\n\r\n")

    with raw(play) as it, served(lambda *_: (200, {}, b"quick")) as other:
        http = client(it, other, total_s=0.2, idle_s=5.0)
        pieces = http.stream(it.url, body={})
        assert next(pieces) == b"a"
        assert http.ask(other.url) == b"quick"
        threading.Event().wait(0.3)
        go_on.set()
        assert b"".join(pieces) == b"b"


def test_a_question_has_a_total_time() -> None:
    def play(connection: socket.socket) -> None:
        connection.sendall(HEAD)
        while True:
            connection.sendall(b"1\r\na\r\n")
            threading.Event().wait(0.05)

    with raw(play) as it:
        with pytest.raises(RetryableError):
            client(it, total_s=0.3).ask(it.url)


def test_a_stream_that_idles_is_given_up() -> None:
    def play(connection: socket.socket) -> None:
        connection.sendall(HEAD + b"1\r\na\r\n")
        connection.recv(1)

    with raw(play) as it:
        pieces = client(it, idle_s=0.2).stream(it.url, body={})
        assert next(pieces) == b"a"
        with pytest.raises(RetryableError, match="did not answer in time") as error:
            next(pieces)
        assert not isinstance(error.value, EngineAway)


def test_a_stream_that_is_left_closes_its_connection() -> None:
    closed = threading.Event()

    def play(connection: socket.socket) -> None:
        connection.sendall(HEAD + b"1\r\na\r\n")
        if connection.recv(1) == b"":
            closed.set()

    with raw(play) as it:
        pieces = client(it).stream(it.url, body={})
        next(pieces)
        pieces.close()  # type: ignore[attr-defined]
        assert closed.wait(5)


def test_well_packed_pieces_stay_small() -> None:
    packed = gzip.compress(bytes(40 * PIECE_BYTES))

    def play(connection: socket.socket) -> None:
        head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n"
        connection.sendall(head.encode() + packed)

    with raw(play) as it:
        tracemalloc.start()
        total = sum(map(len, client(it).stream(it.url, body={})))
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert total == 40 * PIECE_BYTES
    assert peak < 8 * PIECE_BYTES


@pytest.mark.parametrize("status", [200, 404])
def test_an_encoding_that_was_not_asked_for_is_a_proxys(status: int) -> None:
    with served(lambda *_: (status, {"Content-Encoding": "br"}, b"x")) as it:
        with pytest.raises(EngineAway, match="not asked for"):
            client(it).ask(it.url)


def test_a_header_that_is_no_plain_text_is_not_shown() -> None:
    with served(lambda *_: (200, {}, b"")) as it:
        for secret in ("canarü", "canary\r\nx: y"):
            with pytest.raises(FatalError) as error:
                client(it).ask(it.url, secret_headers={"authorization": secret})
            assert "canar" not in f"{error.value!r}{error.value.__cause__!r}"
