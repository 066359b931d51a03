"""When a receiver listened: a bucket of a pushed stream can only be complete where somebody did."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, Engine, insert, select, update

from tallymark.clock import Clock
from tallymark.state.database import writing
from tallymark.state.schema import listening

GAP_S = 10.0
Stretch = tuple[datetime, datetime]


@dataclass
class _Last:
    from_at: datetime
    to_at: datetime
    beat_s: float


class Listening:
    """The record of one boot. `beat` is called every few seconds while requests can be taken."""

    def __init__(self, engine: Engine, clock: Clock, boot: str, *, gap_s: float = GAP_S) -> None:
        self._engine = engine
        self._clock = clock
        self._boot = boot
        self._gap_s = gap_s
        self._last: dict[str, _Last] = {}

    def beat(self, sources: Iterable[str]) -> None:
        """Say that these sources are listened to now; a long silence begins a new stretch."""
        now, beat_s = self._clock.now(), self._clock.monotonic()
        following: dict[str, _Last] = {}
        with writing(self._engine) as tx:
            for source in sources:
                last = self._last.get(source)
                if last is None or self._broken(last, now, beat_s):
                    last = _Last(now, now, beat_s)
                    self._begin(tx, source, now)
                elif now > last.to_at:
                    last = _Last(last.from_at, now, beat_s)
                    self._move(tx, source, last)
                else:  # the clock was set back a little: what was said stays said
                    last = _Last(last.from_at, last.to_at, beat_s)
                following[source] = last
        # only what was committed counts as said
        self._last = following

    def _broken(self, last: _Last, now: datetime, beat_s: float) -> bool:
        # by both clocks: a stopped process is seen by the one, a set clock by the other
        silent_s = max(beat_s - last.beat_s, (now - last.to_at).total_seconds())
        return silent_s > self._gap_s or now < last.from_at

    def _begin(self, tx: Connection, source: str, now: datetime) -> None:
        values = {"boot": self._boot, "source": source, "from_at": now, "to_at": now}
        tx.execute(insert(listening).values(values))

    def _move(self, tx: Connection, source: str, last: _Last) -> None:
        tx.execute(
            update(listening)
            .where(
                listening.c.boot == self._boot,
                listening.c.source == source,
                listening.c.from_at == last.from_at,
            )
            .values(to_at=last.to_at)
        )


def stretches(
    conn: Connection, source: str, since_at: datetime | None = None
) -> list[tuple[datetime, datetime]]:
    """When anybody listened to a source; disjoint, in order."""
    query = select(listening.c.from_at, listening.c.to_at).where(listening.c.source == source)
    if since_at is not None:
        query = query.where(listening.c.to_at >= since_at)
    return merge((row.from_at, row.to_at) for row in conn.execute(query))


def merge(found: Iterable[Stretch]) -> list[Stretch]:
    """Join the stretches that overlap or touch. Pure."""
    joined: list[Stretch] = []
    for from_at, to_at in sorted(found):
        if joined and from_at <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(to_at, joined[-1][1]))
        else:
            joined.append((from_at, to_at))
    return joined
