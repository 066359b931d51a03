"""A worker that is stopped, taken over and continued commits nothing; the heir does all, once."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest

from tests.crash.conftest import MakeAt, MakeScene, Undisturbed
from tests.crash.program import INSIDE
from tests.crash.scenes import Scene
from tests.crash.test_steps import NTH, STEPS
from tests.postgres import PostgresServer, until
from tests.tools.procs import state

FEW = {
    "series": ["poll.claimed"],
    "paged": ["poll.recorded", "cube.computed"],
    "push": ["flush.archived"],
}
STOPS = STEPS if os.environ.get("SOAK") else FEW


def stopped_at(scene: Scene, step: str, nth: int = 1, **how: Any) -> int:
    """A process that has stopped itself right after a step, outside a transaction."""
    pid = scene.start(step=step, nth=nth, signal=signal.SIGSTOP, **how)
    until(lambda: state(pid) in ("T", "Z"), 60)
    assert state(pid) == "T", f"{step} was not reached\n{scene.logs()}"
    return pid


def continued(scene: Scene, pid: int) -> int:
    os.kill(pid, signal.SIGCONT)
    return scene.zygote.ended(pid)


@pytest.mark.parametrize(
    ("kind", "step"), [(kind, step) for kind, steps in STOPS.items() for step in steps]
)
def test_a_stopped_worker_is_taken_over_and_commits_nothing_when_it_goes_on(
    kind: str, step: str, make_scene: MakeScene, undisturbed: Undisturbed
) -> None:
    expected, answered = undisturbed(kind)
    scene = make_scene(kind)
    stale = stopped_at(scene, step, NTH.get(step, 1) if kind in ("paged", "gauge") else 1)
    assert scene.run() == 0, scene.logs()
    written = scene.written()
    assert scene.outcome() == expected
    assert continued(scene, stale) == 0, scene.logs()
    assert scene.written() == written
    assert scene.outcome() == expected
    if scene.vendor is not None:
        assert scene.vendor.answered() == answered


@pytest.mark.soak
def test_a_worker_that_is_stopped_inside_its_commit_holds_the_others_up_only_for_a_while(
    postgres: PostgresServer, postgres_template: str, make_at: MakeAt, undisturbed: Undisturbed
) -> None:
    """The server ends a transaction that is idle; on SQLite nobody could."""
    expected, answered = undisturbed("gauge")
    scene = make_at("gauge", postgres.url(postgres.create(postgres_template)))
    stale = stopped_at(scene, INSIDE)
    assert scene.run() == 0, scene.logs()
    written = scene.written()
    assert scene.outcome() == expected
    assert continued(scene, stale) == 0, scene.logs()
    assert scene.written() == written
    assert scene.outcome() == expected
    assert scene.vendor is not None
    assert scene.vendor.answered() == answered


@pytest.mark.parametrize("step", ["poll.claimed", "cube.marks_read"])
def test_two_schedulers_of_one_minute_poll_once_and_refresh_once(
    step: str, make_scene: MakeScene, undisturbed: Undisturbed
) -> None:
    """One is stopped past its lease in the middle of its turn, and goes on beside the other."""
    expected, answered = undisturbed("gauge")
    scene = make_scene("gauge")
    stale = stopped_at(scene, step)
    other = scene.start()
    # the other has taken all over, and may be anywhere in it
    until(lambda: max_claim(scene) == 2, 30)
    assert continued(scene, stale) == 0, scene.logs()
    assert scene.zygote.ended(other) == 0, scene.logs()
    assert scene.outcome() == expected
    assert scene.vendor is not None
    assert scene.vendor.answered() == answered
    done = "SELECT kind, subject, count(*) FROM tasks JOIN objects ON objects.id = object_id "
    found = scene.select(done + "WHERE tasks.state = 'done' GROUP BY kind, subject")
    polls = {subject: n for kind, subject, n in found if kind == "collect"}
    assert polls == {"acme/rocket": 1, "acme/launchpad": 1}
    heads, levels = scene.seqs()
    assert heads == levels


def max_claim(scene: Scene) -> int:
    return int(scene.select("SELECT max(claim_no) FROM tasks")[0][0])
