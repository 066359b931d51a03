"""Runs on a disk on which one call fails, each from the same start."""

from __future__ import annotations

import errno
import shutil
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import text

from tests.crash.scenes import NOW, Scene, Vendor, Zygote
from tallymark.state.database import writing
from tallymark.state.schema import to_us
from tests.tools import failfs

WAITS_ARE_OVER = (
    "UPDATE objects SET check_at = :now WHERE attempts > 0",
    "UPDATE tasks SET next_try_at = :now WHERE state = 'waiting'",
)


@dataclass(frozen=True)
class Fault:
    """How a run ended on a disk that failed once."""

    call: str
    """What failed, such as `fsync /home/lake/x`; empty: the run ended before it came to that."""
    code: int
    errors: tuple[str, ...]
    """What the objects say."""
    log: str


class Faults:
    """A home that is put back to its start before each run."""

    def __init__(self, folder: Path, shim: Path, zygote: Zygote, vendor: Vendor) -> None:
        self._folder = folder
        self._shim = shim
        self._start = folder / "start"
        self.home = folder / "home"
        self.scene = Scene("mixed", self.home, None, zygote, vendor)
        # its beats would be among the calls at a different place each time
        for name in ("TALLYMARK_BEAT_S", "TALLYMARK_CLAIM_TIMEOUT_S"):
            del self.scene.env[name]
        shutil.copytree(self.home, self._start)

    def put_back(self) -> None:
        shutil.rmtree(self.home)
        shutil.copytree(self._start, self.home)

    def run(self, n: int, error: int = errno.EIO) -> Fault:
        """One run from the start whose `n`th call on the home's files fails."""
        self.put_back()
        count = self._folder / "count"
        count.unlink(missing_ok=True)
        disk = failfs.Disk(self._shim, self.home, count, fail_at=n, error=error)
        log = self._folder / "fault.log"
        log.unlink(missing_ok=True)
        sound = self.scene.env
        self.scene.env = sound | disk.environment()
        code = self.scene.run(log=str(log))
        self.scene.env = sound
        found = self.scene.select("SELECT last_error FROM objects WHERE last_error IS NOT NULL")
        return Fault(disk.failed(), code, tuple(str(row[0]) for row in found), log.read_text())

    def go_on(self) -> None:
        """A later run on a sound disk.

        What waits is moved, not the clock: other readings would be taken at another instant.
        """
        with self.scene.databases() as databases, writing(databases.control) as tx:
            for update in WAITS_ARE_OVER:
                tx.execute(text(update), {"now": to_us(NOW)})
        code = self.scene.run()
        assert code == 0, self.scene.logs()
