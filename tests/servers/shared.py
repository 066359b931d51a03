"""Servers that a whole test run shares: started by whoever needs one first, ended with the run.

    shared(pytest's temp folders, "kafka", start)
      under a lock: noted?   -> the addresses that were noted
                    else     -> start(folder), and note its addresses, or why it did not start

A keeper process (`keeper.py`) owns each server, so that no worker's end is the server's. What is
fetched to run them lies in ~/.cache/tallymark-tests and is fetched once.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

KEEPER = Path(__file__).with_name("keeper.py")
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tallymark-tests"
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "alone")

Note = dict[str, str]


def shared(temp: pytest.TempPathFactory, name: str, start: Callable[[Path], Note]) -> Note:
    """What `start` noted of the run's one server; it may write into the folder that it is given."""
    base = temp.getbasetemp()
    # the workers of one run have their folders beside each other
    run = base if WORKER == "alone" else base.parent
    with locked(run / f"{name}.lock"):
        file = run / f"{name}.json"
        if not file.exists():
            # short, and where every user may enter: not in pytest's folder
            folder = Path(tempfile.mkdtemp(prefix=f"tallymark-{name}-", dir="/tmp"))
            file.write_text(json.dumps(_tried(start, folder)))
        noted: Note = json.loads(file.read_text())
    if reason := noted.get("did not start"):
        pytest.fail(f"{name} did not start: {reason}")
    return noted


def keep(folder: Path, command: Sequence[str | Path], env: Mapping[str, str] | None = None) -> int:
    """Start a server whose output goes to `folder/log`, until the run ends; the keeper's pid."""
    run = os.getpid() if WORKER == "alone" else os.getppid()
    with (folder / "log").open("ab") as log:
        keeper = subprocess.Popen(
            [sys.executable, str(KEEPER), str(run), str(folder), *map(str, command)],
            cwd=folder, env={**os.environ, **(env or {})}, stdin=subprocess.DEVNULL,
            stdout=log, stderr=log, start_new_session=True,
        )  # fmt: skip
    keeper.returncode = 0  # it outlives this process: nobody waits for it
    return keeper.pid


def wait(folder: Path, keeper: int, true: Callable[[], bool], seconds: float) -> None:
    """Wait until a server is up. Raises: RuntimeError, with the last lines that it printed."""
    end = time.monotonic() + seconds
    while not true():
        alive = Path(f"/proc/{keeper}").exists()
        if not alive or time.monotonic() > end:
            said = (folder / "log").read_text(errors="replace")[-2000:] if alive else "it ended"
            raise RuntimeError(f"not up after {seconds:.0f} s\n{said}" if alive else said)
        time.sleep(0.1)


def listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


def need(*programs: str) -> None:
    """Skip the test by name where a program is missing."""
    for program in programs:
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")


def cached(name: str, make: Callable[[Path], object]) -> Path:
    """A folder of the cache, made once and whole by whoever comes first."""
    CACHE.mkdir(parents=True, exist_ok=True)
    folder = CACHE / name
    with locked(CACHE / f"{name}.lock"):
        if not folder.exists():
            half = CACHE / f"{name}.half"
            shutil.rmtree(half, ignore_errors=True)
            half.mkdir()
            make(half)
            half.rename(folder)
    return folder


def run(command: Sequence[str | Path], **more: object) -> None:
    """Run a fetching or compiling command to its end. Raises: RuntimeError with what it printed."""
    done = subprocess.run(
        [str(part) for part in command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, check=False, **more,
    )  # type: ignore[call-overload]  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{command[0]} ended with {done.returncode}: {done.stdout[-2000:]}")


@contextlib.contextmanager
def locked(file: Path) -> Iterator[None]:
    with file.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _tried(start: Callable[[Path], Note], folder: Path) -> Note:
    try:
        return start(folder)
    except (RuntimeError, OSError) as error:
        # noted, so that the other workers do not try as long as this one did
        return {"did not start": str(error)}
