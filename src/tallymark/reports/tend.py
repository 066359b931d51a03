"""What a report needs beside its runs: its query beside its files, old files removed, a look at
whether the files that were published are still there."""

from __future__ import annotations

import logging
import shutil
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256

import orjson

from tallymark.errors import NotFound, RetryableError
from tallymark.files import Files
from tallymark.ledger import claim
from tallymark.ledger.task import Task
from tallymark.reports import made, runs, store
from tallymark.reports.due import calendar_of
from tallymark.reports.each import each
from tallymark.reports.parts import Parts
from tallymark.reports.paths import key_below
from tallymark.reports.publish import Published
from tallymark.reports.runs import Run
from tallymark.reports.standing import standing
from tallymark.reports.store import Report
from tallymark.state.database import alone, reading, writing

log = logging.getLogger(__name__)

EVERY = timedelta(days=1)
AHEAD = timedelta(seconds=60)
"""Further than this no clock of another node is: ours was set back."""
LOOKED_AT = 7
"""Of so many end dates the files are looked at: the newest."""
FILES_LOOKED_AT = 1000
"""Of each of them so many; a run may have 100,000."""


@dataclass(frozen=True)
class Tend:
    """One look after a report is a task without a span."""

    parts: Parts

    def due_at(self, report: Report, now: datetime) -> datetime:
        """When it is due: at once after a change, else a day after the last time."""
        if report.query_version != report.version or report.looked_at is None:
            return now
        return now if report.looked_at > now + AHEAD else report.looked_at + EVERY

    def run(self, task: Task, report: Report) -> None:
        """Raises: RetryableError where the store is away; ClaimLost."""
        files = self.parts.stores.get(report.spec.store)
        if files is not None:
            self.parts.still_ours(task)
            query_key = key_below(report.spec.prefix, f"{report.report_id}.query.json")
            files.put(query_key, _query(report))
            self.parts.reached("report.query_written")
            self._look(task, report, files)
            self._retain(task, report, files)
        self._clear_scratch(report)
        now = self.parts.clock.now()
        with writing(self.parts.database) as tx:
            # its row is locked first, as by whoever disables or replaces it
            store.tended(tx, report, now)
            claim.end(tx, task, now)

    def _look(self, task: Task, report: Report, files: Files) -> None:
        """Whether the last runs' files are still what was published."""
        key = partial(key_below, report.spec.prefix)
        with reading(self.parts.database) as conn:
            last = runs.last_successes(conn, report.report_id, LOOKED_AT)
        for run in last:
            with reading(self.parts.database) as conn:
                present = made.present(conn, run.id, FILES_LOOKED_AT)
            etags = each(files, lambda file: _etag(files, key(file.path), file), present)
            found = list(zip(present, etags, strict=True))
            if lost := [file.path for file, etag in found if etag is None]:
                self._publish_again(task, report, run, lost)
            elif moved := {f.path: etag for f, etag in found if etag and etag != f.etag}:
                with writing(self.parts.database) as tx:
                    claim.check(tx, task)
                    made.note_etags(tx, run.id, moved)

    def _publish_again(self, task: Task, report: Report, run: Run, lost: list[str]) -> None:
        now = self.parts.clock.now()
        told = f"changed or removed in the store, and made again: {', '.join(lost[:3])}"
        # nobody regenerates the date beside this: it would have two revisions that are open
        with alone(self.parts.database) as tx:
            found = standing(tx, report, run)
            claim.check(tx, task)
            last = runs.last_successes(tx, report.report_id, LOOKED_AT)
            if not (found.enabled and found.as_read and run.id in {one.id for one in last}):
                return
            runs.change(tx, run.id, **_once_more(report, now), warnings=[*run.warnings, told])

    def _retain(self, task: Task, report: Report, files: Files) -> None:
        """What cannot be removed stays until the next day, and holds up no date."""
        if report.spec.retention_days is None:
            return
        calendar = calendar_of(report.spec, self.parts.calendar)
        kept = timedelta(days=report.spec.retention_days)
        before_on = str(calendar.date_of(self.parts.clock.now()) - kept)
        try:
            self._remove_old(task, report, files, before_on)
        except (RetryableError, OSError) as error:
            log.warning("report %s: its old files were not removed: %s", report.report_id, error)

    def _remove_old(self, task: Task, report: Report, files: Files, before_on: str) -> None:
        """Files and backups of the end dates before a date."""

        def delete(path: str) -> None:
            self.parts.still_ours(task)
            files.delete(key_below(report.spec.prefix, path))

        with reading(self.parts.database) as conn:
            old = made.older_than(conn, report.report_id, before_on)
        for run_id, paths in old.items():
            each(files, delete, paths)
            with writing(self.parts.database) as tx:
                claim.check(tx, task)
                made.removed(tx, run_id)

    def _clear_scratch(self, report: Report) -> None:
        """What killed processes left of runs that nobody goes on with."""
        left = list(self.parts.scratch.iterdir()) if self.parts.scratch.is_dir() else []
        if not left:
            return
        with reading(self.parts.database) as conn:
            closed = {str(run_id) for run_id in runs.closed(conn, report.report_id)}
        for folder in left:
            if folder.name in closed:
                shutil.rmtree(folder, ignore_errors=True)


def _etag(files: Files, key: str, file: Published) -> str | None:
    """That of what was published; None: it is lost.

    In a folder that was copied or restored, the same bytes are another file.
    """
    there = files.stat(key)
    if there is None or there.etag == file.etag:
        return there and there.etag
    if there.bytes != file.bytes:
        return None
    digest = sha256()
    try:
        for chunk in files.chunks(key):
            digest.update(chunk)
    except NotFound:
        return None
    return there.etag if digest.hexdigest() == file.sha256 else None


def _once_more(report: Report, now: datetime) -> dict[str, object]:
    """As if it came due now. It keeps the instant at which it was made: its files are named so."""
    return {
        "state": "SUBMITTED",
        "open": 1,
        "due_at": now,
        "deadline_at": now + timedelta(seconds=report.spec.deadline_s),
        "check_at": now,
        "checked_at": now,
        "waits_for": None,
        "waiting_since_at": None,
        "attempts": 0,
        "error": None,
        "advice": None,
    }


def _query(report: Report) -> bytes:
    asked = report.spec.query_json or {"query": report.spec.query_sql}
    return orjson.dumps(asked, option=orjson.OPT_INDENT_2)
