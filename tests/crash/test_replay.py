"""A replay that is killed in the middle is taken over, and ends as if nothing had been."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from sqlalchemy import select

from tallymark.state.database import reading
from tallymark.state.schema import tasks
from tallymark_paged.vendor import PagedVendor, Records
from tests.story.installation import Installation, StoryClock
from tests.story.test_lost_lake import lose_the_lake
from tests.tools.procs import ROOT, environment

NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
DAYS = (date(2026, 11, 17), date(2026, 11, 19))
WORKSPACE = """
sources:
  paged:
    connector: paged
    base_url: ${PAGED}
    streams:
      records: {subjects: [acme], start: 2026-11-17}
metrics:
  total: {stream: paged.records, measure: sum(value)}
"""
# one batch's rows at once, so that a replay is several commits
BATCH_ROWS = 700
KILLED = """
import os, signal, sys
from datetime import datetime
from pathlib import Path
from tallymark.config import load as settings
from tallymark.connectors import discover
from tallymark.definitions.workspace import load
from tallymark.ledger import objects
from tallymark.state.database import reading
from tallymark.wiring.node import Node
from tests.story.installation import StoryClock

seen = []
def reached(step):
    seen.append(step)
    if seen.count(sys.argv[3]) == int(sys.argv[4]):
        os.kill(os.getpid(), signal.SIGKILL)

home, now = Path(sys.argv[1]), datetime.fromisoformat(sys.argv[2])
node = Node(settings(os.environ, home=home), load(home / "workspace", discover()), os.environ,
            StoryClock(now), reached=reached, batch_rows=700)
with reading(node.databases.control) as conn:
    (found,) = objects.load(conn, kind="collect")
# only the rows' commits count, not the one that makes the table
node.prepare()
seen.clear()
node.replay.object(found)
"""


@pytest.fixture
def installation(home: Path, database_url: str | None) -> Iterator[Installation]:
    clock = StoryClock(NOW)
    vendor = PagedVendor(Records(per_day=900, pages=12), clock)
    made = Installation(home, database_url, clock, WORKSPACE, {"PAGED": vendor})
    short(made)
    yield made
    made.close()


def short(installation: Installation) -> None:
    """Small batches, and a short time-out, for the node that has just started."""
    node = installation.running
    node.batch_rows = BATCH_ROWS
    node.config = replace(node.config, beat_s=0.2, claim_timeout_s=1)


def rows(installation: Installation) -> list[str]:
    found = installation.rows("paged.records")
    return sorted(str(sorted(row.items())) for row in found if row.pop("_ingested_at"))


def killed(installation: Installation, step: str, nth: int) -> None:
    arguments = [str(installation.home), NOW.isoformat(), step, str(nth)]
    path = f"{ROOT / 'src'}:{ROOT}:{ROOT / 'tests/paged'}"
    done = subprocess.run(
        [sys.executable, "-c", KILLED, *arguments],
        env=environment({**installation.env, "PYTHONPATH": path}),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr


def test_a_killed_replay_is_taken_over_and_done(installation: Installation) -> None:
    installation.work()
    before, shown = rows(installation), installation.days("total", *DAYS)
    calls = len(installation.vendors["PAGED"].calls())
    assert len({row["_batch"] for row in installation.rows("paged.records")}) > 2
    lose_the_lake(installation)
    if installation.database_url is None:
        # a person began it: it goes on though its object is paused
        installation.workspace = WORKSPACE.replace("2026-11-17}", "2026-11-17, paused: acme}")
    installation.start()
    installation.stop()

    killed(installation, "commit.committed", 2)
    installation.start()
    short(installation)
    some = len(installation.rows("paged.records"))
    assert 0 < some < len(before)
    installation.work()

    assert rows(installation) == before
    assert installation.days("total", *DAYS) == shown
    assert len(installation.vendors["PAGED"].calls()) == calls
    with reading(installation.running.databases.control) as conn:
        task = conn.execute(select(tasks).where(tasks.c.note == "replay")).one()
    assert (task.state, task.claim_no, task.deaths) == ("done", 2, 1)
