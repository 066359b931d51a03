"""The demo's course: thirteen months under a simulated clock, then live.

    each day    the vendors are asked
    each week   the site's log is shipped, flushed, and everything is rolled up

It touches no database: the program that it drives is handed in.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from tallymark.clock import Clock
from tallymark.errors import ConfigError

MARKER = "demo.json"
# npm's numbers of the day before are there by then, and GitHub is asked at the same time
TICK = time(7, 0)
BEFORE = timedelta(minutes=5)


class DemoClock:
    """A clock that stands where it is put, until it goes live."""

    def __init__(self, real: Clock) -> None:
        self._real = real
        self._at: datetime | None = None

    def now(self) -> datetime:
        return self._at or self._real.now()

    def monotonic(self) -> float:
        return self._real.monotonic()

    def real(self) -> datetime:
        """The present instant, wherever it stands."""
        return self._real.now()

    def stand_at(self, at: datetime) -> None:
        self._at = at

    def go_live(self) -> None:
        self._at = None


@dataclass(frozen=True)
class Position:
    """How far a demo's past is collected."""

    started_on: date
    done_to: datetime
    live: bool = False
    """Once the past is collected it is never simulated again: what a stop missed is missed."""

    @classmethod
    def read(cls, home: Path, now: datetime) -> Position:
        """Where a home's demo stands; a new home starts 13 months before today.

        Raises: ConfigError where the home is somebody else's, or its marker is damaged.
        """
        path = home / MARKER
        if path.exists():
            return cls._parse(path)
        if home.exists() and any(home.iterdir()):
            raise ConfigError(f"{home} is not a demo's home: give --home a new or an empty folder")
        started_on = months_before(now.date(), 13)
        position = cls(started_on, datetime.combine(started_on, time(), UTC))
        position.write(home)
        return position

    @classmethod
    def _parse(cls, path: Path) -> Position:
        try:
            found = json.loads(path.read_text())
            return cls(
                date.fromisoformat(found["started_on"]),
                datetime.fromisoformat(found["done_to"]),
                found["live"],
            )
        except (KeyError, TypeError, ValueError) as error:
            text = f"{path} cannot be read: remove the folder, and the demo begins anew"
            raise ConfigError(text) from error

    def write(self, home: Path) -> None:
        home.mkdir(parents=True, exist_ok=True)
        text = json.dumps(
            {
                "started_on": self.started_on.isoformat(),
                "done_to": self.done_to.isoformat(),
                "live": self.live,
            }
        )
        part = home / f"{MARKER}.part"
        part.write_text(text)
        part.replace(home / MARKER)


@dataclass(frozen=True)
class Story:
    """Drives the program through the past."""

    home: Path
    clock: DemoClock
    send: Callable[[datetime], None]
    """Ship the site's log lines up to an instant."""
    listen: Callable[[], None]
    """Tell the receiver that it has listened up to now."""
    collect: Callable[[], object]
    """Ask the vendors for what is due now."""
    drain: Callable[[], object]
    """Do everything that is due now: flush and roll up too."""
    progress: Callable[[float], None]
    """Told how much is done, from 0 to 1."""

    def past(self, stop: threading.Event) -> None:
        """Collect all days up to now; goes on where an earlier start ended."""
        now = self.clock.real()
        position = Position.read(self.home, now)
        first = datetime.combine(position.started_on, time(), UTC)
        for at in [] if position.live else ticks(position.done_to, now):
            if stop.is_set():
                return
            self.progress((at - first) / (now - first))
            position = self._day(position, at, whole=at.weekday() == 0)
        if not position.live:
            # and what happened while the past was collected
            position = self._day(position, self.clock.real(), whole=True)
            replace(position, live=True).write(self.home)
        self.clock.go_live()
        self.progress(1.0)

    def _day(self, position: Position, at: datetime, *, whole: bool) -> Position:
        """Ask the vendors at an instant; `whole`: ship and roll up too."""
        self.clock.stand_at(at - BEFORE)
        self.listen()
        if whole:
            # what is shipped has waited for its flush by then
            self.send(at - BEFORE)
        self.clock.stand_at(at)
        self.listen()
        self.collect()
        if whole:
            self.drain()
        done = replace(position, done_to=at)
        # a kill goes on from this day: at an earlier one, the vendors would show earlier numbers
        done.write(self.home)
        return done


def ticks(done_to: datetime, now: datetime) -> list[datetime]:
    """The instants at which the past is collected: once a day."""
    first = datetime.combine(done_to.date(), TICK, UTC)
    count = max(0, (now - first).days + 1)
    found = [first + timedelta(days=n) for n in range(count)]
    return [at for at in found if done_to < at <= now]


def months_before(day: date, months: int) -> date:
    """The same day so many months before, at most the 28th."""
    index = day.year * 12 + day.month - 1 - months
    return date(index // 12, index % 12 + 1, min(day.day, 28))
