"""Dates are made once more: each gets a new revision, which is made like the first one."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import Connection

from tallymark.calendar.names import nearest
from tallymark.calendar.periods import Calendar
from tallymark.errors import WrongField, WrongFields
from tallymark.reports import regenerate, runs, store
from tallymark.reports.due import calendar_of, ending
from tallymark.reports.regenerate import Regenerated, Wanted
from tallymark.reports.store import DISABLED, ENABLED, Report


def make_again(
    tx: Connection,
    wanted: Wanted,
    wrong: Sequence[WrongField],
    workspace: Calendar,
    now: datetime,
) -> Regenerated:
    """In a transaction that no other one of these runs beside; a dry run writes nothing.

    Raises: WrongFields with `wrong`, and what is wrong with the names of the reports.
    """
    known = store.load(tx)
    if found := (*wrong, *_wrong_names(known, wanted.report_ids)):
        raise WrongFields(found)
    by_report = []
    for report in _chosen(known, wanted.report_ids):
        newest = runs.of_dates(tx, report.report_id, wanted.from_on, wanted.to_on)
        calendar = calendar_of(report.spec, workspace)
        # the report may be another than when they were made
        covers = {
            run.end_on: window
            for run in newest
            if (window := ending(report.spec, calendar, date.fromisoformat(run.end_on)))
        }
        due = [run for run in newest if run.end_on in covers]
        again, left_out = regenerate.chosen(wanted, due)
        by_report.append((report.report_id, again, left_out))
        if again and not wanted.dry_run:
            deadline = timedelta(seconds=report.spec.deadline_s)
            for run in again:
                runs.again(tx, run, covers[run.end_on], wanted.reason, deadline, now)
            store.wake(tx, report.report_id, now)
    return regenerate.outcome(wanted, by_report)


def _chosen(known: Sequence[Report], report_ids: Sequence[str]) -> list[Report]:
    if not report_ids:
        return [report for report in known if report.status == ENABLED]
    return [report for report in known if report.report_id in report_ids]


def _wrong_names(known: Sequence[Report], report_ids: Sequence[str]) -> list[WrongField]:
    status = {report.report_id: report.status for report in known}
    wrong = []
    for n, one in enumerate(report_ids):
        if one not in status:
            text = f"there is no report {one!r}: {nearest(one, list(status))}"
            wrong.append(WrongField(f"report_list[{n}]", text))
        elif status[one] == DISABLED:
            wrong.append(WrongField(f"report_list[{n}]", f"{one} is disabled: enable it first"))
    return wrong
