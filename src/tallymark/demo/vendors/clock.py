"""A vendor's own clock: runs along with the one it is given, until it is moved."""

from __future__ import annotations

from datetime import datetime, timedelta

from tallymark.clock import Clock
from tallymark.model import check_aware


class MovableClock:
    """Shows the given clock's time plus what it was moved by; `hold` stops it where it stands."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._moved = timedelta()
        self._held_at: datetime | None = None

    def now(self) -> datetime:
        return self._held_at or self._clock.now() + self._moved

    def monotonic(self) -> float:
        return self._clock.monotonic()

    def move_to(self, at: datetime, *, hold: bool = False) -> None:
        self._moved = check_aware(at) - self._clock.now()
        self._held_at = at if hold else None

    def advance(self, seconds: float) -> None:
        self.move_to(self.now() + timedelta(seconds=seconds), hold=self._held_at is not None)
