"""Every value of every file is what plain Python works out from the events that were sent."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tallymark.reports.store import Report
from tests.servers.druid import Druid
from tests.servers.kafka import Kafka
from tests.services.reports.events import (
    COLUMNS,
    HOUR,
    TYPES,
    Event,
    Oracle,
    Row,
    at_of,
    csv_lines,
    events,
    json_lines,
    total,
)
from tests.services.reports.house import House, house

ZONES = ("Asia/Kolkata", "America/New_York")
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Case:
    """A query, its headings, and what must come out of it."""

    query: Callable[[str], dict[str, Any]]
    """Of a data source: `query_json` or `query`."""
    names: Any
    """`output_field_names`."""
    groups: tuple[str, ...]
    """The columns to group by where it is grouped."""
    rows: Callable[[Oracle], list[tuple[tuple[Any, ...], Row]]]
    """Each with its values of `groups`."""


def aggregations() -> list[dict[str, str]]:
    return [
        {"type": "count", "name": "n"},
        {"type": "longSum", "name": "pages", "fieldName": "pages"},
        {"type": "doubleSum", "name": "seconds", "fieldName": "seconds"},
        {"type": "longMax", "name": "top", "fieldName": "user_id"},
    ]


def aggregated(found: Sequence[Event]) -> Row:
    return {
        "n": len(found),
        "pages": total(found, "pages"),
        "seconds": total(found, "seconds"),
        "top": total(found, "user_id", max),
    }


def group_by(source: str) -> dict[str, Any]:
    filters = {"type": "not", "field": {"type": "selector", "dimension": "eid", "value": "END"}}
    average = [{"type": "fieldAccess", "fieldName": name} for name in ("seconds", "n")]
    query = {
        "queryType": "groupBy",
        "granularity": "day",
        "dataSource": source,
        "dimensions": ["eid", {"type": "default", "dimension": "channel", "outputName": "where"}],
        "filter": filters,
        "aggregations": aggregations(),
        "postAggregations": [{"type": "arithmetic", "name": "avg", "fn": "/", "fields": average}],
    }
    return {"query_json": query}


def group_by_rows(oracle: Oracle) -> list[tuple[tuple[Any, ...], Row]]:
    found = oracle.by(oracle.day, lambda e: e["eid"], lambda e: e.get("channel"))
    made = []
    for (day, eid, where), group in found.items():
        if eid != "END":
            row = aggregated(group)
            seconds = row["seconds"]
            average = None if seconds is None else seconds / row["n"]
            row = {"Day": day, "Event": eid, "Where": where, **row, "Average": average}
            made.append(((where,), row))
    return made


def timeseries(source: str) -> dict[str, Any]:
    query = {"queryType": "timeseries", "granularity": "hour", "dataSource": source}
    return {"query_json": {**query, "aggregations": aggregations()}}


def timeseries_rows(oracle: Oracle) -> list[tuple[tuple[Any, ...], Row]]:
    found = oracle.by(lambda e: oracle.hour(at_of(e)))
    # an hour without events is there: none of them, and no sum of theirs
    return [((h,), {"Hour": h, **aggregated(found.get((h,), ()))}) for h in oracle.hours()]


def top_n(source: str) -> dict[str, Any]:
    query = {
        "queryType": "topN",
        "granularity": "day",
        "dataSource": source,
        "dimension": "did",
        "metric": "pages",
        "threshold": 3,
        "aggregations": aggregations()[1:2],
    }
    return {"query_json": query}


def top_n_rows(oracle: Oracle) -> list[tuple[tuple[Any, ...], Row]]:
    by_day = defaultdict(list)
    for (day, did), group in oracle.by(oracle.day, lambda e: e["did"]).items():
        by_day[day].append((total(group, "pages") or 0, did))
    return [
        ((day,), {"Day": day, "Device": did, "Pages": pages})
        for day, found in by_day.items()
        for pages, did in sorted(found, reverse=True)[:3]
    ]


def scan(source: str) -> dict[str, Any]:
    query = {"queryType": "scan", "dataSource": source, "columns": ["__time", *COLUMNS]}
    return {"query_json": query}


def scan_rows(oracle: Oracle) -> list[tuple[tuple[Any, ...], Row]]:
    made = []
    for one in oracle.events:
        # Druid keeps the values of a field with several in order
        tags = sorted(one["tags"]) if isinstance(one.get("tags"), list) else one.get("tags")
        row = {name: one.get(name) for name in COLUMNS} | {"tags": tags}
        at_ms = round(at_of(one).timestamp() * 1000)
        made.append(((one["eid"], one.get("channel")), {"at": at_ms, **row}))
    return made


def sql(source: str) -> dict[str, Any]:
    query = f"""
        SELECT TIME_FORMAT(TIME_FLOOR(__time, 'P1D'), 'yyyy-MM-dd') AS "day", channel,
          COUNT(*) AS n, SUM(pages) AS pages, MAX(user_id) AS top -- :from is no place here
        FROM "{source}" WHERE __time >= :from AND __time < :to AND eid <> ':to'
        GROUP BY 1, 2
    """
    return {"query": query}


def sql_rows(oracle: Oracle) -> list[tuple[tuple[Any, ...], Row]]:
    found = oracle.by(oracle.day, lambda e: e.get("channel"))
    made = []
    for (day, channel), group in found.items():
        row = aggregated(group)
        del row["seconds"]
        made.append(((channel,), {"Day": day, "Channel": channel, **row}))
    return made


AGGREGATED = {"n": "n", "pages": "pages", "seconds": "seconds", "top": "top"}
CASES = {
    "groupBy": Case(
        group_by,
        {"date": "Day", "eid": "Event", "where": "Where", **AGGREGATED, "avg": "Average"},
        ("where",),
        group_by_rows,
    ),
    "timeseries": Case(
        timeseries, ["Hour", "n", "pages", "seconds", "top"], ("date",), timeseries_rows
    ),
    "topN": Case(top_n, ["Day", "Device", "Pages"], ("date",), top_n_rows),
    "scan": Case(
        scan,
        {"__time": "at", **{name: name for name in COLUMNS}},
        ("eid", "channel"),
        scan_rows,
    ),
    "sql": Case(sql, ["Day", "Channel", "n", "pages", "top"], ("channel",), sql_rows),
}


@dataclass(frozen=True)
class Configured:
    """A report, and how it differs from the others."""

    case: Case
    report: Report
    zone: str
    format: str
    grouped: bool


def test_every_value_of_every_file_is_what_the_events_say(
    druid: Druid, kafka: Kafka, tmp_path: Path
) -> None:
    sent = _sent()
    source = _stream(druid, kafka, sent)
    with house(tmp_path / "home", druid.broker, druid.coordinator) as made:
        configured = [
            Configured(case, _submit(made, source, name, zone, form, grouped), zone, form, grouped)
            for name, case in CASES.items()
            for zone in ZONES
            for form in ("csv", "json")
            for grouped in (False, True)
        ]
        made.until(lambda: all(made.run(one.report).ended_at for one in configured))
        for one in configured:
            _check(made, one, sent)


def _sent() -> list[Event]:
    """More than eight days of them, up to now: seven whole ones in every zone.

    Druid tells of an empty hour only where it has a segment: so the last day has one everywhere.
    """
    now = datetime.now(UTC)
    first = now.replace(hour=0, minute=0, second=0, microsecond=0) - 9 * DAY
    return events(first, (now - first) // HOUR, seed=6)


def _stream(druid: Druid, kafka: Kafka, sent: Sequence[Event]) -> str:
    """A data source into which the events came through Kafka, all of them handed over."""
    source, topic = druid.name("telemetry"), kafka.topic(partitions=2)
    kafka.send(topic, sent[::2])
    kafka.send(topic, sent[1::2], partition=1)
    druid.supervise(source, topic, kafka.bootstrap, columns=COLUMNS, types=TYPES)
    druid.taken(source, len(sent))
    druid.suspend(source)
    druid.handed_over(source)
    druid.resume(source)
    return source


def _submit(made: House, source: str, name: str, zone: str, form: str, grouped: bool) -> Report:
    case = CASES[name]
    return made.submit(
        report_name=f"{name} {zone} {form} {grouped}",
        query_engine="druid",
        execution_frequency="DAILY",
        report_interval="LAST_7_DAYS",
        output_format=form,
        output_field_names=case.names,
        time_zone=zone,
        **({"group_by_fields": ",".join(case.groups)} if grouped else {}),
        **case.query(source),
    )


def _check(made: House, one: Configured, sent: Sequence[Event]) -> None:
    run = made.run(one.report)
    about = f"{one.report.report_id}: {run.state} {run.error}"
    assert run.state == "SUCCESS", about
    oracle = Oracle(sent, one.zone, *map(date.fromisoformat, (run.first_on, run.end_on)))
    wanted = _wanted(one, oracle)
    assert sum(map(len, wanted.values())) > 20, f"{about}: it proves nothing"
    found = made.files(one.report, run.end_on)
    assert run.rows == sum(map(len, wanted.values())), about
    assert {_folder(path) for path in found} == set(wanted), about
    for path, data in found.items():
        rows = wanted[_folder(path)]
        if one.format == "json":
            assert sorted(json_lines(json.loads(data))) == sorted(json_lines(rows)), path
            continue
        header, *lines = data.decode().split("\r\n")[:-1]
        assert header == ",".join(rows[0]), path
        assert sorted(lines) == sorted(csv_lines(rows)), path


def _wanted(one: Configured, oracle: Oracle) -> dict[str, list[Row]]:
    """The rows of each file, by its folder."""
    files = defaultdict(list)
    for values, row in one.case.rows(oracle):
        files["/".join(map(_part, values)) if one.grouped else ""].append(row)
    return files


def _part(value: Any) -> str:
    """A value as a folder: null is `unknown`, and so is that very text."""
    return "unknown" if value is None else quote(value, safe="") or "(empty)"


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


def test_the_events_are_such_that_a_mistake_would_show() -> None:
    sent = _sent()
    for name in COLUMNS:
        if name not in ("eid", "did"):
            assert any(name not in one for one in sent), f"{name} is never null"
    assert any(one.get("user_id", 0) > 2**53 for one in sent)
    assert any(one.get("pages") == 0 for one in sent)
    for zone in ZONES:
        last = datetime.now(UTC).date() - 2 * DAY
        oracle = Oracle(sent, zone, last - 6 * DAY, last)
        days = oracle.by(oracle.day, lambda e: e.get("channel"), lambda e: e["eid"])
        assert len({day for day, _, _ in days}) == 7
        assert any(total(found, "pages") is None for found in days.values())
        sums = [row["Pages"] for _, row in top_n_rows(oracle)]
        assert len(set(sums)) == len(sums), "the order of equal ones is not said"


@pytest.mark.parametrize("zone", ZONES)
def test_the_zones_cut_other_days_than_utc(zone: str) -> None:
    on = date(2026, 11, 21)
    assert Oracle([], zone, on, on).first_at != datetime(2026, 11, 21, tzinfo=UTC)
