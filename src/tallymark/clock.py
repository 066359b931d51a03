"""Time is handed in: the only place that reads the wall clock."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """What time it is, for deciding; and how time passes, for waiting."""

    def now(self) -> datetime:
        """The present instant, aware and in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never step, from an arbitrary start."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()
