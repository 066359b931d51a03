"""Reports and runs as the API and the command line write them: plain names, UTC instants. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from tallymark.calendar.periods import Calendar
from tallymark.calendar.runs import next_runs
from tallymark.calendar.schedule import Schedule
from tallymark.reports.define import ONCE
from tallymark.reports.due import calendar_of
from tallymark.reports.preview import Preview
from tallymark.reports.regenerate import Regenerated
from tallymark.reports.runs import Run
from tallymark.reports.store import ENABLED, Report


def instant(at: datetime | None) -> str | None:
    """`2026-11-22T06:10:00Z`, to the second."""
    return None if at is None else f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def report_json(
    report: Report, workspace: Calendar, last_generated_at: datetime | None, now: datetime
) -> dict[str, Any]:
    spec = report.spec
    return {
        "report_id": report.report_id,
        "report_name": report.report_name,
        "status": report.status,
        "query_engine": spec.engine.upper(),
        "execution_frequency": spec.frequency,
        "report_interval": spec.interval or {"from": spec.from_on, "to": spec.to_on},
        "time_zone": calendar_of(spec, workspace).zone,
        "location": report.location,
        "unchecked": report.unchecked,
        "warnings": list(report.warnings),
        "created_at": instant(report.created_at),
        "changed_at": instant(report.changed_at),
        "last_generated_at": instant(last_generated_at),
        "next_runs": [instant(at) for at in upcoming(report, workspace, now)],
        "report_config": report.report_config,
    }


def upcoming(report: Report, workspace: Calendar, now: datetime) -> list[datetime]:
    """When its next dates are due; none of one that is disabled or runs once."""
    if report.status != ENABLED or report.spec.frequency == ONCE:
        return []
    calendar = calendar_of(report.spec, workspace)
    return next_runs(Schedule.in_calendar(report.spec.frequency, calendar), now)


def run_json(run: Run) -> dict[str, Any]:
    return {
        "end_date": run.end_on,
        "start_date": run.first_on,
        "revision": run.revision,
        "status": run.state,
        "waits_for": run.waits_for,
        "waiting_since_at": instant(run.waiting_since_at),
        "attempts": run.attempts,
        "seconds": run.seconds,
        "rows": run.rows,
        "bytes": run.bytes,
        "empty": run.state == "SUCCESS" and run.rows == 0,
        "location": run.location,
        "sha256": run.sha256,
        "error": run.error,
        "advice": run.advice,
        "warnings": list(run.warnings),
        "reason": run.reason,
        "made_at": instant(run.made_at),
        "ended_at": instant(run.ended_at),
        "deadline_at": instant(run.deadline_at),
    }


def runs_json(found: Sequence[Run]) -> dict[str, Any]:
    return {"count": len(found), "runs": [run_json(run) for run in found]}


def preview_json(preview: Preview) -> dict[str, Any]:
    return {
        "path": preview.path,
        "start_date": preview.start_date,
        "end_date": preview.end_date,
        "headings": list(preview.headings),
        "rows": [list(row) for row in preview.rows],
    }


def regenerated_json(done: Regenerated) -> dict[str, Any]:
    return {
        "dry_run": done.dry_run,
        "count": len(done.made),
        "made": [
            {"report_id": one.report_id, "end_date": one.end_date, "revision": one.revision}
            for one in done.made
        ],
        "left_out": [
            {"report_id": one.report_id, "reason": one.reason, "end_dates": list(one.end_dates)}
            for one in done.left_out
        ],
    }
