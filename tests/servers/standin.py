"""A stand-in of Druid: known events behind its HTTP API, a log of requests, faults by switch.

    python -m tests.servers.standin --log FILE --now ISO     prints its address

It has the events of all days of UTC that have ended at `--now`.

For tests that ask a Druid a hundred times, or kill who asks. It answers as Druid 33 was seen to,
as far as it goes; what it does not know is a 400 that says so.

POST /druid/v2, /druid/v2/sql    log start ▶ fault? ▶ answer in chunks ▶ log end
POST /_control                   {"set": {...}} | {"fault": {...}} | {"clear": true}
"""

from __future__ import annotations

import argparse
import json
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

from tests.servers.standin_data import Data, Unknown


@dataclass
class Fault:
    """What happens to the next `times` requests (None: to all) of a path, after `after` of them.

    status: this status and body; odd: 200 and this body; cut: half of the answer, then the
    connection ends; short: half of the answer, but HTTP says that it is whole; stall: half, then
    nothing for `seconds`.
    `of`: only requests whose body holds this text.
    """

    kind: str
    prefix: str = "/druid/v2"
    of: str = ""
    times: int | None = None
    after: int = 0
    status: int = 500
    body: Any = None
    seconds: float = 30.0
    seen: int = 0

    def meets(self, path: str, body: str) -> bool:
        if not path.startswith(self.prefix) or self.of not in body:
            return False
        self.seen += 1
        n = self.seen - self.after
        return n >= 1 and (self.times is None or n <= self.times)


@dataclass
class Log:
    """A line a request when it comes and one when it has ended; in the file at once."""

    path: Path | None = None
    entries: list[dict[str, Any]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def write(self, entry: dict[str, Any]) -> None:
        with self._lock:
            self.entries.append(entry)
            if self.path is not None:
                with self.path.open("a") as file:
                    file.write(json.dumps(entry) + "\n")


class StandIn:
    """Runs in this process; `stop` and `start` on the same port are an outage."""

    def __init__(self, log_path: Path | None = None, port: int = 0) -> None:
        self.data = Data()
        self.log = Log(log_path)
        self.faults: list[Fault] = []
        self.stopping = threading.Event()
        self.connections: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._port = port
        self._http: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        self.stopping.clear()
        self._http = _Server(self._port, self)
        self._port = int(self._http.server_address[1])
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        """Nobody listens any more, and who is connected is cut off."""
        self.stopping.set()
        if self._http is not None:
            self._http.shutdown()
            self._http.server_close()
            self._http = None
        for connection in list(self.connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def fault(self, kind: str, **how: Any) -> None:
        with self._lock:
            self.faults.append(Fault(kind, **how))

    def clear(self) -> None:
        with self._lock:
            self.faults.clear()

    def next_fault(self, path: str, body: str) -> Fault | None:
        with self._lock:
            return next((fault for fault in self.faults if fault.meets(path, body)), None)

    def control(self, command: Mapping[str, Any]) -> None:
        if command.get("clear"):
            self.clear()
        if "fault" in command:
            self.fault(**command["fault"])
        self.data.change(command.get("set", {}))

    def asked(self) -> list[dict[str, Any]]:
        """The queries for rows that have come in, not those that look at segments or columns."""
        return asked(self.log.entries)


def asked(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [entry for entry in entries if entry["event"] == "start" and entry["interval"]]


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    allow_reuse_address = True

    def __init__(self, port: int, standin: StandIn) -> None:
        self.standin = standin
        super().__init__(("127.0.0.1", port), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever asked was killed, which is what it is for."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    timeout = 60

    @property
    def standin(self) -> StandIn:
        return cast(_Server, self.server).standin

    def setup(self) -> None:
        super().setup()
        self.standin.connections.add(self.connection)

    def finish(self) -> None:
        self.standin.connections.discard(self.connection)
        super().finish()

    def do_GET(self) -> None:
        self._answer("")

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
        if self.path != "/_control":
            self._answer(body)
            return
        self.standin.control(json.loads(body))
        self._send(200, [b"{}"])

    def _answer(self, body: str) -> None:
        query = json.loads(body) if body else {}
        interval = self.standin.data.interval_of(self.path, query)
        told = {"path": self.path, "query": query, "interval": interval}
        self.standin.log.write({"event": "start", **told})
        fault = self.standin.next_fault(self.path, body)
        if fault is not None and fault.kind in ("status", "odd"):
            status = 200 if fault.kind == "odd" else fault.status
            text = json.dumps(fault.body or {"error": "out of order"})
        else:
            status, text = self._true(query)
        self.standin.log.write({"event": "end", "status": status, **told})
        pieces = list(_pieces(text.encode()))
        if fault is None or fault.kind in ("status", "odd"):
            self._send(status, pieces)
            return
        self._send(status, list(_pieces(_half(text.encode()))), ends=fault.kind == "short")
        if fault.kind == "stall":
            self.standin.stopping.wait(fault.seconds)
        self.close_connection = True

    def _true(self, query: Mapping[str, Any]) -> tuple[int, str]:
        try:
            return 200, self.standin.data.answer(self.path, query)
        except Unknown as error:
            wrong = {"error": "druidException", "errorCode": "invalidInput", "persona": "USER"}
            return 400, json.dumps(wrong | {"errorMessage": str(error)})

    def _send(self, status: int, pieces: list[bytes], ends: bool = True) -> None:
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        for piece in pieces:
            self.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
        if ends:
            self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:
        """It keeps its own log."""


def _half(text: bytes) -> bytes:
    """Whole lines, where there are any: it looks like a shorter answer."""
    half = text[: len(text) // 2]
    return half[: half.rfind(b"\n") + 1] or half


def _pieces(text: bytes) -> Iterator[bytes]:
    for start in range(0, len(text), 4096):
        yield text[start : start + 4096]


def main() -> None:
    parser = argparse.ArgumentParser(description="A stand-in of Druid on loopback.")
    parser.add_argument("--log", type=Path, required=True)
    parser.add_argument("--port", type=int, default=0, help="0: a free one")
    parser.add_argument("--now", type=datetime.fromisoformat, required=True)
    parser.add_argument("--hold", action="store_true", help="it has no clock that moves")
    options = parser.parse_args()
    standin = StandIn(options.log, options.port)
    standin.data.to_at = options.now.replace(hour=0, minute=0, second=0, microsecond=0)
    standin.start()
    print(standin.url, flush=True)  # noqa: T201
    threading.Event().wait()


if __name__ == "__main__":
    main()
