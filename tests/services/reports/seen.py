"""A proxy before a Druid that keeps what was asked, and can do something before it passes it on."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

NATIVE, SQL = "/druid/v2", "/druid/v2/sql"


@dataclass
class Asked:
    """One question, and the answer to it."""

    path: str
    body: Any
    status: int
    answer: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.answer)


@dataclass
class Seen:
    url: str
    asked: list[Asked] = field(default_factory=list)
    before: Callable[[str, Any], object] = lambda path, body: None
    """Told of each question before it is passed on."""

    def to(self, path: str) -> list[Asked]:
        return [one for one in self.asked if one.path.startswith(path)]


@contextmanager
def seen(target: str) -> Iterator[Seen]:
    """Stands before `target`; answers are passed on as they are."""
    there = urlsplit(target)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            body = self.rfile.read(length) if length else None
            said = json.loads(body) if body else None
            found.before(self.path, said)
            link = http.client.HTTPConnection(there.hostname or "", there.port, timeout=120)
            # not packed: what is kept can be read
            kept = {"content-type": "application/json"} if body else {}
            link.request(self.command, self.path, body, kept)
            answered = link.getresponse()
            data = answered.read()
            link.close()
            found.asked.append(Asked(self.path, said, answered.status, data))
            self.send_response(answered.status)
            self.send_header("content-type", answered.headers.get("content-type", ""))
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_POST = do_GET

        def log_message(self, *_: Any) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    found = Seen(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
