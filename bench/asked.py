"""A scan of Druid as a run of a report asks it and spools it: what two measurements share."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

from tallymark.calendar.periods import Calendar
from tallymark.clock import SystemClock
from tallymark.engines import Around, Query, Window
from tallymark.engines.druid import Druid
from tallymark.model import Period
from tallymark.net.engines import EngineHttp
from tallymark.reports.define import ReportSpec
from tallymark.reports.pattern import naming
from tallymark.reports.spool import SpooledFile, spool

DAYS = 7
START_AT = datetime(2026, 3, 1, tzinfo=UTC)
COLUMNS = ("__time", "eid", "did", "channel", "v", "x")
WINDOW = Window(
    first_on=date(2026, 3, 1),
    end_on=date(2026, 3, 7),
    period=Period(START_AT, START_AT + timedelta(days=DAYS)),
    calendar=Calendar("UTC"),
)


def scan_of(source: str) -> Mapping[str, Any]:
    return {"queryType": "scan", "dataSource": source, "columns": list(COLUMNS)}


def spooled(url: str, query: Mapping[str, Any], folder: Path) -> SpooledFile:
    """All columns as a CSV in a folder, which is emptied first."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    spec = ReportSpec(
        report_name="bench",
        engine="druid",
        frequency="DAILY",
        output_format="csv",
        headings=tuple((column, column) for column in COLUMNS),
    )
    names = naming("bench", spec, first_on=WINDOW.first_on, end_on=WINDOW.end_on, made_at=START_AT)
    engine = Druid(broker=url, coordinator=url)
    with closing(EngineHttp(frozenset({urlsplit(url).netloc}), SystemClock())) as http:
        # Druid reads no metrics
        around = Around(http=http, metrics=cast(Any, None))
        answer = engine.ask(Query(json=query), WINDOW, around)
        (file,) = spool(answer, spec, names, folder).files
    return file
