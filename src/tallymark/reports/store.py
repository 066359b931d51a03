"""What is configured, in the control database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from tallymark.errors import Conflict, NotFound
from tallymark.reports.define import ReportSpec
from tallymark.state.schema import objects, report_runs, reports

KIND = "report"
"""Of its object in the ledger, whose source is the report's id."""
ENABLED, DISABLED = "ENABLED", "DISABLED"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A report as it is configured."""

    report_id: str
    object_id: int
    report_name: str
    status: str
    report_config: str
    spec: ReportSpec
    version: int
    query_version: int
    unchecked: bool
    warnings: tuple[str, ...]
    location: str
    created_at: datetime
    changed_at: datetime
    planned_to_at: datetime
    looked_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Configured:
    """What a request came to."""

    spec: ReportSpec
    config: str
    """The request as it was received."""
    warnings: tuple[str, ...]
    unchecked: bool
    location: str


def insert_report(
    tx: Connection, report_id: str, new: Configured, planned_to_at: datetime, now: datetime
) -> Report:
    """Make it known, with its object in the ledger. Raises: Conflict."""
    taken = select(reports.c.report_name).where(reports.c.report_id == report_id)
    if there := tx.execute(taken).first():
        raise Conflict(
            f"there is a report {report_id} already, now called {there.report_name!r}: change it, "
            "or give this one another name"
        )
    own = insert(objects).values(_object(report_id, new, now)).returning(objects.c.id)
    object_id = tx.execute(own).scalar_one()
    tx.execute(
        insert(reports).values(
            report_id=report_id,
            object_id=object_id,
            status=ENABLED,
            version=1,
            created_at=now,
            changed_at=now,
            planned_to_at=planned_to_at,
            **_columns(new),
        )
    )
    return get(tx, report_id)


def replace_report(
    tx: Connection, report_id: str, new: Configured, planned_to_at: datetime, now: datetime
) -> Report:
    """Put another configuration in its place; status and runs stay. Raises: NotFound.

    `planned_to_at`: from where on its schedule counts.
    """
    moved = {"planned_to_at": planned_to_at, "changed_at": now}
    done = tx.execute(
        update(reports)
        .where(reports.c.report_id == report_id)
        .values(version=reports.c.version + 1, **moved, **_columns(new))
    )
    if done.rowcount != 1:
        raise _unknown(report_id)
    wake(tx, report_id, now, every=new.spec.frequency)
    return get(tx, report_id)


def get(conn: Connection, report_id: str) -> Report:
    """Raises: NotFound."""
    if not report_id.isprintable():
        raise _unknown(report_id)  # a database would refuse to look for it
    row = conn.execute(select(reports).where(reports.c.report_id == report_id)).one_or_none()
    if row is None:
        raise _unknown(report_id)
    return _report(row)


def load(conn: Connection, statuses: Sequence[str] | None = None) -> list[Report]:
    """All reports, or those with one of the statuses, by their id."""
    found = select(reports).order_by(reports.c.report_id)
    if statuses is not None:
        found = found.where(reports.c.status.in_(statuses))
    return [_report(row) for row in conn.execute(found)]


def set_status(tx: Connection, report_id: str, status: str, now: datetime) -> Report:
    """Enable or disable. Disabling ends what is not in work yet; the days while it is disabled are
    not made up. Raises: NotFound."""
    seen = get(tx, report_id)
    if seen.status == status:
        return seen
    changed: dict[str, Any] = {"status": status, "changed_at": now}
    if status == ENABLED:
        changed["planned_to_at"] = now
    tx.execute(update(reports).where(reports.c.report_id == report_id).values(**changed))
    state = "active" if status == ENABLED else "paused"
    wake(tx, report_id, now, state=state)
    # after the lock on the object's row: under it a run that lost its task goes back to waiting
    if status == DISABLED:
        _end_waiting(tx, report_id, now)
    return get(tx, report_id)


def _end_waiting(tx: Connection, report_id: str, now: datetime) -> None:
    tx.execute(
        update(report_runs)
        .where(
            report_runs.c.report_id == report_id,
            report_runs.c.open == 1,
            report_runs.c.state != "PROCESSING",
        )
        .values(**by_disabling(now))
    )


def by_disabling(now: datetime) -> dict[str, Any]:
    """What a run is that waited, or would wait again, and ends as its report is disabled."""
    return {
        "state": "FAILED",
        "open": 0,
        "ended_at": now,
        "waits_for": None,
        "error": "the report was disabled before it ran",
        "advice": "Enable the report and regenerate the date if it is wanted.",
    }


def wake(tx: Connection, report_id: str, now: datetime, **values: Any) -> None:
    """Let its object be looked at now."""
    tx.execute(
        update(objects)
        .where(objects.c.kind == KIND, objects.c.source == report_id)
        .values(check_at=now, checked_at=now, version=objects.c.version + 1, **values)
    )


def planned(tx: Connection, seen: Report, now: datetime) -> bool:
    """All dates up to now are about to get their run; False: somebody else was faster, or it is
    disabled."""
    as_seen = (
        reports.c.report_id == seen.report_id,
        reports.c.planned_to_at == seen.planned_to_at,
        reports.c.version == seen.version,
        reports.c.status == ENABLED,
    )
    return tx.execute(update(reports).where(*as_seen).values(planned_to_at=now)).rowcount == 1


def tended(tx: Connection, seen: Report, now: datetime) -> None:
    """It was looked after as it was when it was read."""
    mine = reports.c.report_id == seen.report_id
    tx.execute(update(reports).where(mine).values(looked_at=now, query_version=seen.version))


def _object(report_id: str, new: Configured, now: datetime) -> dict[str, Any]:
    return {
        "kind": KIND,
        "source": report_id,
        "stream": "runs",
        "subject": report_id,
        "state": "active",
        "every": new.spec.frequency,
        "start_at": now,
        "settled_at": now,
        "check_at": now,
        "checked_at": now,
    }


def _columns(new: Configured) -> dict[str, Any]:
    return {
        "report_name": new.spec.report_name,
        "report_config": new.config,
        "spec": asdict(new.spec),
        "unchecked": int(new.unchecked),
        "warnings": list(new.warnings),
        "location": new.location,
    }


def _report(row: Row[Any]) -> Report:
    values = {name: getattr(row, name) for name in Report.__dataclass_fields__}
    values["spec"] = spec_of(values["spec"])
    values["unchecked"] = bool(values["unchecked"])
    values["warnings"] = tuple(values["warnings"])
    return Report(**values)


def spec_of(plain: dict[str, Any]) -> ReportSpec:
    """A spec as it was stored."""
    return ReportSpec(
        **{
            **plain,
            "headings": tuple((column, heading) for column, heading in plain["headings"]),
            "field_list": tuple(plain["field_list"]),
            "group_by": tuple(plain["group_by"]),
        }
    )


def _unknown(report_id: str) -> NotFound:
    return NotFound(
        f"there is no report {report_id!r}: `tallymark report list` names those there are"
    )
