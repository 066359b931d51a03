"""Several workers share the work, by spans; one of them dies."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from datetime import UTC, date, datetime

from tallymark.demo.vendors.memory import MemoryWorld
from tests.crash.conftest import MakeScene, Undisturbed
from tests.crash.scenes import NOW, SUBJECTS, Scene
from tests.postgres import until

PACKAGES = [f"package-{n:03}" for n in range(SUBJECTS)]
DAYS = [date(2026, 11, 18), date(2026, 11, 19)]
THREADS = 4


def test_two_workers_share_many_subjects_and_one_dies(make_scene: MakeScene) -> None:
    scene = make_scene("many")
    assert scene.vendor is not None
    scene.env["TALLYMARK_CLAIM_TIMEOUT_S"] = "2"
    since_s = time.time()
    one, other = (scene.start(stay=True, since_s=since_s) for _ in range(2))
    until(lambda: done(scene) >= len(PACKAGES) // 3, 100)
    scene.zygote.kill(one)
    until(lambda: done(scene) == len(PACKAGES) and level(scene), 180)
    os.kill(other, signal.SIGTERM)
    assert scene.zygote.ended(other) == 0, scene.logs()

    found = Counter((row["package"], row["ts"], row["downloads"]) for row in scene.table())
    world = MemoryWorld(seeded=True)
    assert found == Counter(
        (package, at_midnight(day), world.downloads(package, day, NOW))
        for package in PACKAGES
        for day in DAYS
    )
    asked = Counter(call["path"] for call in scene.vendor.calls() if call["event"] == "start")
    assert len(asked) == len(PACKAGES)
    # at most what the dead one had in flight
    assert asked.total() <= len(PACKAGES) + THREADS
    owners = scene.select("SELECT DISTINCT owner FROM tasks")
    assert len(owners) == 2, "one of them did nothing"
    kept = scene.cubes()
    assert scene.run() == 0, scene.logs()
    assert scene.cubes() == kept


def test_processes_that_start_at_once_on_an_empty_database_share_the_work(
    make_scene: MakeScene, undisturbed: Undisturbed
) -> None:
    expected, answered = undisturbed("two")
    scene = make_scene("two")
    assert scene.vendor is not None
    running = [scene.start() for _ in range(3)]
    assert [scene.zygote.ended(pid) for pid in running] == [0, 0, 0], scene.logs()
    assert scene.outcome() == expected
    assert scene.vendor.answered() == answered


def at_midnight(day: date) -> datetime:
    return datetime.combine(day, datetime.min.time(), UTC)


def done(scene: Scene) -> int:
    query = (
        "SELECT count(DISTINCT o.id) FROM tasks t JOIN objects o ON o.id = t.object_id"
        " WHERE o.kind = 'collect' AND t.state = 'done'"
    )
    return int(scene.select(query)[0][0])


def level(scene: Scene) -> bool:
    """Whether no work is open, and the cube holds all that is committed."""
    if scene.select("SELECT id FROM tasks WHERE state IN ('running', 'waiting')"):
        return False
    heads, levels = scene.seqs()
    return heads == levels
