from __future__ import annotations

import errno
import json
import sys
from pathlib import Path

import pytest

from tests.tools import failfs
from tests.tools.procs import Process

SAVE = """
import os, sys, sqlite3, json
home = sys.argv[1]
open("/dev/null", "wb").write(b"not ours")
seen = []
try:
    fd = os.open(home + "/a.tmp", os.O_WRONLY | os.O_CREAT, 0o600)
    seen.append("opened"); os.write(fd, b"x" * 10)
    seen.append("written"); os.fsync(fd)
    seen.append("synced"); os.rename(home + "/a.tmp", home + "/a")
    seen.append("renamed")
except OSError as error:
    seen.append(error.errno)
print(json.dumps(seen))
"""

COMMIT = """
import sqlite3, sys
database = sqlite3.connect(sys.argv[1] + "/db")
database.execute("pragma journal_mode=wal")
database.execute("pragma synchronous=full")
database.execute("create table if not exists t (x)")
with database:
    database.execute("insert into t values (1)")
"""


@pytest.fixture
def library(tmp_path: Path) -> Path:
    return failfs.build(tmp_path)


def run(code: str, disk: failfs.Disk, log: Path) -> tuple[int, str]:
    command = [sys.executable, "-c", code, str(disk.prefix)]
    with Process(command, log=log, env=disk.environment()) as child:
        return child.wait(), child.output()


def bad_disk(library: Path, tmp_path: Path, **how: int | bool) -> failfs.Disk:
    home = tmp_path / "home"
    home.mkdir(exist_ok=True)
    return failfs.Disk(library, home, tmp_path / "count", **how)  # type: ignore[arg-type]


def test_only_calls_on_files_under_the_home_are_counted(library: Path, tmp_path: Path) -> None:
    disk = bad_disk(library, tmp_path)
    code, output = run(SAVE, disk, tmp_path / "log")
    assert (code, json.loads(output)[-1]) == (0, "renamed")
    assert disk.count() == 3
    assert disk.failed() == ""


@pytest.mark.parametrize(
    ("n", "seen", "call"),
    [
        (1, ["opened", errno.ENOSPC], "write"),
        (2, ["opened", "written", errno.ENOSPC], "fsync"),
        (3, ["opened", "written", "synced", errno.ENOSPC], "rename"),
    ],
)
def test_the_nth_call_fails_and_says_which_it_was(
    library: Path, tmp_path: Path, n: int, seen: list[object], call: str
) -> None:
    disk = bad_disk(library, tmp_path, fail_at=n, error=errno.ENOSPC)
    _, output = run(SAVE, disk, tmp_path / "log")
    assert json.loads(output) == seen
    assert disk.failed().split()[0] == call
    assert disk.failed().split()[1].startswith(str(disk.prefix))


def test_sqlite_is_seen_too_and_reports_the_failed_sync(library: Path, tmp_path: Path) -> None:
    whole = bad_disk(library, tmp_path)
    code, output = run(COMMIT, whole, tmp_path / "log")
    assert code == 0, output
    calls = whole.count()
    assert calls > 5
    for file in whole.prefix.iterdir():
        file.unlink()
    whole.count_file.unlink()
    failing = bad_disk(library, tmp_path, fail_at=3, stay=True)
    code, output = run(COMMIT, failing, tmp_path / "log2")
    assert code == 1
    assert "OperationalError" in output


def test_a_dropped_sync_is_still_counted_and_says_that_it_worked(
    library: Path, tmp_path: Path
) -> None:
    disk = bad_disk(library, tmp_path, drop_sync=True)
    code, output = run(SAVE, disk, tmp_path / "log")
    assert (code, json.loads(output)[-1]) == (0, "renamed")
    assert disk.count() == 3
