from __future__ import annotations

import sys
from pathlib import Path

from tests.tools.powercut import disk
from tests.tools.procs import Process

WRITE = """
import os, sys, time
root = sys.argv[1]
def save(name, sync):
    fd = os.open(f"{root}/{name}", os.O_WRONLY | os.O_CREAT)
    os.write(fd, b"x" * 1000)
    if sync:
        os.fsync(fd)
        folder = os.open(root, os.O_RDONLY); os.fsync(folder)
save("synced", True)
save("unsynced", False)
print("written", flush=True)
time.sleep(60)
"""


def test_a_cut_keeps_what_was_synced_and_loses_what_was_not(tmp_path: Path) -> None:
    with disk(tmp_path, size_mb=32) as machine:
        command = [sys.executable, "-c", WRITE, str(machine.root)]
        with Process(command, log=tmp_path / "log") as writer:
            writer.wait_line("written")
            after = machine.cut(writer)
            assert (machine.root / "unsynced").stat().st_size == 1000
        assert (after / "synced").read_bytes() == b"x" * 1000
        lost = after / "unsynced"
        assert not lost.exists() or lost.stat().st_size == 0
        machine.put_in_place(after)
        assert (machine.root / "synced").read_bytes() == b"x" * 1000
        assert not after.exists()
