"""A disk that is full, during a commit and during upkeep: said aloud, nothing torn, made good."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tallymark.lake.catalog import open_catalog
from tests.crash.conftest import Undisturbed
from tests.crash.durability.conftest import MakeHome, stands
from tests.crash.durability.faults import waits_are_over
from tests.crash.durability.whole import damage, kept
from tests.crash.scenes import Scene

FULL = "No space left on device"
SAID = "records acme: the database is away: (sqlite3.OperationalError) database or disk is full"


@dataclass(frozen=True)
class SmallDisk:
    root: Path

    def fill(self) -> None:
        with (self.root / "ballast").open("wb", buffering=0) as file:
            for size in (1 << 16, 1):
                try:
                    while file.write(b"\0" * size) == size:
                        pass
                except OSError:
                    continue

    def make_room(self) -> None:
        (self.root / "ballast").unlink()


@pytest.fixture
def small(tmp_path: Path) -> Iterator[SmallDisk]:
    root = tmp_path / "small"
    root.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(root)]
    if os.geteuid() != 0 or subprocess.run(command, check=False).returncode:
        pytest.skip("no tmpfs can be mounted here: no full disk can be rehearsed")
    yield SmallDisk(root)
    subprocess.run(["umount", "-l", str(root)], check=True)


def stopped(scene: Scene, step: str, nth: int, log: Path) -> int:
    """A job that stands after a step."""
    job = scene.start(step=step, nth=nth, signal=signal.SIGSTOP, log=str(log))
    stands(job)
    return job


def failing(scene: Scene) -> list[tuple[str, str]]:
    return [
        (str(kind), str(error))
        for kind, error in scene.select(
            "SELECT kind, last_error FROM objects WHERE last_error IS NOT NULL"
        )
    ]


def compactions(scene: Scene) -> int:
    with scene.databases() as databases:
        catalog = open_catalog(databases.control, scene.home / "lake" / "tables")
        snapshots = catalog.load_table("paged.records").metadata.snapshots
    kinds = [snapshot.summary and snapshot.summary["tallymark.kind"] for snapshot in snapshots]
    return kinds.count("compact")


@pytest.mark.parametrize(
    ("step", "nth", "kinds"),
    [("poll.decoded", 1, {"collect"}), ("commit.committed", 3, {"maintain"})],
    ids=["commit", "upkeep"],
)
def test_a_full_lake_is_said_on_the_object_and_the_work_goes_on_when_there_is_room(
    step: str,
    nth: int,
    kinds: set[str],
    small: SmallDisk,
    home: Path,
    paged_in: MakeHome,
    undisturbed: Undisturbed,
    tmp_path: Path,
) -> None:
    expected, asked = undisturbed("paged")
    lake = small.root / "lake"
    scene = paged_in(home)
    scene.env["TALLYMARK_LAKE_URL"] = str(lake)
    job = stopped(scene, step, nth, tmp_path / "log")
    small.fill()
    os.kill(job, signal.SIGCONT)
    assert scene.zygote.ended(job) == 0, scene.logs()
    found = failing(scene)
    assert {kind for kind, _ in found} == kinds
    assert compactions(scene) == 0
    assert all(FULL in error and str(lake) in error for _, error in found), found
    assert damage(home, lake) == []
    small.make_room()
    waits_are_over(scene)
    assert scene.run() == 0, scene.logs()
    assert scene.outcome() == expected
    assert scene.vendor is not None
    assert scene.vendor.answered() == asked
    assert "maintain" not in kinds or compactions(scene) > 0
    assert damage(home, lake) == []


def test_a_full_home_is_waited_out_by_the_process_itself(
    small: SmallDisk, paged_in: MakeHome, undisturbed: Undisturbed, tmp_path: Path
) -> None:
    """Here even the failure cannot be written down: the log says it."""
    expected, asked = undisturbed("paged")
    home, log = small.root / "home", tmp_path / "log"
    scene = paged_in(home)
    job = stopped(scene, "poll.decoded", 2, log)
    before = kept(home)
    assert before.rows
    small.fill()
    os.kill(job, signal.SIGCONT)
    deadline = time.monotonic() + 30
    while SAID not in log.read_text():
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)
    # the process tries again, and again in vain
    time.sleep(1)
    assert kept(home) == before
    assert damage(home, home / "lake") == []
    small.make_room()
    assert scene.zygote.ended(job) == 0, scene.logs()
    assert scene.outcome() == expected
    assert scene.vendor is not None
    assert scene.vendor.answered() == asked
