"""Senders that write down what was acknowledged, and repeat what was not."""

from __future__ import annotations

import http.client
import threading
import time
from pathlib import Path
from types import TracebackType

from sqlalchemy import select

from tallymark.state import schema
from tallymark.state.database import open_databases, reading

LINES = 5
RETRY_S = 0.02


class Senders:
    """`n` threads that send lines with an id each; a batch is repeated until it is acknowledged."""

    def __init__(self, port: int, n: int) -> None:
        self._port = port
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._acknowledged: set[str] = set()
        self.statuses: set[int] = set()
        self._threads = [threading.Thread(target=self._send, args=(f"{k}",)) for k in range(n)]

    def __enter__(self) -> Senders:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join(60)

    def acknowledged(self) -> set[str]:
        with self._lock:
            return set(self._acknowledged)

    def wait_for(self, more: int, timeout_s: float = 30) -> None:
        """Wait until so many more lines are acknowledged."""
        deadline = time.monotonic() + timeout_s
        wanted = len(self.acknowledged()) + more
        while len(self.acknowledged()) < wanted:
            assert time.monotonic() < deadline, f"no answers any more, only {self.statuses}"
            time.sleep(0.01)

    def _send(self, name: str) -> None:
        connection = self._connect()
        n = 0
        while not self._stop.is_set():
            ids = [f"{name}-{n + k}" for k in range(LINES)]
            status = self._post(connection, ids)
            self.statuses.add(status)
            if status == 200:
                with self._lock:
                    self._acknowledged.update(ids)
                n += LINES
            else:
                connection.close()
                connection = self._connect()
                self._stop.wait(RETRY_S)
        connection.close()

    def _post(self, connection: http.client.HTTPConnection, ids: list[str]) -> int:
        """The status of the answer; 0 where none came."""
        body = "".join(f'{{"rid":"{rid}","time":1772452800,"uri":"/"}}\n' for rid in ids)
        headers = {"authorization": "Bearer tmk_write", "content-type": "application/x-ndjson"}
        try:
            connection.request("POST", "/in/logs/site", body, headers)
            with connection.getresponse() as response:
                response.read()
                return response.status
        except (OSError, http.client.HTTPException):
            return 0

    def _connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self._port, timeout=20)


def stored(url: str | None, home: Path) -> list[str]:
    """The ids of all inbox rows."""
    databases = open_databases(url, home)
    with reading(databases.inbox) as conn:
        found = [str(rid) for rid in conn.execute(select(schema.inbox.c.dedupe_id)).scalars()]
    databases.close()
    return found
