"""A boot is one run of one process: it owns claims for as long as it beats.

On SQLite it also holds a lock on a file of its own. The system lets go of it when the process
dies, however it dies; a stopped process keeps it.
"""

from __future__ import annotations

import fcntl
import os
import socket
import uuid
from pathlib import Path

from sqlalchemy import Engine, insert, update

from tallymark.clock import Clock
from tallymark.state.database import writing
from tallymark.state.schema import boots


class Boot:
    """This process, as others see it. Its id is never used again: a restart is somebody else."""

    def __init__(self, engine: Engine, home: Path, clock: Clock) -> None:
        self.id = uuid.uuid4().hex
        self._engine = engine
        self._clock = clock
        self._lock: int | None = None
        self._lock_path: Path | None = None
        if engine.dialect.name == "sqlite":
            self._lock_path = home / "locks" / f"{self.id}.lock"
            self._lock = _hold(self._lock_path)
        now = clock.now()
        with writing(engine) as tx:
            tx.execute(
                insert(boots).values(
                    boot=self.id,
                    node=socket.gethostname(),
                    lock_path=None if self._lock_path is None else str(self._lock_path),
                    beat_no=0,
                    started_at=now,
                    beat_at=now,
                )
            )

    def beat(self) -> None:
        with writing(self._engine) as tx:
            tx.execute(
                update(boots)
                .where(boots.c.boot == self.id)
                .values(beat_no=boots.c.beat_no + 1, beat_at=self._clock.now())
            )

    def close(self) -> None:
        """End cleanly: what is still open may be taken over at once."""
        with writing(self._engine) as tx:
            tx.execute(
                update(boots).where(boots.c.boot == self.id).values(ended_at=self._clock.now())
            )
        self.let_go()

    def let_go(self) -> None:
        """Give the lock back, as the system does when the process dies."""
        if self._lock is not None and self._lock_path is not None:
            self._lock_path.unlink(missing_ok=True)
            os.close(self._lock)
            self._lock = None


def lock_is_free(path: Path) -> bool:
    """Whether the process that made this lock file is dead; clears the file away if so."""
    try:
        handle = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.unlink(missing_ok=True)
    except BlockingIOError:
        return False
    finally:
        os.close(handle)
    return True


def _hold(path: Path) -> int:
    path.parent.mkdir(parents=True, exist_ok=True)
    # the name appears with the lock on it, or a sweep would take it for a dead one's
    fresh = path.with_suffix(".new")
    handle = os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    fcntl.flock(handle, fcntl.LOCK_EX)
    fresh.rename(path)
    for other in path.parent.glob("*.lock"):
        if other != path and len(other.stem) == len(path.stem):
            lock_is_free(other)
    return handle
