from __future__ import annotations

import gzip
import inspect
import socket
import time
import zlib
from datetime import timedelta
from email.utils import format_datetime

import httpcore
import pytest

import tallymark.net as net_module
from tallymark.errors import FatalError, Refused, RetryableError, TallymarkError
from tallymark.model import Page
from tallymark.net import Known
from tallymark.net.outcome import broken
from tests.unit.net.served import NOW, Ledger, client, raw, served

RESET = str(int((NOW + timedelta(minutes=10)).timestamp()))


def test_an_answer_becomes_a_page_without_cookies() -> None:
    headers = {"ETag": '"1"', "Set-Cookie": "sid=canary", "Link": "<a>"}
    with served(lambda path, _: (200, headers, b'{"n": 1}')) as it:
        answer = client(it).get(f"{it.url}/a?b=1#part", params={"c": "x y"})
    assert answer.json() == {"n": 1}
    page = answer.page(cursor="next")
    assert page.url == f"{it.url}/a?b=1&c=x+y"
    assert it.seen[0][0] == "/a?b=1&c=x+y"
    assert (page.status, page.body, page.cursor, page.received_at) == (
        200,
        b'{"n": 1}',
        "next",
        NOW,
    )
    assert (page.headers["etag"], page.headers["link"]) == ('"1"', "<a>")
    assert "canary" not in repr(page)


def test_an_escaped_slash_stays_escaped() -> None:
    with served(lambda path, _: (200, {}, b"")) as it:
        client(it).get(f"{it.url}/downloads/@scope%2Fname")
    assert it.seen[0][0] == "/downloads/@scope%2Fname"


def test_headers_of_the_caller_replace_the_defaults() -> None:
    with served(lambda path, _: (200, {}, b"")) as it:
        client(it).get(it.url, headers={"Accept": "application/json"}, secret_headers={"x": "s"})
    headers = it.seen[0][1]
    assert (headers["accept"], headers["x"], headers["host"]) == (
        "application/json",
        "s",
        it.address,
    )
    assert headers["user-agent"].startswith("tallymark/")


def test_a_304_is_the_page_that_it_repeats() -> None:
    with served(lambda path, _: (304, {"etag": '"1"', "x-ratelimit-remaining": "9"}, b"")) as it:
        kept = Page(
            url=f"{it.url}/a",
            status=200,
            body=b"[1]",
            received_at=NOW,
            headers={"link": "<l>", "x-ratelimit-remaining": "10"},
        )
        ledger = Ledger(known={f"{it.url}/a": Known('"1"', "archive/7-0", kept)})
        page = client(it, ledger=ledger).get(f"{it.url}/a").page()
    assert it.seen[0][1]["if-none-match"] == '"1"'
    assert (page.status, page.body, page.repeats) == (304, b"[1]", "archive/7-0")
    assert page.headers == {**page.headers, "link": "<l>", "x-ratelimit-remaining": "9"}


def test_a_304_that_nobody_asked_for_is_tried_again() -> None:
    with served(lambda path, _: (304, {}, b"")) as it, pytest.raises(RetryableError):
        client(it).get(it.url)


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 529])
def test_what_may_work_later_is_retryable(status: int) -> None:
    with (
        served(lambda path, _: (status, {"Retry-After": "7"}, b"")) as it,
        pytest.raises(RetryableError) as caught,
    ):
        client(it).get(it.url)
    assert caught.value.retry_after_s == 7


@pytest.mark.parametrize("status", [400, 401, 403, 404, 410, 422, 451])
def test_what_will_fail_again_is_fatal_and_carries_the_answer(status: int) -> None:
    with (
        served(lambda path, _: (status, {"x": "y"}, b"why")) as it,
        pytest.raises(Refused) as caught,
    ):
        client(it).get(it.url)
    assert (caught.value.status, caught.value.body) == (status, b"why")
    assert caught.value.headers["x"] == "y"


@pytest.mark.parametrize(
    ("status", "headers", "body", "wait_s"),
    [
        (429, {"Retry-After": "30"}, b"", 30),
        (429, {"Retry-After": format_datetime(NOW + timedelta(seconds=90))}, b"", 90),
        (429, {"Retry-After": "Sun, 22 Nov 2026 12:01:30 GMT"}, b"", 90),
        (429, {"Retry-After": "soon"}, b"", 60),
        (429, {"X-Retry-After": RESET}, b"", 600),
        (429, {}, b"", 60),
        (429, {"Retry-After": "99999999"}, b"", 86_400),
        (403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": RESET}, b"", 600),
        (429, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": RESET}, b"", 600),
        (
            429,
            {"x-ratelimit-remaining": "0", "x-ratelimit-reset": RESET, "retry-after": "9"},
            b"",
            600,
        ),
        (403, {"Retry-After": "120"}, b"", 120),
        (403, {}, b'{"message":"You have exceeded a secondary rate limit."}', 60),
    ],
)
def test_a_limit_blocks_the_whole_source_until_it_ends(
    status: int, headers: dict[str, str], body: bytes, wait_s: float
) -> None:
    ledger = Ledger()
    with served(lambda path, _: (status, headers, body)) as it:
        with pytest.raises(RetryableError) as caught:
            client(it, ledger=ledger).get(it.url)
    assert caught.value.retry_after_s == pytest.approx(wait_s)
    assert ledger.blocked == [NOW + timedelta(seconds=wait_s)]


def test_the_last_request_of_a_quota_is_answered_and_blocks_the_next() -> None:
    ledger = Ledger()
    headers = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": RESET}
    with served(lambda path, _: (200, headers, b"ok")) as it:
        assert client(it, ledger=ledger).get(it.url).body == b"ok"
    assert ledger.blocked == [NOW + timedelta(minutes=10)]


def test_a_403_without_a_limit_blocks_nothing() -> None:
    ledger = Ledger()
    headers = {"x-ratelimit-remaining": "12", "x-ratelimit-reset": RESET}
    with served(lambda path, _: (403, headers, b"")) as it, pytest.raises(Refused):
        client(it, ledger=ledger).get(it.url)
    assert ledger.blocked == []


def test_a_moved_thing_keeps_the_name_that_was_asked_for_and_costs_two() -> None:
    def reply(path: str, _: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        return (301, {"location": "/new"}, b"moved") if path == "/old" else (200, {}, path.encode())

    ledger = Ledger()
    with served(reply) as it:
        answer = client(it, ledger=ledger).get(f"{it.url}/old", secret_headers={"token": "t"})
    assert (answer.url, answer.body, ledger.taken) == (f"{it.url}/old", b"/new", 2)
    assert [headers["token"] for _, headers in it.seen] == ["t", "t"]


def test_a_secret_stays_with_its_origin() -> None:
    with served(lambda path, _: (200, {}, b"there")) as other:
        with served(lambda path, _: (302, {"location": f"{other.url}/x"}, b"")) as it:
            assert client(it, other).get(it.url, secret_headers={"token": "t"}).body == b"there"
    assert "token" in it.seen[0][1]
    assert "token" not in other.seen[0][1]


def test_endless_redirects_end() -> None:
    ledger = Ledger()
    with served(lambda path, _: (302, {"location": "/"}, b"")) as it:
        with pytest.raises(FatalError, match="redirects more than 3 times"):
            client(it, ledger=ledger).get(it.url)
    assert ledger.taken == len(it.seen) == 4


def test_a_redirect_to_nowhere_is_fatal() -> None:
    with served(lambda path, _: (302, {}, b"")) as it, pytest.raises(FatalError, match="nowhere"):
        client(it).get(it.url)


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n64\r\nhalf",
    ],
)
def test_a_torn_answer_is_tried_again(sent: bytes) -> None:
    with raw(lambda connection: connection.sendall(sent)) as it, pytest.raises(RetryableError):
        client(it).get(it.url)


def test_nobody_listening_is_tried_again() -> None:
    with raw(lambda connection: None) as it:
        pass
    with pytest.raises(RetryableError):
        client(it).get(it.url)


def test_a_name_that_does_not_resolve_is_tried_again() -> None:
    def unknown(host: str, port: int) -> list[str]:
        raise socket.gaierror(-2, "Name or service not known")

    with pytest.raises(RetryableError):
        client(resolve=unknown).get("http://nowhere.example/")


def test_a_silent_server_is_left_after_the_time_out() -> None:
    with raw(lambda connection: time.sleep(2)) as it:
        with pytest.raises(RetryableError, match="in time"):
            client(it, timeout_s=0.1).get(it.url)


@pytest.mark.parametrize("start", [b"HTTP/1.1 200 OK\r\nx: ", b"HTTP/1.1 200 OK\r\n\r\n"])
def test_a_dripping_server_cannot_hold_us_longer_than_the_whole_time(start: bytes) -> None:
    def drip(connection: socket.socket) -> None:
        connection.sendall(start)
        for _ in range(200):
            connection.sendall(b"a")
            time.sleep(0.02)

    with raw(drip) as it:
        began = time.monotonic()
        with pytest.raises(RetryableError, match="in time"):
            client(it, timeout_s=1, total_s=0.3).get(it.url)
        assert time.monotonic() - began < 1


def test_gzip_is_inflated() -> None:
    body = gzip.compress(b"plain")
    with served(lambda path, _: (200, {"content-encoding": "gzip"}, body)) as it:
        answer = client(it).get(it.url)
    assert answer.body == b"plain"
    assert "content-encoding" not in answer.headers


def test_torn_and_broken_gzip_are_tried_again() -> None:
    for body in (gzip.compress(b"plain" * 99)[:-9], b"no gzip"):
        with served(lambda path, _, body=body: (200, {"content-encoding": "gzip"}, body)) as it:
            with pytest.raises(RetryableError, match="gzip"):
                client(it).get(it.url)


def test_an_encoding_that_was_not_asked_for_is_fatal() -> None:
    with served(lambda path, _: (200, {"content-encoding": "br"}, b"x")) as it:
        with pytest.raises(FatalError, match="not asked for"):
            client(it).get(it.url)


def test_a_body_ends_at_the_cap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tallymark.net.answer.MAX_BODY_BYTES", 1_000_000)
    bomb = zlib.compressobj(wbits=31)
    small = bomb.compress(bytes(2_000_000)) + bomb.flush()
    for headers, body in (({"content-encoding": "gzip"}, small), ({}, bytes(1_000_001))):
        with served(lambda path, _, answer=(200, headers, body): answer) as it:
            with pytest.raises(FatalError, match="larger than"):
                client(it).get(it.url)


def test_a_body_that_is_no_json_is_tried_again() -> None:
    with served(lambda path, _: (200, {}, b"<html>")) as it:
        with pytest.raises(RetryableError, match="no JSON"):
            client(it).get(it.url).json()


@pytest.mark.parametrize("token", ["canary\r\nx: y", "canäry", "canary\0"])
def test_a_token_that_cannot_be_sent_is_not_shown(token: str) -> None:
    with served(lambda path, _: (200, {}, b"")) as it, pytest.raises(FatalError) as caught:
        client(it).get(it.url, secret_headers={"authorization": f"Bearer {token}"})
    chain: BaseException | None = caught.value
    while chain:
        assert "can" not in str(chain).replace("cannot", "")
        chain = None if chain.__suppress_context__ else chain.__context__
    assert it.seen == []


def test_connections_are_used_again() -> None:
    with served(lambda path, headers: (200, {}, b"")) as it:
        one = client(it)
        opened: list[object] = []
        real = socket.create_connection

        def counting(*args: object, **options: object) -> socket.socket:
            opened.append(args)
            return real(*args, **options)  # type: ignore[arg-type]

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(socket, "create_connection", counting)
            for _ in range(5):
                one.get(it.url)
    assert len(opened) == 1


def test_every_exception_of_the_library_is_mapped() -> None:
    caught = inspect.getsource(net_module.Net.send)
    raised = [
        value
        for value in vars(httpcore).values()
        if isinstance(value, type) and issubclass(value, Exception)
    ]
    assert len(raised) > 10
    roots = (
        httpcore.TimeoutException,
        httpcore.NetworkError,
        httpcore.ProtocolError,
        httpcore.UnsupportedProtocol,
    )
    for root in roots:
        assert f"httpcore.{root.__name__}" in caught
    # raised only by proxies, which we do not use, and inside the pool, which repeats by itself
    never = {"ProxyError", "ConnectionNotAvailable"}
    for kind in raised:
        assert kind.__name__ in never or issubclass(kind, roots), kind
        assert isinstance(broken("host", kind("text")), TallymarkError)
