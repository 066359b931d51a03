"""Reports after an outage: a week without the program, three days without Druid.

Who asked for what is counted by the stand-in of Druid's own log.
"""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from datetime import UTC, date, datetime
from itertools import pairwise
from typing import Any

import pytest
from sqlalchemy import text

from tallymark.state.database import reading
from tests.report_world import GROUPED, PLAIN, configure, files_of, read, spec, tree
from tests.servers.standin import StandIn, asked
from tests.servers.standin_data import Data
from tests.story.installation import DAY, HOUR, Installation, MakeInstallation, StoryClock

WORKSPACE = """
engines:
  druid: {broker: "${DRUID}", coordinator: "${DRUID}"}
"""
START = datetime(2026, 11, 10, 2, tzinfo=UTC)  # half past seven in Kolkata
FIRST = date(2026, 11, 9)
MANY = 200 if os.environ.get("SOAK") else 12


@pytest.fixture
def druid() -> StandIn:
    return StandIn()


@pytest.fixture
def installation(make_installation: MakeInstallation, druid: StandIn) -> Installation:
    # it has all events up to the second that the program's clock shows
    clock = StoryClock(START)
    druid.data = Following(clock)
    return make_installation(clock, WORKSPACE, {"DRUID": druid})


class Following(Data):
    """Events up to now, and segments of the days of UTC that have ended."""

    def __init__(self, clock: StoryClock) -> None:
        self._clock = clock
        super().__init__()

    def __getattribute__(self, name: str) -> Any:
        return (
            super().__getattribute__("_clock").at
            if name == "to_at"
            else super().__getattribute__(name)
        )


def test_after_a_week_without_the_program_each_pending_date_is_made_once_oldest_first(
    installation: Installation, druid: StandIn, capsys: pytest.CaptureFixture[str]
) -> None:
    names = [f"report-{n:03}" for n in range(MANY)]
    for name in names:
        configure(installation.running.databases, name, spec(name, FIRST), installation.clock.at)
    installation.work()
    installation.stop()
    before = len(druid.log.entries)
    installation.clock.at += 7 * DAY
    installation.start()
    began_s = time.monotonic()
    installation.running.worker.run_until_idle(600)
    took_s = time.monotonic() - began_s

    entries = druid.log.entries[before:]
    requests = [entry for entry in entries if entry["event"] == "start"]
    days = [FIRST + DAY * n for n in range(1, 8)]
    intervals = Counter(entry["interval"] for entry in asked(entries))
    assert set(intervals.values()) == {MANY}
    assert len(intervals) == 7
    with capsys.disabled():
        sys.stdout.write(
            f"\n{MANY} reports x 7 days: {took_s:.1f} s, {len(requests)} requests, "
            f"{len(asked(entries))} of them queries\n"
        )
    for name in names:
        ended = select(
            installation,
            f"SELECT end_on, state, attempts, ended_at FROM report_runs WHERE report_id = '{name}' "
            "ORDER BY id",
        )
        assert [(on, state, n) for on, state, n, _ in ended] == [
            (str(day), "SUCCESS", 1) for day in [FIRST, *days]
        ]
    in_order(installation, names)
    assert read_files(installation) == {
        path: rows
        for name in names
        for day in [FIRST, *days]
        for path, rows in files_of(name, day, druid.data).items()
    }


def in_order(installation: Installation, names: list[str]) -> None:
    """Each report's tasks, as the ledger numbered them, go from the oldest date to the newest."""
    found = select(
        installation,
        "SELECT o.source, t.end_at FROM tasks t JOIN objects o ON o.id = t.object_id "
        "WHERE t.end_at IS NOT NULL ORDER BY t.id",
    )
    for name in names:
        mine = [end_at for source, end_at in found if source == name]
        assert len(mine) == 8
        assert all(earlier < later for earlier, later in pairwise(mine))


def test_after_three_days_without_druid_all_that_was_due_is_there_and_nobody_did_anything(
    installation: Installation, druid: StandIn
) -> None:
    for name, more in ((PLAIN, {}), (GROUPED, {"group_by": ("device",)})):
        of = spec(name, FIRST, **more)
        configure(installation.running.databases, name, of, installation.clock.at)
    installation.work()
    assert states(installation) == {"SUCCESS": 2}
    gone = installation.clock.at
    druid.stop()
    installation.work_until(gone + 3 * DAY, 2 * HOUR)
    # the first two dates are past their deadline, which was said once; the third is not
    assert states(installation) == {"SUCCESS": 2, "FAILED": 4, "SUBMITTED": 2}
    late = select(
        installation,
        "SELECT attempts, error, advice, waits_for FROM report_runs WHERE state = 'FAILED'",
    )
    for attempts, error, advice, waits_for in late:
        assert attempts == 0
        assert "deadline" in error
        assert advice
        assert waits_for
    druid.start()
    installation.work_until(gone + 3 * DAY + 2 * HOUR, HOUR)
    assert states(installation) == {"SUCCESS": 8}
    days = [FIRST + DAY * n for n in range(4)]
    intervals = Counter(entry["interval"] for entry in druid.asked())
    assert sorted(intervals.values()) == [2] * 4
    wanted: dict[str, Any] = {}
    for day in days:
        wanted |= files_of(GROUPED, day, druid.data) | files_of(PLAIN, day, druid.data)
    assert read_files(installation) == wanted
    errors = select(installation, "SELECT error, waits_for FROM report_runs")
    assert set(errors) == {(None, None)}


def states(installation: Installation) -> dict[str, int]:
    found = "SELECT state, count(*) FROM report_runs GROUP BY state"
    return dict(select(installation, found))  # type: ignore[arg-type]


def select(installation: Installation, query: str) -> list[tuple[Any, ...]]:
    with reading(installation.running.databases.control) as conn:
        return [tuple(row) for row in conn.execute(text(query))]


def read_files(installation: Installation) -> dict[str, Any]:
    """All files of reports, by their paths; read as JSON."""
    return read(tree(installation.home / "lake" / "reports")).files
