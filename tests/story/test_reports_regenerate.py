"""A week was wrong: one call makes it anew, and what was there is kept beside it."""

from __future__ import annotations

import hashlib
import json
from datetime import date
from typing import Any

from tallymark.reports.service import Reports
from tests.report_world import PREFIX, QUERY, ZONE, Tree, rows_of
from tests.servers.standin_data import Data
from tests.story.installation import DAY
from tests.story.reports_world import FIRST, ReportStory

WEEK = [FIRST - DAY * n for n in range(6, -1, -1)]
REQUEST = {
    "report_name": "Shares",
    "query_engine": "druid",
    "execution_frequency": "DAILY",
    "report_interval": "YESTERDAY",
    "start": str(WEEK[0]),
    "time_zone": ZONE,
    "query_json": QUERY,
    "output_format": "json",
    "output_field_names": {"date": "Day", "eid": "Event", "avg": "Average", "newest": "Newest"},
    "group_by_fields": "device",
}
WEEKLY = {
    **REQUEST,
    "report_name": "Weekly",
    "execution_frequency": "WEEKLY",
    "report_interval": "LAST_WEEK",
    "start": str(WEEK[0]),
    "group_by_fields": None,
}


def test_a_wrong_week_is_made_anew_and_what_was_there_is_kept(reports: ReportStory) -> None:
    service = reports.installation.running.reporting.service
    shares = submit(service, REQUEST)
    weekly = submit(service, WEEKLY)
    reports.installation.work()
    old = Data(without=[])
    assert groups(reports, shares, WEEK[0]) == {"d%201", "d%2F2", "d3", "unknown"}
    before = reports.objects()

    reports.data.without, reports.data.plus = ["d3"], 5
    wish = {
        "report_list": [],
        "replay_interval": {"from": str(WEEK[0] - 3 * DAY), "to": str(WEEK[-1] + DAY)},
        "reason": "the device d3 was counted twice",
    }
    shown = service.regenerate(json.dumps({**wish, "dry_run": True}))
    reports.installation.work()
    assert reports.objects() == before
    assert {len(service.runs(report_id)) for report_id in (shares, weekly)} == {7, 1}

    done = service.regenerate(json.dumps(wish))
    assert (done.made, done.left_out, shown.dry_run) == (shown.made, shown.left_out, True)
    assert [(one.report_id, one.end_date, one.revision) for one in done.made] == [
        *((shares, str(day), 2) for day in WEEK),
        (weekly, "2026-11-08", 2),
    ]
    left_out = {one.report_id: set(one.end_dates) for one in done.left_out}
    around = {str(WEEK[0] - DAY * n) for n in (1, 2, 3)} | {str(WEEK[-1] + DAY)}
    assert left_out == {shares: around, weekly: (around | set(map(str, WEEK))) - {"2026-11-08"}}
    reports.installation.work()

    after = reports.objects()
    kept_at = {day: f"backup/{shares}/{day}-1/" for day in WEEK}
    for day in WEEK:
        assert groups(reports, shares, day) == {"d%201", "d%2F2", "unknown"}
        assert f"d3/{shares}-{day}.json" not in after
        assert read_group(after, shares, day, "unknown") == wanted(reports.data, day, None)
        assert under(after, kept_at[day]) == of_day(before, f"{shares}-{day}.")
        assert read_group(under(after, kept_at[day]), shares, day, "d3") == wanted(old, day, "d3")
    check_history(service, after, shares, WEEK, revisions=2)
    check_history(service, after, weekly, [date(2026, 11, 8)], revisions=2)

    # d3 comes back, and the backups of both revisions stay
    reports.data.without = []
    service.regenerate(json.dumps({**wish, "report_list": [shares], "reason": "d3 is back"}))
    reports.installation.work()
    last = reports.objects()
    for day in WEEK:
        assert groups(reports, shares, day) == {"d%201", "d%2F2", "d3", "unknown"}
        assert under(last, kept_at[day]) == under(after, kept_at[day])
        assert under(last, f"backup/{shares}/{day}-2/") == of_day(after, f"{shares}-{day}.")
    assert [run.reason for run in service.runs(shares, 3)] == [
        "d3 is back",
        "the device d3 was counted twice",
        None,
    ]


def test_a_disabled_report_is_none_of_all(reports: ReportStory) -> None:
    service = reports.installation.running.reporting.service
    shares = submit(service, REQUEST)
    reports.installation.work()
    service.disable(shares)
    dates = {"from": str(WEEK[0]), "to": str(WEEK[-1])}
    found = service.regenerate(
        json.dumps({"report_list": [], "replay_interval": dates, "reason": "a try"})
    )
    assert (found.made, found.left_out) == ((), ())


def submit(service: Reports, request: dict[str, Any]) -> str:
    return service.submit(json.dumps(request)).report_id


def under(objects: Tree, folder: str) -> Tree:
    return {p.removeprefix(folder): data for p, data in objects.items() if p.startswith(folder)}


def of_day(objects: Tree, name: str) -> Tree:
    """What is no backup, with a name that begins so."""
    return {
        path: data
        for path, data in objects.items()
        if path.rpartition("/")[2].startswith(name) and not path.startswith("backup/")
    }


def groups(reports: ReportStory, report_id: str, day: date) -> set[str]:
    """The folders that the manifest leads to; each file has the checksum that it tells."""
    objects = reports.objects()
    files = json.loads(objects[f"{report_id}-{day}.manifest.json"])["files"]
    for file in files:
        assert hashlib.sha256(objects[file["path"]]).hexdigest() == file["sha256"]
    there = {p.split("/")[0] for p in objects if p.endswith(f"/{report_id}-{day}.json")}
    folders = {file["path"].split("/")[0] for file in files}
    assert folders == there - {"backup"}
    return folders


def read_group(objects: Tree, report_id: str, day: date, folder: str) -> Any:
    return json.loads(objects[f"{folder}/{report_id}-{day}.json"])


def wanted(data: Data, day: date, device: str | None) -> list[dict[str, Any]]:
    names = {"date": "Day", "eid": "Event", "avg": "Average", "newest": "Newest"}
    rows = [row for row in rows_of(day, data) if row["device"] == device]
    return [{heading: row[column] for column, heading in names.items()} for row in rows]


def check_history(
    service: Reports, objects: Tree, report_id: str, days: list[date], revisions: int
) -> None:
    """Rows, bytes and checksum of each revision are those of what lies there, or in the backup."""
    runs = {(run.end_on, run.revision): run for run in service.runs(report_id)}
    assert set(runs) == {(str(day), n) for day in days for n in range(1, revisions + 1)}
    for (day, revision), run in runs.items():
        where = "" if revision == revisions else f"backup/{report_id}/{day}-{revision}/"
        assert run.location is not None
        name = run.location.rpartition(f"{PREFIX}/")[2]
        assert run.state == "SUCCESS"
        assert hashlib.sha256(objects[where + name]).hexdigest() == run.sha256
        there = under(objects, where) if where else objects
        files = [d for p, d in of_day(there, f"{report_id}-{day}.").items() if "manifest" not in p]
        assert run.bytes == sum(map(len, files))
        assert run.rows == sum(len(json.loads(data)) for data in files)
