"""Reports over an engine that answers from a list, for tests of the service and of the web."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar, cast

from tallymark.calendar.periods import Calendar
from tallymark.engines import Around, Checked, Output, Query, Readiness, Rows, Window
from tallymark.files.local import LocalFiles
from tallymark.reports import runs
from tallymark.reports.due import due_dates
from tallymark.reports.parts import Parts
from tallymark.reports.service import Reports
from tallymark.reports.store import Report
from tallymark.state.database import Databases, writing
from tests.clock import FakeClock

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
KOLKATA = Calendar("Asia/Kolkata")
OUTPUT = Output(date=True, dimensions=("channel",), aggregations=("plays",))
REQUEST: dict[str, Any] = {
    "report_name": "Plays",
    "query_engine": "druid",
    "execution_frequency": "DAILY",
    "report_interval": "YESTERDAY",
    "query_json": {"queryType": "groupBy"},
    "output_format": "csv",
    "output_field_names": {"channel": "Channel", "plays": "Plays"},
}


@dataclass
class Listed:
    """Answers what it is told to."""

    kind: ClassVar[str] = "druid"
    always: ClassVar[bool] = False
    checked: Checked = field(default_factory=lambda: Checked(output=OUTPUT))
    rows: Sequence[Sequence[Any]] = (("2026-11-21", "a/b", 2**60), ("2026-11-21", None, None))
    asked: list[Window] = field(default_factory=list)
    given: int = 0
    """Parts of the answer that were taken."""

    def addresses(self) -> Sequence[str]:
        return ()

    def check(self, query: Query, availability: str, window: Window, around: Around) -> Checked:
        return self.checked

    def ready(self, query: Query, availability: str, window: Window, around: Around) -> Readiness:
        return Readiness()

    def state(self, query: Query, window: Window, around: Around) -> str:
        return ""

    def ask(self, query: Query, window: Window, around: Around) -> Iterator[Rows]:
        self.asked.append(window)
        for row in self.rows:
            self.given += 1
            yield Rows(OUTPUT.columns, [row])


@dataclass
class Here:
    reports: Reports
    engine: Listed
    clock: FakeClock
    databases: Databases

    def submit(self, **changed: Any) -> Report:
        return self.reports.submit(json.dumps({**REQUEST, **changed}))

    def plan(self, report: Report) -> None:
        """Give each date that came due its run, as the worker does."""
        now = self.clock.now()
        found = due_dates(report.spec, KOLKATA, report.planned_to_at, now, changed_at=now)
        with writing(self.databases.control) as tx:
            runs.add(tx, report.report_id, found, timedelta(days=1), now)

    def change(self, report: Report, end_on: str, **values: Any) -> None:
        with writing(self.databases.control) as tx:
            (run,) = runs.of_dates(tx, report.report_id, end_on, end_on)
            runs.change(tx, run.id, **values)

    def made(self, report: Report, end_on: str) -> None:
        done = {"state": "SUCCESS", "open": 0, "ended_at": self.clock.now(), "rows": 3, "bytes": 9}
        self.change(report, end_on, **done)


def here(databases: Databases, folder: Path) -> Here:
    clock, engine = FakeClock(NOW), Listed()
    parts = Parts(
        database=databases.control,
        engines={"druid": engine},
        stores={"": LocalFiles(folder / "lake"), "azure": LocalFiles(folder / "azure")},
        around=cast(Around, None),
        calendar=KOLKATA,
        clock=clock,
        scratch=folder / "scratch",
    )
    addresses = {"": "/lake/reports", "azure": "az://reports/"}
    found = Reports(parts=parts, formats=("csv", "json"), addresses=addresses)
    return Here(found, engine, clock, databases)
