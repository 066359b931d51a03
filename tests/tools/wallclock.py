"""A wall clock for child processes that a test sets while they run: builds `wallclock.c`."""

from __future__ import annotations

import shutil
import subprocess
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

SOURCE = Path(__file__).with_name("wallclock.c")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class WallClock:
    """Runs on like the machine's, from wherever it was set to last."""

    def __init__(self, folder: Path, at: datetime) -> None:
        """Skips the test by name where there is no compiler."""
        if shutil.which("gcc") is None:
            pytest.skip("gcc is not installed: no wall clock can be built")
        self._library, self._file = folder / "wallclock.so", folder / "wallclock"
        command = ["gcc", "-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror"]
        subprocess.run([*command, "-o", str(self._library), str(SOURCE), "-ldl"], check=True)
        self.set(at)

    @property
    def env(self) -> dict[str, str]:
        """What a child must be started with."""
        return {"LD_PRELOAD": str(self._library), "WALLCLOCK_FILE": str(self._file)}

    def set(self, at: datetime) -> None:
        self._moved_ns = (at - EPOCH) // timedelta(microseconds=1) * 1000 - time.time_ns()
        with self._file.open("r+b" if self._file.exists() else "xb") as file:
            # one write of eight bytes: nobody sees half of it
            file.write(self._moved_ns.to_bytes(8, "little", signed=True))

    def now(self) -> datetime:
        return EPOCH + timedelta(microseconds=(time.time_ns() + self._moved_ns) // 1000)

    def step(self, by: timedelta) -> None:
        self.set(self.now() + by)
