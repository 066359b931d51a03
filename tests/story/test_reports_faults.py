"""What goes wrong between Druid and the store: the file is right, or its run says why not."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tallymark.files import stores
from tallymark.net.engines import EngineHttp
from tests.contract.files.faulty import Fault, Faulty, faulty
from tests.report_world import GROUPED, PLAIN, files_of, read
from tests.servers.s3 import S3
from tests.servers.standin import StandIn
from tests.stores import s3_at
from tests.story.installation import DAY, HOUR, MakeInstallation
from tests.story.reports_world import FIRST, ReportStory, report_story

SOAK = bool(os.environ.get("SOAK"))
SQL = 'SELECT eid, COUNT(*) AS n FROM "summary-standin" WHERE __time >= :from AND __time < :to'
BY_SQL = {"query_json": None, "query_sql": f"{SQL} GROUP BY 1", "headings": ()}
SCAN = {
    "queryType": "scan",
    "dataSource": "summary-standin",
    "columns": ["__time", "eid", "device", "value", "big"],
}
BY_SCAN = {"query_json": SCAN, "headings": ()}
USERS_MISTAKE = {
    "error": "Unknown exception",
    "errorMessage": "Could not resolve type id 'counts' as a subtype of AggregatorFactory",
    "errorClass": "com.fasterxml.jackson.databind.exc.InvalidTypeIdException",
}
AWAY = {"error": "Service Unavailable"}


def work_on(reports: ReportStory, hours: int = 3, step: timedelta = HOUR / 2) -> None:
    """Long enough for whatever is tried again soon."""
    reports.installation.work_until(reports.installation.clock.at + hours * HOUR, step)


def by_sql(reports: ReportStory) -> list[dict[str, Any]]:
    counted: dict[str, int] = {}
    for row in files_of(PLAIN, FIRST, reports.data)[f"{PLAIN}-{FIRST}.json"]:
        counted[row["eid"]] = counted.get(row["eid"], 0) + row["n"]
    return [{"eid": eid, "n": counted[eid]} for eid in sorted(counted)]


# -- Druid -------------------------------------------------------------------------------------


FAULTS = {
    "cut": ({}, ""),
    "stall": ({}, ""),
    "short": ({}, "torn"),
    "status 500": ({"status": 500, "body": {"error": "Unknown exception"}}, "Druid failed"),
    "status 429": ({"status": 429, "body": {"error": "Too many"}}, "no room"),
}
FEW = [("sql", "short"), ("sql", "cut"), ("grouped", "cut")]
MORE = [(query, fault) for query in ("sql", "grouped") for fault in FAULTS]


@pytest.mark.parametrize(
    ("query", "fault"), [*(("native", fault) for fault in FAULTS), *(MORE if SOAK else FEW)]
)
def test_an_answer_that_breaks_off_is_tried_again_and_never_a_short_file(
    query: str, fault: str, reports: ReportStory
) -> None:
    how, said = FAULTS[fault]
    report_id = GROUPED if query == "grouped" else PLAIN
    more = {"native": {}, "grouped": {"group_by": ("device",)}, "sql": BY_SQL}[query]
    impatient(reports)
    fault_of_rows(reports.druid, fault.split()[0], **how)
    reports.configure(report_id, **more)
    reports.installation.work()
    run = reports.last()
    assert (run["state"], run["attempts"]) == ("RETRY", 1)
    assert said in run["error"]
    assert reports.files() == {}
    reports.druid.clear()
    work_on(reports)
    assert reports.last()["state"] == "SUCCESS"
    assert reports.last()["error"] is None
    wanted = files_of(report_id, FIRST, reports.data)
    if query == "sql":
        wanted = {f"{PLAIN}-{FIRST}.json": by_sql(reports)}
    assert reports.files() == wanted


def impatient(reports: ReportStory) -> None:
    """An engine's client that waits half a second for the next piece of an answer."""
    reporting = reports.installation.running.reporting
    allow = frozenset(a for engine in reporting.engines.values() for a in engine.addresses())
    reporting.__dict__["http"] = EngineHttp(allow, reports.installation.clock, idle_s=0.5)


def fault_of_rows(druid: StandIn, kind: str, **how: Any) -> None:
    """Only the queries of the reports fail, not the looks at segments."""
    for of in ('"queryType"', '"query": "SELECT eid'):
        druid.fault(kind, of=of, **how)


def test_while_druid_refuses_connections_or_is_not_there_no_attempt_is_used_up(
    reports: ReportStory,
) -> None:
    reports.configure(PLAIN)
    reports.druid.stop()
    work_on(reports)
    run = reports.last()
    assert (run["state"], run["attempts"], run["error"]) == ("SUBMITTED", 0, None)
    assert run["waits_for"]
    fault_of_rows(reports.druid, "status", status=503, body=AWAY)
    reports.druid.start()
    work_on(reports)
    run = reports.last()
    assert (run["state"], run["attempts"]) == ("SUBMITTED", 0)
    assert "not there" in run["waits_for"]
    reports.druid.clear()
    work_on(reports)
    assert reports.last()["state"] == "SUCCESS"
    assert reports.files() == files_of(PLAIN, FIRST, reports.data)


@pytest.mark.parametrize("status", [307, 404])
def test_three_days_of_a_stranger_at_druids_address_close_no_date(
    status: int, reports: ReportStory
) -> None:
    reports.configure(PLAIN)
    reports.druid.fault("status", prefix="/", status=status, body="default backend - 404")
    work_on(reports, 72, 2 * HOUR)
    assert reports.select("SELECT DISTINCT open, attempts FROM report_runs") == [(1, 0)]
    assert f"answered {status}" in reports.last()["waits_for"]
    reports.druid.clear()
    work_on(reports)
    assert reports.states() == {"SUCCESS": 4}


def test_a_fault_that_stays_is_failed_with_its_reason_at_the_deadline_and_mended_later(
    reports: ReportStory,
) -> None:
    fault_of_rows(reports.druid, "cut")
    reports.configure(PLAIN)
    work_on(reports, 26, 2 * HOUR)
    failed = reports.select("SELECT state, open, error FROM report_runs ORDER BY id LIMIT 1")
    assert [(state, is_open) for state, is_open, _ in failed] == [("FAILED", 1)]
    assert failed[0][2]
    assert reports.files() == {}
    reports.druid.clear()
    work_on(reports, 3)
    assert set(reports.states()) == {"SUCCESS"}


@pytest.mark.parametrize("status", [400, 500])
def test_a_mistake_in_the_query_is_failed_in_druids_words_and_leaves_the_earlier_file(
    status: int, reports: ReportStory
) -> None:
    reports.configure(PLAIN)
    reports.installation.work()
    earlier = reports.objects()
    fault_of_rows(reports.druid, "status", status=status, body=USERS_MISTAKE)
    reports.data.plus = 1
    reports.regenerate(PLAIN)
    work_on(reports)
    run = reports.last()
    assert (run["revision"], run["state"], run["open"], run["attempts"]) == (2, "FAILED", 0, 1)
    assert "'counts' as a subtype of AggregatorFactory" in run["error"]
    assert run["advice"]
    assert reports.objects() == earlier
    # once it is mended, a person wants the date again
    reports.druid.clear()
    reports.regenerate(PLAIN)
    work_on(reports)
    assert reports.last()["state"] == "SUCCESS"
    assert reports.files()[f"{PLAIN}-{FIRST}.json"] == next(
        iter(files_of(PLAIN, FIRST, reports.data).values())
    )


def test_whatever_druid_says_is_noted_on_both_databases(
    database_url: str | None, home: Path, make_installation: MakeInstallation
) -> None:
    reports = report_story(make_installation, home=home, database_url=database_url)
    said = {"error": "druidException", "errorMessage": "a NUL \0 in it"}
    fault_of_rows(reports.druid, "status", status=400, body=said)
    reports.configure(PLAIN)
    reports.installation.work()
    assert reports.last()["state"] == "FAILED"
    assert "a NUL  in it" in reports.last()["error"]


ODD = [[{"version": "v1", "odd": 1}], [7], {"error": "odd"}]


@pytest.mark.parametrize("body", ODD)
@pytest.mark.parametrize("question", ["groupBy", "sys.segments"])
def test_an_answer_of_another_shape_is_said_and_holds_up_no_later_date(
    question: str, body: Any, reports: ReportStory
) -> None:
    reports.installation.clock.at += DAY
    for of in ("2026-11-08T18:30:00Z/", '"2026-11-08T18:30:00.000Z"'):
        if (question == "groupBy") == of.endswith("/"):
            reports.druid.fault("odd", of=of, body=body)
    reports.configure(PLAIN)
    work_on(reports)
    found = reports.select("SELECT state, error, waits_for FROM report_runs ORDER BY end_on")
    (state, error, waits_for), (later, _, _) = found
    # a look that cannot be taken is waited for
    assert (state in ("RETRY", "FAILED") and error) or (state == "SUBMITTED" and waits_for)
    assert later == "SUCCESS"
    assert reports.files() == files_of(PLAIN, FIRST + DAY, reports.data)
    reports.druid.clear()
    work_on(reports, 8)
    if state != "FAILED":
        assert reports.states() == {"SUCCESS": 2}


@pytest.mark.parametrize("output_format", ["json", "jsonl", "csv", "parquet"])
def test_a_type_that_changes_between_rows_is_kept_as_it_is_or_failed(
    output_format: str, reports: ReportStory
) -> None:
    reports.data.text_from = "2026-11-09T12:00:00+00:00"
    reports.configure(PLAIN, **BY_SCAN, output_format=output_format)
    work_on(reports)
    run = reports.last()
    if output_format == "parquet":
        assert (run["state"], run["open"]) == ("FAILED", 0)
        assert "value" in run["error"]
        assert [path for path in reports.objects() if path.endswith(".parquet")] == []
        return
    assert (run["state"], run["rows"]) == ("SUCCESS", 48)
    text = reports.objects()[f"{PLAIN}-{FIRST}.{output_format}"].decode()
    quotes = "" if output_format == "csv" else '"'
    assert text.count(f"?{quotes}") == 13
    if output_format == "json":
        (rows,) = reports.files().values()
        kinds = [type(row["value"]) for row in rows]
        assert kinds == [int] * 35 + [str] * 13


# -- the store ---------------------------------------------------------------------------------

STORE = """
stores:
  lake:
    {url: "s3://BUCKET/r", endpoint: "${AT}", region: "us-east-1", key_id: "${KEY}",
     secret: "${SECRET}"}
"""


@pytest.fixture
def proxy(s3: S3, monkeypatch: pytest.MonkeyPatch) -> Iterator[Faulty]:
    monkeypatch.setattr(stores, "REQUEST_FOR", timedelta(seconds=1))
    soon = {"init_backoff": timedelta(milliseconds=5), "max_backoff": timedelta(milliseconds=5)}
    monkeypatch.setattr(stores, "RETRIES", {**stores.RETRIES, "backoff": soon})
    with faulty(s3.endpoint) as running:
        yield running


DOES = ("refuse", "late", "lose", "hang", "halve")


@pytest.mark.parametrize(
    ("report_id", "do"),
    [*((PLAIN, do) for do in DOES), *((GROUPED, do) for do in (DOES if SOAK else ("late",)))],
)
def test_a_store_that_fails_or_answers_too_late_ends_with_each_file_once_and_right(
    report_id: str, do: str, make_installation: MakeInstallation, s3: S3, proxy: Faulty
) -> None:
    bucket = s3.make_bucket()
    store = s3_at(s3, bucket, "r")()
    settings = {"AT": f"http://{proxy.at}", "KEY": s3.key, "SECRET": s3.secret}
    more = STORE.replace("BUCKET", bucket)
    reports = report_story(make_installation, more, settings=settings)
    group_by = ("device",) if report_id == GROUPED else ()
    reports.configure(report_id, store="lake", group_by=group_by)
    proxy.begin(Fault(do, f"{report_id}-{FIRST}"))
    work_on(reports, 1)
    assert proxy.struck > 0
    run = reports.last()
    assert run["state"] in ("RETRY", "SUCCESS")
    assert run["state"] == "SUCCESS" or run["error"]
    proxy.begin(None)
    work_on(reports, 4)
    assert reports.last()["state"] == "SUCCESS"
    found = {key.partition("/")[2]: store.get(key) for key in store.list("")}
    assert read(found).files == files_of(report_id, FIRST, reports.data)
