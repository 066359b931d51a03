"""A report, its naming and its spool, for the tests of what the files hold."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from tallymark.engines import Rows
from tallymark.reports.define import ReportSpec
from tallymark.reports.pattern import Naming, naming
from tallymark.reports.spool import Spooled, spool

REPORT = "clicks-0123abcd"


def spec(columns: Sequence[str], output_format: str = "csv", **more: Any) -> ReportSpec:
    more.setdefault("headings", tuple((column, column) for column in columns))
    return ReportSpec(
        report_name="clicks", engine="druid", frequency="DAILY", output_format=output_format, **more
    )


def names(report: ReportSpec) -> Naming:
    return naming(
        REPORT,
        report,
        first_on=date(2026, 11, 15),
        end_on=date(2026, 11, 21),
        made_at=datetime(2026, 11, 22, 4, 5, 6, tzinfo=UTC),
    )


def spooled(
    folder: Path,
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
    output_format: str = "csv",
    *,
    at_once: int = 1000,
    **more: Any,
) -> Spooled:
    """The rows as an engine gives them, `at_once` in a part."""
    folder.mkdir(parents=True)
    report = spec(columns, output_format, **more)
    starts = range(0, max(len(rows), 1), at_once)
    parts = [Rows(tuple(columns), rows[n : n + at_once]) for n in starts]
    return spool(iter(parts), report, names(report), folder)
