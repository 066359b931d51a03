"""The way in over real sockets: what is taken, what is refused, and in how much memory."""

from __future__ import annotations

import asyncio
import gzip
import os
import socket
import threading
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import orjson
import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from tallymark.connectors import PushedConnector
from tallymark.connectors.accesslog import AccessLog
from tallymark.model import Secret
from tallymark.receive.body import Limits, Message
from tallymark.receive.http import Receiver
from tallymark.receive.inbox import Inbox
from tallymark.state import schema
from tallymark.state.database import Databases, reading, writing
from tallymark.state.tokens import Scope
from tests.clock import FakeClock
from tests.contract.receive.served import TOKENS, Served

WRITE = {"authorization": "Bearer tmk_write"}
MIB = 1024 * 1024
LIMITS = Limits(body_s=1.0)


@pytest.fixture
def inbox(databases: Databases, clock: FakeClock) -> Iterator[Inbox]:
    opened = Inbox(databases.inbox, clock)
    yield opened
    opened.close()


@pytest.fixture
def served(inbox: Inbox, clock: FakeClock) -> Iterator[Served]:
    with Served(inbox, clock, limits=LIMITS) as opened:
        yield opened


on_sqlite = pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)


def post(served: Served, body: bytes, **headers: str) -> httpx.Response:
    given = WRITE | {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.post(served.url, content=body, headers=given, timeout=60)


def stored(databases: Databases) -> list[Any]:
    with reading(databases.inbox) as conn:
        return list(conn.execute(select(schema.inbox).order_by(schema.inbox.c.id)))


def test_lines_are_stored_before_they_are_acknowledged(
    served: Served, databases: Databases
) -> None:
    answer = post(served, b'{"rid":"a"}\n{"rid":"b"}\n', content_type="application/x-ndjson")
    assert (answer.status_code, answer.json()) == (200, {"accepted": 2, "repeated": 0})
    assert [row.body for row in stored(databases)] == [b'{"rid":"a"}', b'{"rid":"b"}']
    again = post(served, b'{"rid":"b"}\n{"rid":"c"}\n')
    assert again.json() == {"accepted": 1, "repeated": 1}


def test_no_credentials_are_kept(served: Served, databases: Databases) -> None:
    post(served, b"{}", content_type="text/plain", idempotency_key="k", cookie="c")
    (row,) = stored(databases)
    assert row.headers.keys() == {"content-type", "idempotency-key", "user-agent"}


@on_sqlite
def test_gzip_is_inflated_also_of_several_members(served: Served, databases: Databases) -> None:
    body = gzip.compress(b'{"rid":"a"}\n') + gzip.compress(b'{"rid":"b"}')
    assert post(served, body, content_encoding="gzip").json() == {"accepted": 2, "repeated": 0}
    assert [row.dedupe_id for row in stored(databases)] == ["a", "b"]


@on_sqlite
def test_a_body_without_lines_is_taken(served: Served) -> None:
    assert post(served, b"").json() == {"accepted": 0, "repeated": 0}
    assert post(served, b"\n\r\n").json() == {"accepted": 0, "repeated": 0}


@on_sqlite
def test_a_chunked_body_is_taken(served: Served) -> None:
    pieces = iter([b'{"rid":', b'"a"}\n', b'{"rid":"b"}'])
    answer = httpx.post(served.url, content=pieces, headers=WRITE)
    assert answer.json() == {"accepted": 2, "repeated": 0}


@on_sqlite
@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({}, 401),
        ({"authorization": "Bearer nonsense"}, 401),
        ({"authorization": "Basic tmk_write"}, 401),
        ({"authorization": "Bearer"}, 401),
        ({"authorization": "Bearer tmk_read"}, 401),
        ({"authorization": "bearer  tmk_admin"}, 200),
        (WRITE | {"content-encoding": "br"}, 415),
        (WRITE | {"content-encoding": "gzip, gzip"}, 415),
        (WRITE | {"content-encoding": "GZIP"}, 400),
        (WRITE | {"content-encoding": "identity"}, 200),
    ],
)
def test_what_the_headers_say_is_judged(served: Served, given: dict[str, str], status: int) -> None:
    answer = httpx.post(served.url, content=b"{}", headers=given)
    assert answer.status_code == status
    if status != 200:
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == status
    if status == 401:
        assert answer.headers["www-authenticate"].startswith("Bearer")


@on_sqlite
def test_unknown_addresses_and_methods_are_refused(served: Served) -> None:
    base = served.url.removesuffix("/logs/site")
    for path in ("/logs/other", "/hooks/site", "/logs", "/logs/site/more", "", "/logs/%2e%2e"):
        assert httpx.post(base + path, content=b"{}", headers=WRITE).status_code == 404
    answer = httpx.get(served.url, headers=WRITE)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


@on_sqlite
@pytest.mark.parametrize(
    "body",
    [
        b"no gzip at all",
        b"",
        gzip.compress(b"{}" * 1000, mtime=0)[:-9],
        gzip.compress(b"{}", mtime=0)[:-4] + b"\0\0\0\0",
        gzip.compress(b"{}", mtime=0) + b"rubbish",
    ],
)
def test_damaged_gzip_is_refused(served: Served, databases: Databases, body: bytes) -> None:
    assert post(served, body, content_encoding="gzip").status_code == 400
    assert stored(databases) == []


@on_sqlite
def test_a_request_without_a_length_is_refused(served: Served) -> None:
    head = "POST /in/logs/site HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer tmk_write\r\n\r\n"
    with socket.create_connection(("127.0.0.1", served.port)) as sender:
        sender.sendall(head.encode())
        assert sender.recv(1000).startswith(b"HTTP/1.1 411")


def resident_mb() -> float:
    with open(f"/proc/{os.getpid()}/statm") as file:  # noqa: PTH123
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / MIB


class Growth:
    """The most by which this process has grown since."""

    def __enter__(self) -> Growth:
        self._from, self.mb = resident_mb(), 0.0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def _watch(self) -> None:
        while not self._stop.wait(0.005):
            self.mb = max(self.mb, resident_mb() - self._from)

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()


def bomb(inflated_mb: int) -> bytes:
    packer = zlib.compressobj(9, wbits=31)
    pieces = [packer.compress(b"\0" * MIB) for _ in range(inflated_mb)]
    return b"".join(pieces) + packer.flush()


@on_sqlite
def test_a_gzip_bomb_is_refused_in_bounded_memory(served: Served) -> None:
    body = bomb(1024)
    assert len(body) < 2 * MIB
    # what the first one needs once is no growth
    assert post(served, body, content_encoding="gzip").status_code == 413
    with Growth() as growth, ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: post(served, body, content_encoding="gzip"), range(16)))
        assert post(served, b'{"rid":"a"}').status_code == 200
    assert {answer.status_code for answer in answers} <= {413, 503}
    assert 413 in {answer.status_code for answer in answers}
    assert growth.mb < 100


@on_sqlite
@pytest.mark.soak
def test_a_body_of_1_gb_is_refused_in_bounded_memory(inbox: Inbox, clock: FakeClock) -> None:
    def pieces() -> Iterator[bytes]:
        piece = b"x" * MIB
        for _ in range(1024):
            yield piece

    with Served(inbox, clock) as served, Growth() as growth:
        given = WRITE | {"content-length": str(1024 * MIB)}
        assert (
            httpx.post(served.url, content=pieces(), headers=given, timeout=60).status_code == 413
        )
        chunked = httpx.post(served.url, content=pieces(), headers=WRITE, timeout=60)
        assert chunked.status_code == 413
    assert growth.mb < 100


@on_sqlite
def test_too_many_lines_are_refused_in_bounded_memory(served: Served) -> None:
    with Growth() as growth:
        assert post(served, b"{}\n" * (3 * MIB)).status_code == 413
    assert growth.mb < 100


@on_sqlite
def test_json_that_is_deep_wide_or_long_is_taken_for_quarantine(
    served: Served, databases: Databases
) -> None:
    wide = orjson.dumps({f"k{n}": n for n in range(300_000)})
    deep = b"[" * 100_000 + b"]" * 100_000
    with Growth() as growth:
        for body in (wide, deep, wide, deep):
            assert post(served, body).status_code == 200
    assert growth.mb < 100
    assert len(stored(databases)) == 2


@on_sqlite
def test_a_slow_body_is_given_up_and_others_go_on(served: Served, databases: Databases) -> None:
    head = (
        "POST /in/logs/site HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer tmk_write\r\n"
        "Content-Length: 1000\r\n\r\n{"
    )
    slow = [socket.create_connection(("127.0.0.1", served.port)) for _ in range(500)]
    for sender in slow:
        sender.sendall(head.encode())
    before = time.monotonic()
    assert post(served, b'{"rid":"a"}').status_code == 200
    assert time.monotonic() - before < 0.9
    for sender in slow:
        sender.settimeout(10)
        assert sender.recv(100).startswith(b"HTTP/1.1 408")
        sender.close()
    assert len(stored(databases)) == 1


@on_sqlite
def test_a_slow_head_is_given_up_and_others_go_on(served: Served) -> None:
    slow = [socket.create_connection(("127.0.0.1", served.port)) for _ in range(500)]
    for n, sender in enumerate(slow):
        # some send nothing at all
        sender.sendall(b"POST /in/logs/site HTTP/1.1\r\nHost: x\r\nX-Slow: "[: n % 50])
    for _ in range(5):
        assert post(served, b"").status_code == 200
        slow[7].sendall(b"a")
    for sender in slow:
        sender.settimeout(10)
        answer = sender.recv(100)
        assert answer == b"" or answer.startswith(b"HTTP/1.1 408")
        sender.close()


@on_sqlite
def test_a_connection_that_is_kept_serves_many_requests(served: Served) -> None:
    with httpx.Client(headers=WRITE) as client:
        for _ in range(4):
            assert client.post(served.url, content=b"").status_code == 200
            time.sleep(0.6)
        refused = client.post(served.url, content=b"{}" * 100_000, headers={"authorization": ""})
        assert refused.status_code == 401
        assert client.post(served.url, content=b"").status_code == 200


def test_a_torn_request_leaves_nothing(served: Served, databases: Databases) -> None:
    head = (
        "POST /in/logs/site HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer tmk_write\r\n"
        'Content-Length: 1000\r\n\r\n{"rid":"a"}\n'
    )
    with socket.create_connection(("127.0.0.1", served.port)) as sender:
        sender.sendall(head.encode())
    assert post(served, b'{"rid":"b"}').status_code == 200
    assert [row.dedupe_id for row in stored(databases)] == ["b"]


def test_a_database_that_cannot_write_is_503_and_it_recovers(
    served: Served, databases: Databases
) -> None:
    with writing(databases.inbox) as tx:
        tx.exec_driver_sql("ALTER TABLE inbox RENAME TO away")
    answer = post(served, b'{"rid":"a"}')
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    with writing(databases.inbox) as tx:
        tx.exec_driver_sql("ALTER TABLE away RENAME TO inbox")
    assert post(served, b'{"rid":"a"}').json() == {"accepted": 1, "repeated": 0}


@on_sqlite
def test_a_token_that_cannot_be_looked_up_is_503(inbox: Inbox, clock: FakeClock) -> None:
    def gone(token: str) -> Scope | None:
        raise OperationalError("SELECT", {}, Exception("gone"))

    with Served(inbox, clock, check_token=gone) as served:
        assert post(served, b"{}").status_code == 503


@on_sqlite
def test_a_token_is_looked_up_once_in_a_while_and_a_wrong_one_each_time(
    inbox: Inbox, clock: FakeClock
) -> None:
    asked: list[str] = []

    def check(token: str) -> Scope | None:
        asked.append(token)
        return "write" if token == "tmk_write" else None

    with Served(inbox, clock, check_token=check) as served:
        for _ in range(5):
            assert post(served, b"").status_code == 200
        assert asked == ["tmk_write"]
        clock.advance(6)
        assert post(served, b"").status_code == 200
        assert asked == ["tmk_write"] * 2
        for _ in range(2):
            assert post(served, b"", authorization="Bearer wrong").status_code == 401
    assert asked[2:] == ["wrong"] * 2


@on_sqlite
def test_a_receiver_that_stops_refuses_and_can_be_asked_again(served: Served, inbox: Inbox) -> None:
    inbox.close()
    assert post(served, b"{}").status_code == 503


@on_sqlite
def test_ten_times_too_much_is_refused_with_a_time_to_wait(inbox: Inbox, clock: FakeClock) -> None:
    limits = Limits(in_flight_bytes=MIB)
    body = b"x" * (MIB // 2)
    with Served(inbox, clock, limits=limits) as served, ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda _: post(served, body), range(60)))
    assert {answer.status_code for answer in answers} <= {200, 503}
    assert 200 in {answer.status_code for answer in answers}
    assert all(a.headers["retry-after"] == "1" for a in answers if a.status_code == 503)


def test_the_same_delivery_a_hundred_times_in_parallel_is_one_row(
    served: Served, databases: Databases
) -> None:
    with ThreadPoolExecutor(25) as pool:
        answers = list(pool.map(lambda _: post(served, b'{"rid":"a"}'), range(100)))
    assert {answer.status_code for answer in answers} == {200}
    assert len(stored(databases)) == 1


@on_sqlite
def test_it_can_be_mounted_under_a_path(inbox: Inbox, clock: FakeClock) -> None:
    connector: PushedConnector = AccessLog(hash_key=Secret("k" * 32))
    app = Receiver(inbox, {"site": connector}, TOKENS.get, clock)
    sent: list[Message] = []

    async def call(path: str, root_path: str) -> int:
        async def receive() -> Message:
            return {"type": "http.request", "body": b"{}", "more_body": False}

        async def send(message: Message) -> None:
            sent.append(message)

        headers = [(b"authorization", b"Bearer tmk_write"), (b"content-length", b"2")]
        scope = {"type": "http", "method": "POST", "headers": headers}
        await app(scope | {"path": path, "root_path": root_path}, receive, send)
        return int(sent[-2]["status"])

    for path, root_path in (
        ("/in/logs/site", ""),
        ("/in/logs/site", "/in"),
        ("/logs/site", ""),
        ("/behind/in/logs/site", "/behind"),
    ):
        assert asyncio.run(call(path, root_path)) == 200
