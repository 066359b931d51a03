"""What tests of whole reports configure, and what must lie in the store afterwards.

Two daily reports ask the stand-in of Druid: one plain, one with a file a device. What their files
must hold is worked out from the events in plain Python, and shares nothing with the program.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from tallymark.calendar.periods import Calendar
from tallymark.reports import runs, store
from tallymark.reports.define import ReportSpec
from tallymark.reports.due import ending, planned_before
from tallymark.state.database import Databases, migrate, writing
from tests.servers.standin_data import Data

ZONE = "Asia/Kolkata"
PREFIX = "druid-reports"
PLAIN, GROUPED = "plain-00000001", "grouped-00000002"
QUERY = {
    "queryType": "groupBy",
    "dataSource": "summary-standin",
    "granularity": "day",
    "dimensions": ["eid", "device"],
    "aggregations": [
        {"type": "count", "name": "n"},
        {"type": "longSum", "name": "total", "fieldName": "value"},
        {"type": "longMax", "name": "newest", "fieldName": "big"},
    ],
    "postAggregations": [
        {
            "type": "arithmetic",
            "name": "avg",
            "fn": "/",
            "fields": [
                {"type": "fieldAccess", "name": "total", "fieldName": "total"},
                {"type": "fieldAccess", "name": "n", "fieldName": "n"},
            ],
        }
    ],
}
COLUMNS = ("date", "eid", "device", "n", "total", "newest", "avg")

Tree = dict[str, bytes]


def spec(name: str, first_on: date, **more: Any) -> ReportSpec:
    given: dict[str, Any] = {
        "report_name": name,
        "engine": "druid",
        "frequency": "DAILY",
        "interval": "YESTERDAY",
        "start_on": str(first_on),
        "query_json": QUERY,
        "output_format": "json",
        "headings": tuple((column, column) for column in COLUMNS),
        "time_zone": ZONE,
    }
    return ReportSpec(**given | more)


def configure(databases: Databases, report_id: str, of: ReportSpec, now: datetime) -> None:
    """As a request that is right does."""
    new = store.Configured(
        spec=of, config="{}", warnings=(), unchecked=False, location=f"reports/{of.prefix}"
    )
    planned = planned_before(of, Calendar(ZONE), now)
    with writing(databases.control) as tx:
        store.insert_report(tx, report_id, new, planned, now)


def configure_one(databases: Databases, report_id: str, first_on: date, now: datetime) -> None:
    migrate(databases)
    group_by = ("device",) if report_id == GROUPED else ()
    configure(databases, report_id, spec(report_id, first_on, group_by=group_by), now)


def regenerate(databases: Databases, now: datetime, *report_ids: str) -> None:
    """The next revision of each date that has a file."""
    for report_id in report_ids:
        with writing(databases.control) as tx:
            spec = store.get(tx, report_id).spec
            for run in runs.of_dates(tx, report_id, "2000-01-01", "2100-01-01"):
                covers = ending(spec, Calendar(ZONE), date.fromisoformat(run.end_on))
                assert covers is not None
                runs.again(tx, run, covers, "the data were restated", timedelta(days=1), now)
            store.wake(tx, report_id, now)


# -- what must be there ------------------------------------------------------------------------


def rows_of(end_on: date, data: Data) -> list[dict[str, Any]]:
    """The answer for one local day: by event and device."""
    zone = ZoneInfo(ZONE)
    after = end_on + timedelta(days=1)
    start, end = (datetime(d.year, d.month, d.day, tzinfo=zone) for d in (end_on, after))
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for event in data.events(start.astimezone(UTC), end.astimezone(UTC)):
        found.setdefault((event["eid"], event["device"] or ""), []).append(event)
    rows = []
    for (eid, device), events in sorted(found.items()):
        total = sum(event["value"] for event in events)
        rows.append(
            {
                "date": str(end_on),
                "eid": eid,
                "device": device or None,
                "n": len(events),
                "total": total,
                "newest": max(event["big"] for event in events),
                "avg": total / len(events),
            }
        )
    return rows


def files_of(report_id: str, end_on: date, data: Data) -> dict[str, Any]:
    """Its files for one end date: one, or of the grouped report one a device."""
    name = f"{report_id}-{end_on}.json"
    if report_id != GROUPED:
        return {name: rows_of(end_on, data)}
    files: dict[str, Any] = {}
    for row in rows_of(end_on, data):
        folder = quote(row["device"] or "unknown", safe="")
        files.setdefault(f"{folder}/{name}", []).append(row)
    return files


def manifest_path(end_on: date) -> str:
    return f"{GROUPED}-{end_on}.manifest.json"


def backup_path(report_id: str, end_on: date, revision: int, path: str) -> str:
    return f"backup/{report_id}/{end_on}-{revision}/{path}"


@dataclass
class Expected:
    """All objects below the prefix, read: manifests by what they lead to."""

    files: dict[str, Any] = field(default_factory=dict)
    manifests: dict[str, list[str]] = field(default_factory=dict)

    def once(self, report_id: str, days: list[date], data: Data) -> Expected:
        """After the first runs."""
        for day in days:
            files = files_of(report_id, day, data)
            self.files |= files
            if report_id == GROUPED:
                self.manifests[manifest_path(day)] = sorted(files)
        return self

    def again(
        self, report_id: str, days: list[date], old: Data, new: Data, revision: int
    ) -> Expected:
        """After each date was regenerated; `revision` is the one that was replaced."""
        for day in days:
            files, before = files_of(report_id, day, new), files_of(report_id, day, old)
            for path, rows in before.items():
                del self.files[path]
                self.files[backup_path(report_id, day, revision, path)] = rows
            self.files |= files
            if report_id == GROUPED:
                kept = backup_path(report_id, day, revision, manifest_path(day))
                self.manifests[kept] = sorted(before)
                self.manifests[manifest_path(day)] = sorted(files)
        return self


# -- what is there -----------------------------------------------------------------------------


def tree(reports: Path) -> Tree:
    """All objects below the prefix, and nothing that is unfinished."""
    root = reports / PREFIX
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def read(objects: Tree) -> Expected:
    """Raises: ValueError for an object that is torn."""
    found = Expected()
    for path, data in objects.items():
        if path.endswith(".query.json"):
            json.loads(data)
        elif path.endswith(".manifest.json"):
            files = json.loads(data)["files"]
            found.manifests[path] = sorted(file["path"] for file in files)
        else:
            found.files[path] = json.loads(data)
    return found


def seen_by_manifest(objects: Tree, end_on: date) -> dict[str, Any] | None:
    """What a reader who goes by the manifest sees, by the path in its folder; every file must be
    there as the manifest says. None: there is no manifest."""
    if manifest_path(end_on) not in objects:
        return None
    found = {}
    for file in json.loads(objects[manifest_path(end_on)])["files"]:
        data = objects[file["path"]]
        assert hashlib.sha256(data).hexdigest() == file["sha256"], file
        assert len(data) == file["bytes"]
        rows = json.loads(data)
        assert len(rows) == file["rows"]
        found[_without_backup(file["path"])] = rows
    return found


def _without_backup(path: str) -> str:
    return path.split("/", 3)[3] if path.startswith("backup/") else path


def wrong_for_readers(
    report_id: str, objects: Tree, days: list[date], *versions: Data
) -> Iterator[str]:
    """Dates that are neither one version's run nor another's; a date may have none yet."""
    for day in days:
        wanted = [files_of(report_id, day, data) for data in versions]
        if report_id == GROUPED:
            seen = seen_by_manifest(objects, day)
        else:
            seen = {path: json.loads(objects[path]) for path in wanted[0] if path in objects}
        if seen and seen not in wanted:
            yield f"{report_id} {day}: {sorted(seen)}"
