"""A power cut: what the ledger names is whole on the disk; without the syncs it is not."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.conftest import Undisturbed
from tests.crash.durability.conftest import MakeHome, stands
from tests.crash.durability.whole import damage_after_cut, kept
from tests.tools import failfs, powercut

CUTS = 5 if os.environ.get("SOAK") else 2
# the youngest files are those of the step that a job stands at: every second page, every batch
PAGES = {"step": "poll.recorded", "nth": 2}
TABLES = {"step": "commit.committed", "nth": 1}


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[powercut.Disk]:
    with powercut.disk(tmp_path) as made:
        yield made


def run_through_cuts(
    machine: powercut.Disk, paged_in: MakeHome, step: dict[str, object], log: Path, **env: str
) -> tuple[list[str], Path]:
    """The damage of all cuts, each at a step; and the disk of the last one."""
    home = machine.root / "home"
    home.mkdir(exist_ok=True)
    scene = paged_in(home)
    scene.env |= env
    how = {"signal": signal.SIGSTOP, "again": True, "log": str(log)}
    job = scene.start(**step, **how)
    found, after = [], None
    for n in range(CUTS):
        stands(job)
        before = kept(home)
        assert before.pages
        after = machine.cut()
        found += damage_after_cut(before, after / "home", home)
        if n < CUTS - 1:
            os.kill(job, signal.SIGCONT)
    scene.zygote.kill(job)
    assert after is not None
    return found, after


@pytest.mark.parametrize("step", [PAGES, TABLES], ids=["pages", "tables"])
def test_what_is_committed_survives_a_power_cut_and_the_work_goes_on(
    step: dict[str, object],
    machine: powercut.Disk,
    paged_in: MakeHome,
    undisturbed: Undisturbed,
    tmp_path: Path,
) -> None:
    found, after = run_through_cuts(machine, paged_in, step, tmp_path / "log")
    assert found == []
    machine.put_in_place(after)
    scene = paged_in(machine.root / "home")
    assert scene.run() == 0, scene.logs()
    assert scene.outcome() == undisturbed("paged")[0]


@pytest.mark.parametrize(
    ("step", "folder", "damaged"),
    [
        (PAGES, "lake", "page archive/paged/records/"),
        (TABLES, "lake/tables", "paged.records: "),
        (TABLES, "lake/tables/paged/records/data", "paged.records: "),
    ],
    ids=["pages", "tables", "data files"],
)
def test_without_the_sync_of_its_files_a_power_cut_damages_the_lake(
    step: dict[str, object],
    folder: str,
    damaged: str,
    machine: powercut.Disk,
    paged_in: MakeHome,
    shim: Path,
    tmp_path: Path,
) -> None:
    """The proof that the test before can fail; the databases are synced here."""
    files = machine.root / "home" / folder
    files.mkdir(parents=True)
    disk = failfs.Disk(shim, files, tmp_path / "count", drop_sync=True)
    found, _ = run_through_cuts(machine, paged_in, step, tmp_path / "log", **disk.environment())
    assert [line for line in found if line.startswith(damaged)] != []
    assert [line for line in found if "lost" in line] == []
