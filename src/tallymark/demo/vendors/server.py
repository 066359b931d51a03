"""What all simulated vendors share: HTTP/1.1 on loopback, a movable clock, faults, a log of calls.

GET /...            log start ▶ fault? ▶ answer(asked), one at a time ▶ log end
POST /_control      {"now": iso, "hold": bool} | {"advance_s": n} | {"fault": {...}}
                    | {"clear": true} | {"set": {...}}
GET /_control/log   the log so far
"""

from __future__ import annotations

import hashlib
import json
import socket
import threading
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Protocol, cast
from urllib.parse import parse_qsl

from tallymark.clock import Clock
from tallymark.demo.vendors.clock import MovableClock
from tallymark.demo.vendors.faults import Fault, Faults
from tallymark.demo.vendors.log import CallLog, answered


class Running(Protocol):
    """A vendor that can be asked."""

    @property
    def url(self) -> str: ...
    def stop(self) -> None: ...


@dataclass(frozen=True)
class Asked:
    """A request. `path` is as it came, without its query; header names are in lower case."""

    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    at: datetime


@dataclass(frozen=True)
class Answer:
    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


def json_answer(status: int, value: Any, headers: Mapping[str, str] | None = None) -> Answer:
    body = json.dumps(value).encode()
    return Answer(status, body, {"content-type": "application/json", **(headers or {})})


def conditional(asked: Asked, answer: Answer) -> Answer:
    """The answer with an ETag, or 304 where the asker has it already; a 304 repeats no Link."""
    if answer.status != 200:
        return answer
    seen = answer.body + answer.headers.get("link", "").encode()
    etag = f'W/"{hashlib.sha256(seen).hexdigest()}"'
    headers = {**answer.headers, "etag": etag}
    if asked.headers.get("if-none-match") != etag:
        return replace(answer, headers=headers)
    return Answer(304, b"", {k: v for k, v in headers.items() if k != "link"})


class VendorServer(ABC):
    """A vendor that runs in this process. `clock` is moved by `clock.move_to` or `/_control`."""

    def __init__(self, clock: Clock, log_path: Path | None = None) -> None:
        self.clock = MovableClock(clock)
        self.faults = Faults()
        self.log = CallLog(log_path)
        self.stopping = threading.Event()
        self.connections: set[socket.socket] = set()
        self._answering = threading.Lock()
        self._http: ThreadingHTTPServer | None = None
        self._thread: threading.Thread | None = None

    @abstractmethod
    def answer(self, asked: Asked) -> Answer:
        """What the vendor says; called by one thread at a time."""

    @abstractmethod
    def change(self, values: Mapping[str, Any]) -> None:
        """Change what the vendor shows. Raises: ValueError where it cannot be changed."""

    @property
    def url(self) -> str:
        if self._http is None:
            raise ValueError("the vendor has not started")
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def start(self, port: int = 0) -> int:
        """Listen; answers with the port. A stopped vendor may start again on its port."""
        self.stopping.clear()
        self._http = _Server(port, self)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return int(self._http.server_address[1])

    def stop(self) -> None:
        if self._http is None or self._thread is None:
            return
        self.stopping.set()
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()
        for connection in list(self.connections):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # its own thread has closed it just now
        self._http = None
        self.log.close()

    def calls(self) -> list[dict[str, Any]]:
        """The log: see `log.CallLog`."""
        return self.log.entries()

    def answered(self, prefix: str = "/") -> int:
        """How many requests got what they asked for."""
        return len(answered(self.log.entries(), prefix))

    def answer_one(self, asked: Asked) -> Answer:
        with self._answering:
            return self.answer(asked)

    def control(self, command: Mapping[str, Any]) -> None:
        """Raises: ValueError, KeyError, TypeError for a command that is none."""
        if "now" in command:
            at = datetime.fromisoformat(command["now"])
            self.clock.move_to(at, hold=bool(command.get("hold", False)))
        if "advance_s" in command:
            self.clock.advance(float(command["advance_s"]))
        if command.get("clear"):
            self.faults.clear()
        if "fault" in command:
            self.faults.add(Fault.read(command["fault"]))
        if "set" in command:
            with self._answering:
                self.change(command["set"])


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, port: int, vendor: VendorServer) -> None:
        self.vendor = vendor
        super().__init__(("127.0.0.1", port), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that went away is no news."""


class _Handler(BaseHTTPRequestHandler):
    """One connection of a caller."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    timeout = 120

    @property
    def vendor(self) -> VendorServer:
        return cast(_Server, self.server).vendor

    def setup(self) -> None:
        super().setup()
        self.vendor.connections.add(self.connection)

    def finish(self) -> None:
        self.vendor.connections.discard(self.connection)
        super().finish()

    def do_GET(self) -> None:
        if self.path.startswith("/_control"):
            self._send(json_answer(200, self.vendor.calls()))
            return
        number = self.vendor.log.started("GET", self.path, self.vendor.clock.now())
        answer, n_bytes = self._decide(self.vendor.faults.next(self.path))
        # before the last byte, so that whoever has the answer finds it in the log
        whole = answer is not None and n_bytes is None
        status = answer.status if answer and whole else 0
        self.vendor.log.ended(number, self.path, status, self.vendor.clock.now())
        self.close_connection = self.close_connection or not whole
        if answer:
            self._send(answer, n_bytes)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        try:
            self.vendor.control(json.loads(body))
        except (ValueError, KeyError, TypeError) as error:
            self._send(json_answer(400, {"error": str(error)}))
        else:
            self._send(json_answer(200, {"now": self.vendor.clock.now().isoformat()}))

    def _decide(self, fault: Fault | None) -> tuple[Answer | None, int | None]:
        """What to send, and how much of it; no answer: the connection is cut."""
        kind = fault.kind if fault else None
        if fault and kind in ("slow", "timeout"):
            self.vendor.stopping.wait(fault.seconds)
        if kind in ("cut", "timeout"):
            return None, None
        if fault and kind in ("status", "garbage"):
            return _faulty(fault), None
        answer = self._true()
        return answer, len(answer.body) // 2 if kind == "truncate" else None

    def _true(self) -> Answer:
        path, _, query = self.path.partition("?")
        headers = {name.lower(): value for name, value in self.headers.items()}
        return self.vendor.answer_one(
            Asked(path, dict(parse_qsl(query)), headers, self.vendor.clock.now())
        )

    def _send(self, answer: Answer, n_bytes: int | None = None) -> None:
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.status != 304:
            self.send_header("content-length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body[:n_bytes])
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:
        """The vendor keeps its own log."""


def _faulty(fault: Fault) -> Answer:
    if fault.kind == "garbage":
        return Answer(200, b"<html>We are improving our service.</html>")
    wait = {} if fault.retry_after is None else {"retry-after": str(fault.retry_after)}
    return json_answer(fault.status, {"message": "out of order"}, wait)
