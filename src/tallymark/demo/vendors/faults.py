"""Faults by switch: what a vendor does instead of answering."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

FaultKind = Literal["status", "cut", "truncate", "slow", "timeout", "garbage"]
KINDS: tuple[FaultKind, ...] = ("status", "cut", "truncate", "slow", "timeout", "garbage")


@dataclass(frozen=True)
class Fault:
    """For paths that begin with `prefix`, for the next `times` requests or until it is cleared.

    `status` answers that status, `cut` closes the connection without an answer, `truncate` sends
    half of the true body, `slow` waits `seconds` and answers, `timeout` waits and closes,
    `garbage` answers 200 with a page that is no API's.
    """

    kind: FaultKind = "status"
    prefix: str = "/"
    times: int | None = None
    after: int = 0
    """So many requests of the prefix are answered first."""
    status: int = 503
    retry_after: int | str | None = None
    seconds: float = 60.0

    @classmethod
    def read(cls, wanted: Mapping[str, Any]) -> Fault:
        """Raises: ValueError for a switch that does not exist."""
        known = {field.name for field in fields(cls)}
        if unknown := wanted.keys() - known:
            raise ValueError(f"no such switch: {', '.join(sorted(unknown))}")
        fault = cls(**wanted)
        if fault.kind not in KINDS:
            raise ValueError(f"no such fault: {fault.kind}; there are {', '.join(KINDS)}")
        return fault


class Faults:
    """The faults that are switched on; the first that fits a path is what happens."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._on: list[tuple[Fault, list[int]]] = []

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._on.append((fault, [0]))

    def clear(self) -> None:
        with self._lock:
            self._on.clear()

    def next(self, path: str) -> Fault | None:
        """What happens to this request; counts it."""
        with self._lock:
            for fault, seen in self._on:
                if not path.startswith(fault.prefix):
                    continue
                seen[0] += 1
                n = seen[0] - fault.after
                if n >= 1 and (fault.times is None or n <= fault.times):
                    return fault
        return None
