"""What people do with reports, by API and command line: one method each."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from sqlalchemy import Connection, func, select

from tallymark.calendar.names import lookup, nearest
from tallymark.errors import BadRequest, CommitConflict, FatalError, WrongField, WrongFields
from tallymark.reports import define, made, regenerate, runs, store, told
from tallymark.reports.again import make_again
from tallymark.reports.define import ReportSpec
from tallymark.reports.due import calendar_of, ending, planned_after_change, planned_before
from tallymark.reports.parts import Parts
from tallymark.reports.preview import Preview, preview, window
from tallymark.reports.regenerate import Regenerated
from tallymark.reports.request.configure import Configure
from tallymark.reports.request.received import Received, read
from tallymark.reports.runs import Run
from tallymark.reports.store import DISABLED, ENABLED, Configured, Report
from tallymark.reports.why import why
from tallymark.state.database import alone, reading, writing
from tallymark.state.schema import report_runs

STATUSES = (ENABLED, DISABLED)
LOOKED_AT = 100
"""So many of its newest runs are asked why they are not there, besides all that are open."""


@dataclass(frozen=True, kw_only=True)
class Reports:
    """Every method may block: engines are asked, and the database."""

    parts: Parts
    formats: Collection[str]
    addresses: Mapping[str, str]
    """Of the stores, by name, as people know them: `s3://lake/reports`."""

    def submit(self, text: str) -> Report:
        """Configure a new report, plain or in an envelope.

        Raises: BadRequest; WrongFields with every mistake; Conflict.
        """
        draft, new = self._configure.understood(text)
        now = self.parts.clock.now()
        planned_to_at = planned_before(new.spec, draft.calendar, now)
        with alone(self.parts.database) as tx:
            report = store.insert_report(tx, _report_id(new), new, planned_to_at, now)
            self._configure.check_free(tx, report)
        return report

    def replace(self, report_id: str, text: str) -> Report:
        """Put another configuration in its place; id, status and runs stay.

        Raises: NotFound; as `submit`.
        """
        return self._replace(self.get(report_id), text)

    def patch(self, report_id: str, text: str) -> Report:
        """Change the fields that are given, each as a whole; null takes one away.

        Raises: as `replace`; CommitConflict where it was changed meanwhile.
        """
        seen = self.get(report_id)
        changed = {**read(seen.report_config).request, **_sound(text).request}
        wanted = {name: value for name, value in changed.items() if value is not None}
        return self._replace(seen, json.dumps(wanted, ensure_ascii=False, indent=2))

    def _replace(self, seen: Report, text: str) -> Report:
        draft, new = self._configure.understood(text)
        now = self.parts.clock.now()
        with alone(self.parts.database) as tx:
            there = store.get(tx, seen.report_id)
            if there.version != seen.version:
                raise CommitConflict("somebody else changed this report meanwhile: try again")
            planned_to_at = planned_after_change(
                there.spec, new.spec, draft.calendar, planned_to_at=there.planned_to_at,
                changed_at=there.changed_at, now=now,
            )  # fmt: skip
            report = store.replace_report(tx, seen.report_id, new, planned_to_at, now)
            self._configure.check_free(tx, report)
            runs.recut(tx, report.report_id, partial(ending, new.spec, draft.calendar), now)
            if new.location != there.location:
                # what lies there stays there, and is nobody's any more
                made.forget(tx, report.report_id)
        return report

    def get(self, report_id: str) -> Report:
        """Raises: NotFound."""
        with reading(self.parts.database) as conn:
            return store.get(conn, report_id)

    def list(self, statuses: Sequence[str] | None = None) -> list[Report]:
        """All, or those with one of the statuses, by their id. Raises: BadRequest."""
        wanted = None if statuses is None else [_status(one) for one in statuses]
        with reading(self.parts.database) as conn:
            return store.load(conn, wanted)

    def enable(self, report_id: str) -> Report:
        """The days while it was disabled are not made up. Raises: NotFound."""
        return self._set_status(report_id, ENABLED)

    def disable(self, report_id: str) -> Report:
        """Ends what is not in work yet. Raises: NotFound."""
        return self._set_status(report_id, DISABLED)

    def _set_status(self, report_id: str, status: str) -> Report:
        with alone(self.parts.database) as tx:
            return store.set_status(tx, report_id, status, self.parts.clock.now())

    def runs(self, report_id: str, limit: int | None = None) -> Sequence[Run]:
        """All revisions, the newest end date first. Raises: NotFound."""
        self.get(report_id)
        with reading(self.parts.database) as conn:
            return runs.of_report(conn, report_id, limit=limit)

    def why(self, report_id: str) -> Sequence[str]:
        """What each date waits for that has no file yet. Raises: NotFound."""
        report = self.get(report_id)
        with reading(self.parts.database) as conn:
            last = runs.of_report(conn, report_id, limit=LOOKED_AT)
            still_open = runs.open_runs(conn, report_id)
        # of each date the newest revision; among the last ones it comes first
        newest = {run.end_on: run for run in (*still_open, *reversed(last))}
        return why(report, list(newest.values()), self.parts.calendar, self.parts.clock.now())

    def preview(self, report_id: str) -> Preview:
        """The first rows of a report; nothing is written.

        Raises: NotFound; RetryableError; BadRequest where no run could be made.
        """
        return self._preview(report_id, self.get(report_id).spec)

    def preview_of(self, text: str) -> Preview:
        """The same of a request that is not configured yet. Raises: as `submit` and `preview`."""
        _, new = self._configure.understood(text)
        return self._preview(_report_id(new), new.spec)

    def _preview(self, report_id: str, spec: ReportSpec) -> Preview:
        engine = self.parts.engines.get(spec.engine)
        if engine is None:
            raise BadRequest(f"the workspace names no engine {spec.engine!r} any more")
        now = self.parts.clock.now()
        covers = window(spec, calendar_of(spec, self.parts.calendar), now)
        try:
            return preview(report_id, spec, engine, covers, self.parts.around, now)
        except FatalError as error:
            raise BadRequest(str(error)) from error

    def run(self, report_id: str) -> Report:
        """Let its open dates be looked at now. Raises: NotFound."""
        now = self.parts.clock.now()
        with writing(self.parts.database) as tx:
            report = store.get(tx, report_id)
            store.wake(tx, report_id, now)
            runs.hurry(tx, report_id, now)
        return report

    def regenerate(self, text: str) -> Regenerated:
        """Make dates once more: a new revision each. Raises: BadRequest; WrongFields."""
        wanted, wrong = regenerate.parse(_sound(text).request)
        with alone(self.parts.database) as tx:
            return make_again(tx, wanted, wrong, self.parts.calendar, self.parts.clock.now())

    def told(self, found: Iterable[Report]) -> Sequence[dict[str, Any]]:
        """Reports as API and command line write them."""
        reports, now = list(found), self.parts.clock.now()
        with reading(self.parts.database) as conn:
            made_at = _last_made_at(conn)
        return [
            told.report_json(report, self.parts.calendar, made_at.get(report.report_id), now)
            for report in reports
        ]

    @property
    def _configure(self) -> Configure:
        return Configure(parts=self.parts, formats=self.formats, addresses=self.addresses)


def _report_id(new: Configured) -> str:
    return define.report_id(new.spec.report_name, new.spec.dates)


def _sound(text: str) -> Received:
    received = read(text)
    if received.wrong:
        raise WrongFields(received.wrong)
    return received


def _status(text: str) -> str:
    found = lookup(text, STATUSES)
    if found is None:
        said = f"there is no status {text!r}: {nearest(text, STATUSES)}"
        raise WrongFields([WrongField("status", said)])
    return found


def _last_made_at(conn: Connection) -> Mapping[str, datetime]:
    """When each report's last file was made."""
    found = (
        select(report_runs.c.report_id, func.max(report_runs.c.ended_at).label("made_at"))
        .where(report_runs.c.state == "SUCCESS")
        .group_by(report_runs.c.report_id)
    )
    return {row.report_id: row.made_at for row in conn.execute(found)}
