"""A vendor's log of its own calls: what it was asked, and what it answered."""

from __future__ import annotations

import json
import threading
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO


class CallLog:
    """A line at the start of each request and one at the end of its answer.

    With a path every line is in the file before the request goes on, so that it survives whoever
    asked and can be read while the vendor runs.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._lock = threading.Lock()
        self._entries: list[dict[str, Any]] = []
        self._number = 0
        self._path = path
        self._file: TextIO | None = None

    def started(self, method: str, path: str, at: datetime) -> int:
        with self._lock:
            self._number += 1
            self._write({"event": "start", "n": self._number, "method": method}, path, at)
            return self._number

    def ended(self, number: int, path: str, status: int, at: datetime) -> None:
        """`status` 0: the connection ended without a whole answer."""
        with self._lock:
            self._write({"event": "end", "n": number, "status": status}, path, at)

    def _write(self, entry: dict[str, Any], path: str, at: datetime) -> None:
        entry |= {"path": path, "at": at.isoformat()}
        self._entries.append(entry)
        if self._path:
            self._file = self._file or self._path.open("a", buffering=1, encoding="utf-8")
            self._file.write(json.dumps(entry) + "\n")

    def entries(self) -> list[dict[str, Any]]:
        with self._lock:
            return [dict(entry) for entry in self._entries]

    def close(self) -> None:
        """Until the next line."""
        with self._lock:
            if self._file:
                self._file.close()
                self._file = None


def read_log(path: Path) -> list[dict[str, Any]]:
    """The log that a vendor in another process has written so far."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [json.loads(line) for line in lines]


def answered(entries: list[dict[str, Any]], prefix: str = "/") -> list[dict[str, Any]]:
    """The ends of the requests that got what they asked for: 200 or 304."""
    return [
        entry
        for entry in entries
        if entry["event"] == "end"
        and entry["status"] in (200, 304)
        and entry["path"].startswith(prefix)
    ]
