"""10 million rows of an engine into one published file: what the process holds in memory."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from bench.asked import scan_of, spooled
from bench.result import WORK, Result, peak_mb, timed
from tallymark.files.local import LocalFiles

HOME = WORK / "stream"
ROWS = 10_000_000
LIMIT_MB = 300


def run() -> Result:
    shutil.rmtree(HOME, ignore_errors=True)
    before = peak_mb()
    with flood() as url, timed() as timing:
        file = spooled(url, scan_of("flood"), HOME / "spool")
        store = LocalFiles(HOME / "reports")
        there = store.publish("bench.csv", file.local, None, lambda: None)
    assert (file.rows, there.bytes) == (ROWS, file.bytes)
    peak = peak_mb()
    return Result(
        "10 M rows into one file",
        f"≤ {LIMIT_MB} MB",
        f"{peak:.0f} MB",
        peak <= LIMIT_MB,
        [
            f"{ROWS:,} rows out of a streaming stand-in of Druid into a CSV of "
            f"{file.bytes / 1e6:.0f} MB, spooled and published in a folder: {timing.s:.1f} s",
            f"the most memory that the process ever held, {before:.0f} MB of it for its imports",
        ],
    )


@contextmanager
def flood() -> Iterator[str]:
    command = [sys.executable, "-m", "bench.flood", str(ROWS)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process.stdout.readline().strip()
        finally:
            process.terminate()
