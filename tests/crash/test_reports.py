"""SIGKILL right after every step of a report's run: each file once, right, none torn.

The first run of a date is killed, and so is its regeneration, after the data were restated, one
group is no more and another one is new: whoever reads sees the old run or the new one, whole, and
the old one is kept.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pytest

from tests.crash.conftest import MakeScene
from tests.crash.scenes import NOW, Scene
from tests.crash.test_steps import REPORT
from tests.crash.test_takeover import continued, stopped_at
from tests.report_world import (
    GROUPED,
    PLAIN,
    QUERY,
    Expected,
    Tree,
    configure_one,
    read,
    regenerate,
    tree,
    wrong_for_readers,
)
from tests.servers.standin_data import Data

SOAK = bool(os.environ.get("SOAK"))
DAYS = [date(2026, 11, 18), date(2026, 11, 19)][0 if SOAK else 1 :]
TO_AT = NOW.replace(hour=0, minute=0)
OLD = Data(TO_AT, without=["d 1"])
NEW = Data(TO_AT, without=["d3"], plus=5)
LAST_PUT = 3
"""Of a run of the grouped report."""


@dataclass
class Reports:
    """A scene with one of the two reports."""

    scene: Scene
    report_id: str

    def first(self) -> None:
        self.show(OLD)
        with self.scene.databases() as databases:
            configure_one(databases, self.report_id, DAYS[0], NOW)

    def again(self) -> None:
        """The data are restated, and somebody wants the dates anew."""
        self.show(NEW)
        with self.scene.databases() as databases:
            regenerate(databases, NOW, self.report_id)

    def show(self, data: Data) -> None:
        """From now on Druid has these."""
        assert self.scene.vendor is not None
        self.scene.vendor.control(set={"without": data.without, "plus": data.plus})

    def objects(self) -> Tree:
        return tree(self.scene.home / "lake" / "reports")

    def check_first(self) -> None:
        assert read(self.objects()) == self.after_first()
        assert json.loads(self.objects()[f"{self.report_id}.query.json"]) == QUERY
        self.check_history(1)

    def check_again(self) -> None:
        assert read(self.objects()) == self.after_first().again(self.report_id, DAYS, OLD, NEW, 1)
        self.check_history(2)

    def after_first(self) -> Expected:
        return Expected().once(self.report_id, DAYS, OLD)

    def check_history(self, revisions: int) -> None:
        """Each revision of each date once, all of them made; what is present is the newest."""
        runs = self.scene.select(
            "SELECT end_on, revision, state, open FROM report_runs ORDER BY end_on, revision"
        )
        wanted = [(str(day), n + 1, "SUCCESS", 0) for day in DAYS for n in range(revisions)]
        assert runs == wanted
        files = self.scene.select(
            "SELECT path FROM report_files JOIN report_runs ON report_runs.id = run_id "
            f"WHERE present = 1 AND revision = {revisions} ORDER BY path"
        )
        there = [path for path in sorted(self.objects()) if self._is_of_a_run(path)]
        assert [path for (path,) in files] == there
        assert not self.scene.select("SELECT id FROM tasks WHERE state IN ('running', 'waiting')")

    def _is_of_a_run(self, path: str) -> bool:
        return not path.startswith("backup/") and not path.endswith(".query.json")

    def check_whole(self, *versions: Data) -> None:
        """As the killed process has left it."""
        assert list(wrong_for_readers(self.report_id, self.objects(), DAYS, *versions)) == []


MakeReports = Callable[[str], Reports]


@pytest.fixture
def make_reports(make_scene: MakeScene) -> MakeReports:
    return lambda report_id: Reports(make_scene("report"), report_id)


KILLS = [(GROUPED, step, 1) for step in REPORT] + [(GROUPED, "report.put", LAST_PUT)]
if SOAK:
    KILLS += [(GROUPED, "report.put", n) for n in range(2, LAST_PUT)]
    KILLS += [(PLAIN, step, 1) for step in REPORT if step != "report.manifest"]


@pytest.mark.parametrize(("report_id", "step", "nth"), KILLS)
def test_a_kill_after_a_step_of_a_report_leaves_each_file_once_and_right(
    report_id: str, step: str, nth: int, make_reports: MakeReports
) -> None:
    reports = make_reports(report_id)
    scene = reports.scene
    reports.first()
    assert scene.run(step=step, nth=nth) == -9, f"{step} was not reached\n{scene.logs()}"
    reports.check_whole(OLD)
    scene.forget()
    assert scene.run() == 0, scene.logs()
    reports.check_first()
    reports.again()
    again = scene.run(step=step, nth=nth)
    # the query is written when a report is changed, which this one was not
    assert again == (0 if step == "report.query_written" else -9), scene.logs()
    reports.check_whole(OLD, NEW)
    scene.forget()
    assert scene.run() == 0, scene.logs()
    reports.check_again()


TWICE = REPORT if SOAK else ["report.put"]


@pytest.mark.parametrize("step", TWICE)
def test_two_workers_that_die_at_the_same_step_leave_it_to_a_third(
    step: str, make_reports: MakeReports
) -> None:
    reports = make_reports(GROUPED)
    scene = reports.scene
    reports.first()
    pids = [scene.start(step=step), scene.start(step=step)]
    codes = [scene.zygote.ended(pid) for pid in pids]
    assert -9 in codes, scene.logs()
    assert set(codes) <= {0, -9}, scene.logs()
    reports.check_whole(OLD)
    assert scene.run() == 0, scene.logs()
    reports.check_first()


FEW = ["report.put", "report.manifest"]
# whoever is stopped after its last steps has done all of a run
STOPS = REPORT[:-2] if SOAK else FEW


@pytest.mark.parametrize("step", STOPS)
def test_a_stopped_worker_that_goes_on_beside_its_heir_writes_over_nothing(
    step: str, make_reports: MakeReports
) -> None:
    """What it has spooled was right when it asked, and is none of the report's files any more."""
    reports = make_reports(GROUPED)
    scene = reports.scene
    reports.first()
    assert scene.run() == 0, scene.logs()
    reports.again()
    # the data are restated once more after it has asked
    reports.show(Data(plus=99))
    stale = stopped_at(scene, step)
    reports.show(NEW)
    assert scene.run() == 0, scene.logs()
    reports.check_again()
    before = reports.objects()
    assert continued(scene, stale) == 0, scene.logs()
    assert reports.objects() == before
    reports.check_again()


def test_what_a_revision_put_before_it_failed_for_good_goes_with_the_next(
    make_reports: MakeReports,
) -> None:
    """It was killed after its puts, one of a new group; then its query was refused."""
    reports = make_reports(GROUPED)
    scene, vendor = reports.scene, reports.scene.vendor
    assert vendor is not None
    reports.first()
    assert scene.run() == 0, scene.logs()
    reports.again()
    assert scene.run(step="report.put", nth=LAST_PUT) == -9, scene.logs()
    vendor.control(fault={"kind": "status", "status": 400, "of": '"queryType"'})
    assert scene.run() == 0, scene.logs()
    assert scene.select("SELECT DISTINCT state FROM report_runs WHERE revision = 2") == [
        ("FAILED",)
    ]
    reports.check_whole(OLD)
    vendor.control(clear=True)
    # the next has not that group; a later one has, and the one after that keeps its backup
    expected, before = reports.after_first(), OLD
    for revision, data in ((1, Data(TO_AT, ["d 1"], 9)), (3, NEW), (4, Data(TO_AT, ["d 1"], 7))):
        reports.show(data)
        with scene.databases() as databases:
            regenerate(databases, NOW, GROUPED)
        assert scene.run() == 0, scene.logs()
        expected.again(GROUPED, DAYS, before, data, revision)
        assert read(reports.objects()) == expected
        before = data


def test_who_goes_on_too_late_takes_nothing_away_from_its_heir(make_reports: MakeReports) -> None:
    """Both have their scratch files on the same disk."""
    reports = make_reports(PLAIN)
    scene = reports.scene
    reports.first()
    patient = scene.env | {"TALLYMARK_CLAIM_TIMEOUT_S": "60"}
    stale = stopped_at(scene, "report.spooled", env=patient)
    heir = stopped_at(scene, "report.spooled")
    spooled = scratch_files(scene)
    os.kill(stale, signal.SIGCONT)
    time.sleep(1)  # it finds that it was taken over, and says so to nobody
    assert set(scratch_files(scene)) & set(spooled)
    assert continued(scene, heir) == 0, scene.logs()
    assert scene.zygote.ended(stale) == 0, scene.logs()
    reports.check_first()
    assert set(scene.select("SELECT attempts FROM report_runs")) == {(1,)}


def scratch_files(scene: Scene) -> list[Path]:
    return [path for path in (scene.home / "scratch").rglob("*") if path.is_file()]
