"""What was acknowledged is there, and once: after kills, power cuts, a full disk and a stop."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.crash.receive.senders import Senders, stored
from tests.tools import failfs, powercut
from tests.tools.ports import free_port
from tests.tools.procs import Process

SOAK = bool(os.environ.get("SOAK"))
KILLS = 10 if SOAK else 4
CUTS = 5 if SOAK else 3


def receiver(
    home: Path, port: int, log: Path, url: str | None = None, env: Mapping[str, str] | None = None
) -> Process:
    """A receiver in a process of its own, that answers by now."""
    command = [sys.executable, "-m", "tests.contract.receive.served", str(home), str(port)]
    given = dict(env or {}) | ({"DATABASE_URL": url} if url else {})
    started = Process(command, log=log, env=given)
    started.wait_line(r"^http://")
    return started


def check(acknowledged: set[str], rows: list[str]) -> None:
    assert acknowledged - set(rows) == set()
    assert len(rows) == len(set(rows))


def test_a_receiver_that_is_killed_loses_nothing_and_takes_nothing_twice(
    database_url: str | None, home: Path, tmp_path: Path
) -> None:
    seed = random.randrange(10**6)
    moments = random.Random(seed)
    port = free_port()
    with Senders(port, 8) as senders:
        for _ in range(KILLS):
            before = time.monotonic()
            with receiver(home, port, tmp_path / "log", database_url) as running:
                assert time.monotonic() - before < 5, f"seed {seed}"
                time.sleep(moments.uniform(0, 0.8))
                running.kill()
        with receiver(home, port, tmp_path / "log", database_url):
            senders.wait_for(100)
            acknowledged = senders.acknowledged()
    rows = stored(database_url, home)
    assert len(acknowledged) > 100, f"seed {seed}"
    check(acknowledged, rows)


def test_a_receiver_that_is_asked_to_stop_answers_what_it_took(
    database_url: str | None, home: Path, tmp_path: Path
) -> None:
    port = free_port()
    with Senders(port, 16) as senders:
        with receiver(home, port, tmp_path / "log", database_url) as running:
            senders.wait_for(200)
            before = time.monotonic()
            assert running.terminate() == 0
            assert time.monotonic() - before < 10
        acknowledged = senders.acknowledged()
    check(acknowledged, stored(database_url, home))


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[powercut.Disk]:
    with powercut.disk(tmp_path) as made:
        yield made


def lost_at(cuts: int, machine: powercut.Disk, tmp_path: Path, env: Mapping[str, str]) -> int:
    """How many acknowledged lines are not there after power cuts under load, all cuts together."""
    home, port, lost = machine.root / "home", free_port(), 0
    home.mkdir()
    with Senders(port, 8) as senders, receiver(home, port, tmp_path / "log", env=env) as running:
        for _ in range(cuts):
            senders.wait_for(300)
            acknowledged = senders.acknowledged()
            after = machine.cut(running)
            found = _read(after / "home")
            assert len(found) == len(set(found))
            lost += len(acknowledged - set(found))
    return lost


def _read(home: Path) -> list[str]:
    try:
        return stored(None, home)
    except Exception:  # noqa: BLE001 - without its syncs there is no database to open
        return []


def test_a_power_cut_loses_no_acknowledged_line(machine: powercut.Disk, tmp_path: Path) -> None:
    assert lost_at(CUTS, machine, tmp_path, {}) == 0


def test_without_the_sync_a_power_cut_loses_lines(machine: powercut.Disk, tmp_path: Path) -> None:
    """The proof that the test before can fail."""
    shim = failfs.Disk(
        failfs.build(tmp_path), machine.root, tmp_path / "count", drop_sync=True
    ).environment()
    assert lost_at(CUTS, machine, tmp_path, shim) > 0


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "small"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, check=False).returncode:
        pytest.skip("no tmpfs can be mounted here: no full disk can be rehearsed")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_is_503_and_it_goes_on_when_there_is_room(
    small_disk: Path, tmp_path: Path
) -> None:
    home, port, ballast = small_disk / "home", free_port(), small_disk / "ballast"
    home.mkdir()
    with receiver(home, port, tmp_path / "log") as running:
        with Senders(port, 4) as senders:
            senders.wait_for(50)
            with ballast.open("wb") as file:
                try:
                    while True:
                        os.write(file.fileno(), b"\0" * 4096)
                except OSError:
                    pass  # now it is full
            deadline = time.monotonic() + 30
            while 503 not in senders.statuses:
                assert time.monotonic() < deadline, senders.statuses
                time.sleep(0.02)
            ballast.unlink()
            senders.wait_for(200)
            acknowledged = senders.acknowledged()
        assert senders.statuses <= {200, 503}
        assert running.terminate() == 0
    check(acknowledged, stored(None, home))
