"""An HTTP proxy in front of a store's server that fails certain requests in a certain way."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

HOP = {"connection", "transfer-encoding", "keep-alive"}


@dataclass
class Fault:
    """What happens to the requests whose first line holds a text.

    refuse   it is not passed on, and answered 500
    late     it is passed on, and answered 500 all the same
    deny     it is passed on, and answered 403 all the same
    lose     it is passed on, and its answer never comes: the connection breaks
    hang     it is passed on, and its answer never comes: nothing happens any more
    halve    half of its body is passed on, then both connections break
    cut      it is passed on, and half of its answer comes
    """

    do: str
    holds: str = ""
    after: int = 0
    """So many such requests go through first."""
    times: int = 1_000_000


@dataclass
class Faulty:
    """`with faulty(endpoint) as proxy:` call `proxy.at` instead of the endpoint's host:port."""

    upstream: str
    at: str = ""
    fault: Fault | None = None
    seen: list[str] = field(default_factory=list)
    """The first lines of all requests."""
    struck: int = 0
    """How many requests the fault has met."""
    ended: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)
    matched: int = 0

    def begin(self, fault: Fault | None) -> None:
        with self.lock:
            self.fault, self.matched, self.struck = fault, 0, 0

    def fate(self, line: str) -> str:
        with self.lock:
            self.seen.append(line)
            fault = self.fault
            if fault is None or fault.holds not in line:
                return ""
            self.matched += 1
            if not fault.after < self.matched <= fault.after + fault.times:
                return ""
            self.struck += 1
            return fault.do


@contextmanager
def faulty(endpoint: str) -> Iterator[Faulty]:
    proxy = Faulty(urlsplit(endpoint).netloc)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            """Silent."""

        def handle_one_request(self) -> None:
            try:
                super().handle_one_request()
            except OSError:
                self.close_connection = True

        def go(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            fate = proxy.fate(self.requestline)
            if fate == "refuse":
                self.answer(500, {}, b"<Error><Code>InternalError</Code></Error>")
                return
            status, headers, data = self.passed_on(body, halved=fate == "halve")
            if fate == "hang":
                proxy.ended.wait()
            if fate in ("lose", "hang", "halve"):
                self.close_connection = True
            elif fate == "late":
                self.answer(500, {}, b"<Error><Code>InternalError</Code></Error>")
            elif fate == "deny":
                self.answer(403, {}, b"<Error><Code>RequestExpired</Code></Error>")
            else:
                self.answer(status, headers, data, cut=fate == "cut")

        do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = go

        def passed_on(self, body: bytes, *, halved: bool) -> tuple[int, dict[str, str], bytes]:
            upstream = http.client.HTTPConnection(proxy.upstream, timeout=30)
            upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
            for name, value in self.headers.items():
                if name.lower() not in HOP:
                    upstream.putheader(name, value)
            upstream.endheaders()
            upstream.send(body[: len(body) // 2] if halved else body)
            if halved:
                upstream.close()
                return 0, {}, b""
            answer = upstream.getresponse()
            headers = {k: v for k, v in answer.getheaders() if k.lower() not in HOP}
            data = answer.read()
            upstream.close()
            return answer.status, headers, data

        def answer(
            self, status: int, headers: dict[str, str], data: bytes, *, cut: bool = False
        ) -> None:
            self.send_response_only(status)
            for name, value in headers.items():
                self.send_header(name, value)
            if "content-length" not in {name.lower() for name in headers}:
                self.send_header("content-length", str(len(data)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data[: len(data) // 2] if cut else data)
            self.close_connection = self.close_connection or cut

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    proxy.at = f"127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield proxy
    finally:
        proxy.ended.set()
        server.shutdown()
        server.server_close()
