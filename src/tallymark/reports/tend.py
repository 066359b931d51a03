"""What a report needs beside its runs: its query beside its files, old files removed, a look at
whether the files that were published are still there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import orjson

from tallymark.ledger import claim
from tallymark.ledger.task import Task
from tallymark.reports import made, runs, store
from tallymark.reports.due import calendar_of
from tallymark.reports.parts import Parts
from tallymark.reports.publish import Published
from tallymark.reports.runs import Run
from tallymark.reports.store import Report
from tallymark.state.database import reading, writing

EVERY = timedelta(days=1)
LOOKED_AT = 7
"""Of so many end dates the files are looked at: the newest."""


@dataclass(frozen=True)
class Tend:
    """One look after a report is a task without a span."""

    parts: Parts

    def due_at(self, report: Report, now: datetime) -> datetime:
        """When it is due: at once after a change, else a day after the last time."""
        if report.query_version != report.version or report.looked_at is None:
            return now
        return report.looked_at + EVERY

    def run(self, task: Task, report: Report) -> None:
        """Raises: RetryableError where the store is away."""
        files = self.parts.stores.get(report.spec.store)
        if files is not None:
            files.put(_query_key(report), _query(report))
            self.parts.reached("report.query_written")
            for run, lost in self._changed(report):
                self._publish_again(task, run, lost)
            self._remove_old(task, report)
        now = self.parts.clock.now()
        with writing(self.parts.database) as tx:
            claim.end(tx, task, now)
            store.tended(tx, report, now)

    def _changed(self, report: Report) -> list[tuple[Run, list[str]]]:
        """The last runs whose files are no longer what was published, with their paths."""
        with reading(self.parts.database) as conn:
            last = runs.last_successes(conn, report.report_id, LOOKED_AT)
            present = {run.id: made.present(conn, run.id) for run in last}
        found = [(run, [f.path for f in present[run.id] if self._lost(report, f)]) for run in last]
        return [(run, lost) for run, lost in found if lost]

    def _lost(self, report: Report, file: Published) -> bool:
        there = self.parts.stores[report.spec.store].stat(f"{report.spec.prefix}/{file.path}")
        return there is None or there.etag != file.etag

    def _publish_again(self, task: Task, run: Run, lost: list[str]) -> None:
        now = self.parts.clock.now()
        told = f"changed or removed in the store, and made again: {', '.join(lost[:3])}"
        with writing(self.parts.database) as tx:
            claim.check(tx, task)
            runs.change(
                tx, run.id, state="SUBMITTED", open=1, check_at=now, checked_at=now,
                warnings=[*run.warnings, told],
            )  # fmt: skip

    def _remove_old(self, task: Task, report: Report) -> None:
        """Files and backups of end dates that ended longer ago than the report keeps them."""
        days = report.spec.retention_days
        if days is None:
            return
        calendar = calendar_of(report.spec, self.parts.calendar)
        before_on = str(calendar.date_of(self.parts.clock.now()) - timedelta(days=days))
        files, prefix = self.parts.stores[report.spec.store], report.spec.prefix
        with reading(self.parts.database) as conn:
            old = made.older_than(conn, report.report_id, before_on)
        for run_id, paths in old.items():
            for path in paths:
                files.delete(f"{prefix}/{path}")
            with writing(self.parts.database) as tx:
                claim.check(tx, task)
                made.removed(tx, run_id)


def _query_key(report: Report) -> str:
    return f"{report.spec.prefix}/{report.report_id}.query.json"


def _query(report: Report) -> bytes:
    asked = report.spec.query_json or {"query": report.spec.query_sql}
    return orjson.dumps(asked, option=orjson.OPT_INDENT_2)
