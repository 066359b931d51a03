"""A failing disk for a child process: builds `failfs.c` and says what to put in the environment."""

from __future__ import annotations

import ctypes
import errno
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

SOURCE = Path(__file__).with_name("failfs.c")


def build(folder: Path) -> Path:
    """Compile the shim into `folder` once; skip the test by name where there is no compiler."""
    library = folder / "failfs.so"
    if library.exists():
        return library
    if shutil.which("gcc") is None:
        pytest.skip("gcc is not installed: no failing disk can be built")
    command = ["gcc", "-shared", "-fPIC", "-O1", "-Wall", "-Wextra", "-Werror"]
    subprocess.run([*command, "-o", str(library), str(SOURCE), "-ldl"], check=True)
    return library


def start() -> None:
    """Take the disk from this process's environment as it is now: after a fork."""
    ctypes.CDLL(None).failfs_start()


@dataclass(frozen=True)
class Disk:
    """What a child must be started with so that its files under `prefix` live on a bad disk."""

    library: Path
    prefix: Path
    count_file: Path
    drop_sync: bool = False
    fail_at: int = 0
    stay: bool = False
    error: int = errno.EIO

    def environment(self) -> dict[str, str]:
        return {
            "LD_PRELOAD": str(self.library),
            "FAILFS_PREFIX": str(self.prefix),
            "FAILFS_COUNT": str(self.count_file),
            "FAILFS_DROP_SYNC": str(int(self.drop_sync)),
            "FAILFS_FAIL_AT": str(self.fail_at),
            "FAILFS_STAY": str(int(self.stay)),
            "FAILFS_ERRNO": str(self.error),
        }

    def count(self) -> int:
        """How many calls were counted, over all processes."""
        data = self.count_file.read_bytes() if self.count_file.exists() else b""
        return int.from_bytes(data[:8], "little")

    def failed(self) -> str:
        """The call that failed, such as `fdatasync /home/inbox.db-wal`; empty: none did."""
        data = self.count_file.read_bytes() if self.count_file.exists() else b""
        return data[8:].split(b"\0", 1)[0].decode()
