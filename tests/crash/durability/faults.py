"""Runs on a disk on which a call fails, each from the same start."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import text

from tallymark.state.database import writing
from tallymark.state.schema import to_us
from tests.crash.durability.whole import damage
from tests.crash.scenes import NOW, Scene, Vendor, Zygote
from tests.tools import failfs

WAITS_ARE_OVER = (
    "UPDATE objects SET check_at = :now WHERE attempts > 0",
    "UPDATE tasks SET next_try_at = :now WHERE state = 'waiting'",
)


@dataclass(frozen=True)
class Fault:
    """How a run ended on a disk that failed."""

    call: str
    """What failed first, such as `fsync /home/lake/x`; empty: the run made fewer calls."""
    code: int
    errors: tuple[str, ...]
    """What the objects say."""
    log: str


@dataclass
class Faults:
    """A home that is put back to its start before each run."""

    folder: Path
    shim: Path
    zygote: Zygote
    vendor: Vendor
    expected: dict[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.scene = Scene("mixed", self.folder / "home", None, self.zygote, self.vendor)
        self.home = self.scene.home
        # a beat would be among the calls, at another place each time
        for name in ("TALLYMARK_BEAT_S", "TALLYMARK_CLAIM_TIMEOUT_S"):
            del self.scene.env[name]
        (self.home / "lake").mkdir()
        shutil.copytree(self.home, self.folder / "start")
        assert self.scene.run() == 0, self.scene.logs()
        self.expected = self.scene.outcome()

    def run(self, n: int, *, under: str = ".", stay: bool = False, error: int) -> Fault:
        """A run from the start in which the `n`th call on files below a folder fails."""
        shutil.rmtree(self.home)
        shutil.copytree(self.folder / "start", self.home)
        count, log = self.folder / "count", self.folder / "fault.log"
        count.unlink(missing_ok=True)
        log.unlink(missing_ok=True)
        disk = failfs.Disk(self.shim, self.home / under, count, fail_at=n, stay=stay, error=error)
        code = self._run(log, disk.environment())
        errors = self.scene.select("SELECT last_error FROM objects WHERE last_error IS NOT NULL")
        return Fault(disk.failed(), code, tuple(str(row[0]) for row in errors), log.read_text())

    def _run(self, log: Path, disk: Mapping[str, str]) -> int:
        sound = self.scene.env
        self.scene.env = {**sound, **disk}
        try:
            return self.scene.run(log=str(log))
        finally:
            self.scene.env = sound

    def is_as_undisturbed(self) -> bool:
        return self.scene.outcome() == self.expected

    def damage(self) -> list[str]:
        return damage(self.home, self.home / "lake")

    def go_on(self) -> None:
        """A later run on a sound disk."""
        waits_are_over(self.scene)
        log = self.folder / "later.log"
        assert self.scene.run(log=str(log)) == 0, log.read_text()[-3000:]


def waits_are_over(scene: Scene) -> None:
    """What waits is moved and not the clock: at another instant another reading would be due."""
    with scene.databases() as databases, writing(databases.control) as tx:
        for update in WAITS_ARE_OVER:
            tx.execute(text(update), {"now": to_us(NOW)})
