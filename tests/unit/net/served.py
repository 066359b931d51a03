"""A real HTTP server on loopback whose answers a test writes, and a raw one for torn answers."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tallymark.clock import SystemClock
from tallymark.net import Client, Known, Net

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
Reply = tuple[int, Mapping[str, str], bytes]


class StoppedClock:
    """Deciding at a fixed instant; waiting by the real clock."""

    def now(self) -> datetime:
        return NOW

    def monotonic(self) -> float:
        return SystemClock().monotonic()


@dataclass
class Ledger:
    """A budget and the conditions of a test, and what was asked of them."""

    taken: int = 0
    blocked: list[datetime] = field(default_factory=list)
    known: dict[str, Known] = field(default_factory=dict)

    def take(self) -> None:
        self.taken += 1

    def block(self, until_at: datetime) -> None:
        self.blocked.append(until_at)

    def last(self, url: str) -> Known | None:
        return self.known.get(url)


@dataclass
class Served:
    port: int
    seen: list[tuple[str, dict[str, str]]]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"


@contextmanager
def served(reply: Callable[[str, dict[str, str]], Reply]) -> Iterator[Served]:
    seen: list[tuple[str, dict[str, str]]] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            seen.append((self.path, headers))
            status, extra, body = reply(self.path, headers)
            self.send_response(status)
            for name, value in extra.items():
                self.send_header(name, value)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield Served(server.server_address[1], seen)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def raw(answer: Callable[[socket.socket], None], family: int = socket.AF_INET) -> Iterator[Served]:
    """A socket that counts its connections in `seen` and lets `answer` write what it likes."""
    seen: list[tuple[str, dict[str, str]]] = []
    host = "::1" if family == socket.AF_INET6 else "127.0.0.1"
    listener = socket.create_server((host, 0), family=family)

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                seen.append(("", {}))
                try:
                    heard(connection)
                    answer(connection)
                except OSError:
                    continue

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield Served(listener.getsockname()[1], seen)
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


def heard(connection: socket.socket) -> bytes:
    """One whole request: what is left unread would turn the end of the connection into a reset."""
    request = connection.recv(65536)
    head, _, _ = request.partition(b"\r\n\r\n")
    announced = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    whole = len(head) + 4 + int(announced[1]) if announced else 0
    while request and len(request) < whole:
        request += connection.recv(65536)
    return request


def client(*servers: Served, ledger: Ledger | None = None, **options: Any) -> Client:
    ledger = ledger or Ledger()
    allow = frozenset(server.address for server in servers)
    net = Net(allow, StoppedClock(), **options)
    OPEN.append(net)
    return net.client(ledger, ledger)


OPEN: list[Net] = []
"""The connections of the running test; its fixture closes them."""
