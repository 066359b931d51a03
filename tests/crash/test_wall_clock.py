"""The wall clock is set, an hour back and a day forward, under two `tallymark work`.

Vendors and workers are processes of their own on one wall clock, which is moved while they run; the
monotonic clock runs on. Nothing is read twice, nothing is left out, and no claim changes hands.
"""

from __future__ import annotations

import json
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.crash.scenes import NOW, Scene, Zygote, line
from tests.postgres import until
from tests.services.program import COMMAND
from tests.tools.procs import ROOT, Process
from tests.tools.wallclock import WallClock

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
QUIET_S = 1.5
"""A worker looks every second for what is due."""
TIMEOUT_S = 5.0
N_STREAMS = 3
IDS = {name: f"SELECT id FROM {name} ORDER BY id" for name in ("tasks", "calls", "batches")}


def on(day: int, hour: int) -> datetime:
    """Some seconds after a full hour of November."""
    return datetime(2026, 11, day, hour, 0, 2, tzinfo=UTC)


class Vendor:
    """A simulated vendor on the test's wall clock."""

    def __init__(self, name: str, folder: Path, clock: WallClock) -> None:
        self._log = folder / f"{name}.log"
        command = [sys.executable, "-m", f"tallymark.demo.vendors.{name}", "--log", self._log]
        self.process = Process(command, log=folder / f"{name}.out", env=clock.env, cwd=ROOT)
        self.url = ""

    def started(self) -> str:
        self.url = self.process.wait_line(r"^(http://\S+)$", 90)
        return self.url

    def control(self, **command: Any) -> None:
        body, head = json.dumps(command).encode(), {"content-type": "application/json"}
        request = urllib.request.Request(f"{self.url}/_control", body, head)
        urllib.request.urlopen(request, timeout=10).close()

    @property
    def asked(self) -> int:
        return len(self._calls("start"))

    @property
    def answered(self) -> int:
        return sum(call["status"] in (200, 304) for call in self._calls("end"))

    def _calls(self, event: str) -> list[dict[str, Any]]:
        """One a reading: github is asked for two things, and the first has this end."""
        lines = self._log.read_text().splitlines(keepends=True) if self._log.exists() else []
        found = [json.loads(text) for text in lines if text.endswith("\n")]
        return [e for e in found if e["event"] == event and e["path"].endswith("/rocket")]


class World:
    """Two vendors, two workers, one wall clock."""

    def __init__(self, scene: Scene, folder: Path, running: ExitStack) -> None:
        self.scene, self.clock = scene, WallClock(folder, NOW)
        self.github, self.npm = (Vendor(name, folder, self.clock) for name in ("github", "npm"))
        running.enter_context(self.github.process)
        running.enter_context(self.npm.process)
        urls = {"GITHUB_URL": self.github.started(), "NPM_URL": self.npm.started()}
        allowed = ",".join(url.removeprefix("http://") for url in urls.values())
        self.env = scene.env | urls | self.clock.env | {"TALLYMARK_ALLOW_ADDRESSES": allowed}
        self.env |= {"TALLYMARK_FLUSH_S": "1", "TALLYMARK_CLAIM_TIMEOUT_S": str(TIMEOUT_S)}
        self.sent = 0
        self.known: dict[str, list[int]] = {name: [] for name in IDS}
        command = [COMMAND, "work", "--home", scene.home, "--workspace", scene.workspace]
        logs = [folder / f"work-{n}.log" for n in (1, 2)]
        workers = [Process(command, log=log, env=self.env) for log in logs]
        for worker in workers:
            running.enter_context(worker)
        for worker in workers:
            worker.wait_line("working", 90)

    def push(self) -> None:
        """Two lines that are acknowledged now."""
        now = self.clock.now()
        body = b"\n".join(line(n, now) for n in (self.sent, self.sent + 1)) + b"\n"
        self.scene.push(now, body)
        self.sent += 2

    def comes_to(self, *, github: int, npm: int) -> None:
        """The vendors have been asked so often, all is rolled up, and nothing more is asked."""

        def answered() -> dict[str, int]:
            return {"github": self.github.answered, "npm": self.npm.answered}

        wanted = {"github": github, "npm": npm}
        until(lambda: answered() == wanted and self._settled(), 60)
        time.sleep(QUIET_S)
        assert answered() == wanted
        self._numbers_have_grown()

    def _settled(self) -> bool:
        cubes = self.scene.select(
            "SELECT DISTINCT object_id FROM tasks JOIN objects ON objects.id = object_id "
            "WHERE kind = 'cube' AND tasks.state = 'done'"
        )
        if len(cubes) < N_STREAMS or len(self.requests()) < self.sent:
            return False
        heads, levels = self.scene.seqs()
        waiting = self.scene.select("SELECT id FROM tasks WHERE state IN ('running', 'waiting')")
        return not waiting and heads == levels

    def requests(self) -> list[str]:
        return [row["id"] for row in self.scene.table() if "visitor" in row]

    def _numbers_have_grown(self) -> None:
        """Whatever was numbered since the last look has a higher number than all before."""
        for name, query in IDS.items():
            before, self.known[name] = self.known[name], [n for (n,) in self.scene.select(query)]
            assert self.known[name][: len(before)] == before, name

    def covered(self, source: str) -> list[tuple[Any, ...]]:
        """The stretches of a source's only subject: they follow each other without a gap."""
        found = self.scene.select(
            "SELECT c.start_at, c.end_at, c.state FROM coverage c "
            "JOIN objects o ON o.id = c.object_id "
            f"WHERE o.source = '{source}' AND o.kind = 'collect' ORDER BY c.start_at"
        )
        assert all(a[1] == b[0] for a, b in pairwise(found))
        return found

    def nothing_is_there_twice(self) -> None:
        rows = self.scene.table()
        days = [row["ts"] for row in rows if "downloads" in row]
        assert sorted(days) == [datetime(2026, 11, day, tzinfo=UTC) for day in range(15, 21)]
        assert Counter(self.requests()) == {f"r{n}": 1 for n in range(self.sent)}
        assert self.scene.select("SELECT DISTINCT claim_no, deaths FROM tasks") == [(1, 0)]
        assert self.scene.select("SELECT last_error FROM objects WHERE last_error > ''") == []

    def read_in(self) -> list[datetime]:
        """The hours that hold a reading of the gauge, one for each."""
        found = [row["ts"] for row in self.scene.table() if "stars" in row]
        return sorted(at.replace(minute=0, second=0, microsecond=0) for at in found)


@pytest.fixture
def world(database_url: str | None, home: Path, tmp_path: Path, zygote: Zygote) -> Iterator[World]:
    with ExitStack() as running:
        yield World(Scene("clocks", home, database_url, zygote), tmp_path, running)


@pytest.mark.soak
def test_a_clock_that_is_set_back_and_forward_leaves_nothing_out_and_reads_nothing_twice(
    world: World,
) -> None:
    world.push()
    world.comes_to(github=1, npm=1)
    world.clock.set(on(20, 10))
    world.push()
    world.comes_to(github=2, npm=1)

    # an hour back: this hour was read already, and the next one too when it comes again
    world.clock.step(-HOUR)
    world.push()
    world.comes_to(github=2, npm=1)
    world.clock.set(on(20, 10))
    world.comes_to(github=2, npm=1)

    # while a request waits for its answer: its claim stays where it is
    world.github.control(fault={"kind": "slow", "seconds": TIMEOUT_S + 1, "times": 1})
    world.clock.set(on(20, 11))
    until(lambda: world.github.asked == 3, 30)
    world.clock.step(-HOUR)
    time.sleep(QUIET_S)
    world.clock.step(HOUR + DAY)
    world.push()
    # the reading was taken on the next day, and stands for an hour of it
    world.comes_to(github=3, npm=2)

    world.nothing_is_there_twice()
    hours = [(20, 9), (20, 10), (21, 11)]
    assert world.read_in() == [datetime(2026, 11, d, h, tzinfo=UTC) for d, h in hours]
    states = [state for _, _, state in world.covered("github")]
    assert states == ["missing", "final", "missing", "final"]
    assert len(world.covered("npm")) == 1
