"""Reports after an outage: a week without the program, three days without Druid.

Who asked for what is counted by the stand-in of Druid's own log.
"""

from __future__ import annotations

import os
import sys
import time
from collections import Counter
from itertools import pairwise
from typing import Any

import pytest

from tests.report_world import GROUPED, PLAIN, files_of
from tests.servers.standin import asked
from tests.story.installation import DAY, HOUR
from tests.story.reports_world import FIRST, ReportStory

MANY = 200 if os.environ.get("SOAK") else 12


@pytest.mark.timeout(1200)
def test_after_a_week_without_the_program_each_pending_date_is_made_once_oldest_first(
    reports: ReportStory, capsys: pytest.CaptureFixture[str]
) -> None:
    installation, druid = reports.installation, reports.druid
    names = [f"report-{n:03}" for n in range(MANY)]
    for name in names:
        reports.configure(name)
    installation.work()
    installation.stop()
    before = len(druid.log.entries)
    installation.clock.at += 7 * DAY
    installation.start()
    began_s = time.monotonic()
    installation.running.worker.run_until_idle(1100)
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
        ended = reports.select(
            f"SELECT end_on, state, attempts, ended_at FROM report_runs WHERE report_id = '{name}' "
            "ORDER BY id",
        )
        assert [(on, state, n) for on, state, n, _ in ended] == [
            (str(day), "SUCCESS", 1) for day in [FIRST, *days]
        ]
    in_order(reports, names)
    assert reports.files() == {
        path: rows
        for name in names
        for day in [FIRST, *days]
        for path, rows in files_of(name, day, druid.data).items()
    }


def in_order(reports: ReportStory, names: list[str]) -> None:
    """Each report's tasks, as the ledger numbered them, go from the oldest date to the newest."""
    found = reports.select(
        "SELECT o.source, t.end_at FROM tasks t JOIN objects o ON o.id = t.object_id "
        "WHERE t.end_at IS NOT NULL ORDER BY t.id",
    )
    for name in names:
        mine = [end_at for source, end_at in found if source == name]
        assert len(mine) == 8
        assert all(earlier < later for earlier, later in pairwise(mine))


def test_after_three_days_without_druid_all_that_was_due_is_there_and_nobody_did_anything(
    reports: ReportStory,
) -> None:
    installation, druid = reports.installation, reports.druid
    for name, more in ((PLAIN, {}), (GROUPED, {"group_by": ("device",)})):
        reports.configure(name, **more)
    installation.work()
    assert reports.states() == {"SUCCESS": 2}
    gone = installation.clock.at
    druid.stop()
    installation.work_until(gone + 3 * DAY, 2 * HOUR)
    # the first two dates are past their deadline, which was said once; the third is not
    assert reports.states() == {"SUCCESS": 2, "FAILED": 4, "SUBMITTED": 2}
    late = reports.select(
        "SELECT attempts, error, advice, waits_for FROM report_runs WHERE state = 'FAILED'",
    )
    for attempts, error, advice, waits_for in late:
        assert attempts == 0
        assert "deadline" in error
        assert advice
        assert waits_for
    druid.start()
    installation.work_until(gone + 3 * DAY + 2 * HOUR, HOUR)
    assert reports.states() == {"SUCCESS": 8}
    days = [FIRST + DAY * n for n in range(4)]
    intervals = Counter(entry["interval"] for entry in druid.asked())
    assert sorted(intervals.values()) == [2] * 4
    wanted: dict[str, Any] = {}
    for day in days:
        wanted |= files_of(GROUPED, day, druid.data) | files_of(PLAIN, day, druid.data)
    assert reports.files() == wanted
    errors = reports.select("SELECT error, waits_for FROM report_runs")
    assert set(errors) == {(None, None)}


def test_a_date_without_its_data_holds_up_no_later_one_and_no_other_report(
    reports: ReportStory,
) -> None:
    installation, druid = reports.installation, reports.druid
    installation.clock.at += 3 * DAY
    # the days of Kolkata from the 10th on
    druid.data.unavailable = ["2026-11-09"]
    reports.configure(GROUPED, group_by=("device",))
    reports.configure(PLAIN)
    installation.work()
    waits = reports.select(
        "SELECT report_id, end_on, state, waits_for FROM report_runs WHERE state <> 'SUCCESS' "
        "ORDER BY report_id, end_on"
    )
    assert waits == [
        (report_id, on, "SUBMITTED", "1 of 2 segments loaded")
        for report_id in (GROUPED, PLAIN)
        for on in ("2026-11-09", "2026-11-10")
    ]
    assert reports.states() == {"SUCCESS": 4, "SUBMITTED": 4}
    druid.data.unavailable = []
    installation.clock.at += HOUR
    installation.work()
    assert reports.states() == {"SUCCESS": 8}
    days = [FIRST + DAY * n for n in range(4)]
    wanted: dict[str, Any] = {}
    for day in days:
        wanted |= files_of(GROUPED, day, druid.data) | files_of(PLAIN, day, druid.data)
    assert reports.files() == wanted
