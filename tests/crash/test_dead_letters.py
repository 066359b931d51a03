"""A task that kills its process is given up on after its attempts, visibly, and can be retried."""

from __future__ import annotations

import os

from sqlalchemy import text

from tallymark.ledger import objects
from tallymark.ledger.claim import MAX_DEATHS
from tallymark.state.database import writing
from tallymark.wiring.health import status
from tests.crash.conftest import MakeScene, Undisturbed
from tests.crash.scenes import NOW, Scene

SOAK = bool(os.environ.get("SOAK"))


def test_a_task_that_kills_its_process_is_a_dead_letter_until_somebody_retries_it(
    make_scene: MakeScene, undisturbed: Undisturbed
) -> None:
    expected, answered = undisturbed("series")
    scene = make_scene("series")
    assert scene.vendor is not None
    for death in range(MAX_DEATHS if SOAK else 2):
        assert scene.run(step="poll.claimed") == -9, scene.logs()
        if not SOAK and death == 0:
            # as if it had died before: each death costs a start and, on PostgreSQL, a time-out
            died_before(scene, MAX_DEATHS - 2)
    assert scene.run() == 0, scene.logs()
    (dead,) = entries(scene)
    assert (dead["subject"], dead["state"]) == ("rocket", "failing")
    assert "died 5 times" in str(dead["last_error"])
    assert "tallymark backfill" in str(dead["advice"])
    assert scene.select("SELECT state FROM coverage") == [("failed",)]
    # it is not asked again by itself
    assert scene.run() == 0, scene.logs()
    assert scene.vendor.answered() == 0

    with scene.databases() as databases, writing(databases.control) as tx:
        found = objects.load(tx, kind="collect")
        objects.retry(tx, found[0].id, NOW)
    assert scene.run() == 0, scene.logs()
    assert scene.outcome() == expected
    assert scene.vendor.answered() == answered


def died_before(scene: Scene, times: int) -> None:
    with scene.databases() as databases, writing(databases.control) as tx:
        running = "UPDATE tasks SET deaths = :n WHERE state = 'running'"
        assert tx.execute(text(running), {"n": times}).rowcount == 1


def entries(scene: Scene) -> list[dict[str, object]]:
    """What `tallymark status` shows."""
    with scene.databases() as databases:
        return status(databases.control)
