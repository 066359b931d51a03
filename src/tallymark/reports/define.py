"""What a report is. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tallymark.engines import Query

ONCE = "ONCE"
DEFAULT_PREFIX = "druid-reports"
DEFAULT_PATTERN = "{report_id}-{end_date}.{output_format}"
LAKE_STORE = ""
"""The store of a report without a destination: `reports/` in the lake."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportSpec:
    """A report as its request means it, checked."""

    report_name: str
    engine: str
    """The kind, in lower case: `druid`."""
    frequency: str
    """`DAILY`, `WEEKLY 06:00`, `QUARTERLY`, a cron text, or `ONCE`."""
    interval: str = ""
    """A name of the calendar; empty: the two dates are given."""
    from_on: str = ""
    to_on: str = ""
    """`2026-11-01`, both included; only with `ONCE`."""
    start_on: str = ""
    """The first end date; empty: that of the last period that had ended at its creation."""
    query_json: Mapping[str, Any] | None = None
    query_sql: str | None = None
    output_format: str
    """`json`, `csv`, `jsonl`, `parquet`: a file of `formats/`."""
    headings: tuple[tuple[str, str], ...]
    """Column of the answer → heading, in the order of the file; empty: worked out when the columns
    are known (SQL), from `field_list`."""
    field_list: tuple[str, ...] = ()
    """The list form of `output_field_names`, where the columns were not known."""
    pattern: str = DEFAULT_PATTERN
    latest: bool = False
    group_by: tuple[str, ...] = ()
    """Columns of the answer."""
    channel_id: str = ""
    store: str = LAKE_STORE
    prefix: str = DEFAULT_PREFIX
    time_zone: str = ""
    """Empty: the workspace's."""
    deadline_s: float = 86_400.0
    catch_up: str = "all"
    availability: str = ""
    """`both`, `segments`, `none`; empty: the engine's own rule."""
    availability_files: str = ""
    """A prefix in the report's store, with `{end_date}`, below which a file must lie."""
    retention_days: int | None = None
    """None: for ever."""

    @property
    def dates(self) -> str:
        """What it covers, by its name or its two dates."""
        return self.interval or f"{self.from_on}/{self.to_on}"

    @property
    def one_name(self) -> bool:
        """Whether all end dates have the same files, which only the newest writes."""
        return "{end_date}" not in self.pattern

    @property
    def query(self) -> Query:
        return Query(json=self.query_json, sql=self.query_sql)


def report_id(name: str, interval: str) -> str:
    """`avg_collection_downloads-3f2a9c01`: a slug, and 8 hex digits over name and interval."""
    slug = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")[:60] or "report"
    digest = hashlib.sha256(f"{name}\0{interval}".encode()).hexdigest()
    return f"{slug}-{digest[:8]}"
