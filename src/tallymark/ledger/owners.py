"""Which owners are dead. Judged on the observer's monotonic clock, so that no clock step matters.

An owner is dead when it ended cleanly, when the lock on its file is free (SQLite), or when its beat
has stood still for a whole time-out during which we looked all the while: a pause of our own, or a
database that nobody could reach, starts the time-out anew.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, select

from tallymark.clock import Clock
from tallymark.ledger.boots import lock_is_free
from tallymark.state.schema import boots, tasks


@dataclass(frozen=True)
class Death:
    """`beat_no` must still stand when the claim is taken; `clean`: the task is not to blame."""

    beat_no: int
    clean: bool


@dataclass
class _Seen:
    beat_no: int
    since_s: float
    looked_s: float
    moved: bool = False


class Owners:
    """What one observer has seen of the others; several threads may look."""

    def __init__(self, clock: Clock, timeout_s: float, me: str) -> None:
        self._clock = clock
        self._timeout_s = timeout_s
        self._me = me
        self._seen: dict[str, _Seen] = {}
        self._lock = threading.Lock()

    def observe(self, conn: Connection) -> None:
        """Look at the beat of every other owner of running work."""
        running = select(tasks.c.owner).where(tasks.c.state == "running", tasks.c.owner != self._me)
        beats = select(boots.c.boot, boots.c.beat_no).where(boots.c.boot.in_(running))
        found = {row.boot: row.beat_no for row in conn.execute(beats)}
        with self._lock:
            for boot in [b for b in self._seen if b not in found]:
                del self._seen[boot]
            for boot, beat_no in found.items():
                self._look(boot, beat_no)

    def judge(self, conn: Connection, owner: str) -> Death | None:
        """How an owner died, as the database and the lock show it now; None: it may live."""
        if owner == self._me:
            return None
        row = conn.execute(select(boots).where(boots.c.boot == owner)).one()
        with self._lock:
            seen = self._look(owner, row.beat_no)
            stood_s = seen.looked_s - seen.since_s
        if row.ended_at is not None:
            return Death(row.beat_no, clean=True)
        if row.lock_path is not None and lock_is_free(Path(row.lock_path)):
            return Death(row.beat_no, clean=False)
        return Death(row.beat_no, clean=False) if stood_s >= self._timeout_s else None

    def lives(self, owner: str) -> bool:
        """Whether its beat has moved since we first looked, and did not stand still since."""
        with self._lock:
            seen = self._seen.get(owner)
            return seen is not None and seen.moved and self._fresh(seen)

    def forget(self) -> None:
        with self._lock:
            self._seen.clear()

    def _look(self, owner: str, beat_no: int) -> _Seen:
        now_s = self._clock.monotonic()
        seen = self._seen.get(owner)
        # not having looked for long, we cannot say that it stood still
        if seen is None or now_s - seen.looked_s > self._timeout_s / 2:
            seen = self._seen[owner] = _Seen(beat_no, now_s, now_s)
        elif beat_no != seen.beat_no:
            seen = self._seen[owner] = _Seen(beat_no, now_s, now_s, moved=True)
        seen.looked_s = now_s
        return seen

    def _fresh(self, seen: _Seen) -> bool:
        return self._clock.monotonic() - seen.since_s < self._timeout_s
