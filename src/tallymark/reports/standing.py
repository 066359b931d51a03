"""Whether what an attempt has read still holds: people disable and replace reports meanwhile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, select

from tallymark.reports import runs
from tallymark.reports.runs import Run
from tallymark.reports.store import ENABLED, Report, by_disabling
from tallymark.state.schema import report_runs, reports

_DATES = ("first_on", "end_on", "start_at", "end_at")


@dataclass(frozen=True, slots=True)
class Standing:
    """Of a run, until the end of the transaction in which it was asked for."""

    enabled: bool
    open: bool
    as_read: bool
    """The configuration and the dates are those that the attempt works with."""

    def lets_begin(self, run: Run) -> bool:
        """Disabling ends what waits; what was in work already may finish."""
        return self.open and self.as_read and (self.enabled or run.state == "PROCESSING")


def standing(tx: Connection, report: Report, run: Run) -> Standing:
    """Locks the report's row, before any other lock of the transaction: whoever disables or
    replaces it takes that one first too, and comes before or after all of this."""
    mine = reports.c.report_id == report.report_id
    found = select(reports.c.status, reports.c.version).where(mine)
    # its key stays as it is, so that runs which refer to it can be added meanwhile
    now = tx.execute(found.with_for_update(key_share=True)).one()
    row = tx.execute(select(report_runs).where(report_runs.c.id == run.id)).one()
    same = all(getattr(row, name) == value for name, value in dates(run).items())
    return Standing(
        enabled=now.status == ENABLED,
        open=row.open == 1,
        as_read=same and now.version == report.version,
    )


def dates(run: Run) -> dict[str, Any]:
    """What a run covers; a report that is replaced may change it while an attempt is at work."""
    return {name: getattr(run, name) for name in _DATES}


def put_back(
    tx: Connection, found: Standing, run: Run, values: Mapping[str, Any], now: datetime
) -> bool:
    """Write what came of an attempt; False: what happened meanwhile stands instead.

    `values`: those of a run that is to be asked for again, or has failed for good.
    """
    if not found.open:
        return False
    if values["open"] and not found.enabled:
        runs.change(tx, run.id, **by_disabling(now))
        return False
    if found.as_read:
        runs.change(tx, run.id, **values)
        return True
    if run.state != "PROCESSING":
        # it waits already, as it is now
        return False
    # what an engine noted was of the configuration that is no more
    runs.change(tx, run.id, **{**values, "memory": {}})
    return True
