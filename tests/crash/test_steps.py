"""SIGKILL right after every named step of every kind: afterwards nothing is lost or twice."""

from __future__ import annotations

import os
import re

import pytest

from tests.crash.conftest import MakeScene, Undisturbed
from tests.tools.procs import ROOT

POLL = ["poll.claimed", "poll.archived", "poll.recorded", "poll.decoded"]
COMMIT = ["commit.files_written", "commit.committed"]
CUBE = ["cube.marks_read", "cube.computed", "cube.replaced"]
FLUSH = ["flush.stamped", "flush.archived", "flush.committed", "flush.deleted"]
STEPS = {
    "gauge": POLL + COMMIT + CUBE,
    "series": POLL + COMMIT + CUBE,
    "paged": POLL + COMMIT + CUBE,
    "push": FLUSH + COMMIT + CUBE,
}
# every step once; SOAK=1 takes all of each kind
FEW = {"paged": STEPS["paged"], "push": FLUSH}
KILLS = STEPS if os.environ.get("SOAK") else FEW
# killed after in test_reports.py
REPORT = [
    *("report.begun", "report.spooled", "report.backed_up", "report.put"),
    *("report.manifest", "report.swept", "report.noted", "report.query_written"),
]
# a table is made by a commit of its own: the second is the one that brings rows
NTH = {"poll.archived": 2, "poll.recorded": 2}


def test_every_step_that_the_code_names_is_killed_after() -> None:
    named = set()
    for path in (ROOT / "src").rglob("*.py"):
        named |= set(re.findall(r'reached\("([a-z_.]+)"\)', path.read_text()))
    assert named == {step for steps in STEPS.values() for step in steps} | set(REPORT)


@pytest.mark.parametrize(
    ("kind", "step"), [(kind, step) for kind, steps in KILLS.items() for step in steps]
)
def test_a_kill_after_a_step_changes_nothing(
    kind: str,
    step: str,
    make_scene: MakeScene,
    undisturbed: Undisturbed,
) -> None:
    expected, answered = undisturbed(kind)
    scene = make_scene(kind)
    nth = NTH.get(step, 1) if kind in ("paged", "gauge") else 1
    assert scene.run(step=step, nth=nth) == -9, f"{step} was not reached\n{scene.logs()}"
    scene.forget()
    assert scene.run() == 0, scene.logs()
    outcome = scene.outcome()
    assert outcome["rows"] == expected["rows"]
    assert outcome["cubes"] == expected["cubes"]
    assert outcome["ledger"] == expected["ledger"]
    if scene.vendor is not None:
        # each of these steps is after a page's archiving, or before its request
        assert scene.vendor.answered() == answered
