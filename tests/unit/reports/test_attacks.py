"""What somebody with a token to write may try: it is refused when configured, or it is only data.

The engine is the real one, and away: what is refused here is refused by our own look at it.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import Engine as Database

from tallymark.calendar.periods import Calendar
from tallymark.engines import Around, Metrics
from tallymark.engines.druid import Druid
from tallymark.errors import BadRequest, WrongFields
from tallymark.files import check_key
from tallymark.files.local import LocalFiles
from tallymark.net.engines import EngineHttp
from tallymark.reports.parts import Parts
from tallymark.reports.pattern import naming, object_path
from tallymark.reports.request.configure import Configure
from tallymark.reports.request.parse import parse
from tallymark.reports.store import Configured, spec_of
from tests.clock import FakeClock
from tests.tools.ports import free_port

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
PRINTED = Path(__file__).with_name("request_as_printed.txt").read_text()
MENDED = PRINTED.replace(' fieldName"', ' "fieldName"')

INJECTED = (
    "' OR '1'='1", "'; DROP TABLE reports; --", '" OR ""="', "1; SELECT pg_sleep(10)--",
    "') UNION SELECT * FROM tokens --", "admin'/*", "*/ OR 1=1 /*", "%27%20OR%201=1",
    "${jndi:ldap://127.0.0.1/x}", "{{7*7}}", "{x.__class__.__mro__}", "%(x)s", "<script>1</script>",
    "../../../etc/passwd", "/etc/passwd", "C:\\windows", "=1+1", "@SUM(1)", "$(id)", "`id`", "|id",
)  # fmt: skip


@pytest.fixture(scope="module")
def configure(tmp_path_factory: pytest.TempPathFactory) -> Configure:
    folder = tmp_path_factory.mktemp("reports")
    address = f"http://127.0.0.1:{free_port()}"
    druid, clock = Druid(broker=address, coordinator=address), FakeClock(NOW)
    http = EngineHttp(frozenset(druid.addresses()), clock)
    parts = Parts(
        database=cast(Database, None),
        engines={"druid": druid},
        stores={"": LocalFiles(folder)},
        around=Around(http=http, metrics=cast(Metrics, None)),
        calendar=Calendar("Asia/Kolkata"),
        clock=clock,
        scratch=folder,
    )
    return Configure(parts=parts, formats=("json", "csv"), addresses={"": "/lake/reports"})


def sound(**changed: Any) -> dict[str, Any]:
    """The founding sample with all of its mistakes mended."""
    request: dict[str, Any] = json.loads(MENDED)["request"]
    query = request["query_json"]
    for one in query["filter"]["fields"]:
        one["dimension"], one["value"] = one.pop("name"), one.pop("fieldName")
    query["aggregations"] += [
        {"type": "doubleSum", "name": "total_edata_value", "fieldName": "edata_value"},
        {"type": "count", "name": "rows"},
    ]
    return {**request, **changed}


def understood(configure: Configure, request: Any) -> Configured:
    text = request if isinstance(request, str) else json.dumps(request)
    return configure.understood(text)[1]


def refused(configure: Configure, request: Any) -> set[str]:
    with pytest.raises(WrongFields) as found:
        understood(configure, request)
    return {one.field for one in found.value.found}


def test_the_founding_sample_as_printed_is_told_its_first_missing_quote(
    configure: Configure,
) -> None:
    with pytest.raises(BadRequest, match="line 25, column 56: the name fieldName lacks its open"):
        understood(configure, PRINTED)


def test_the_founding_sample_with_its_quotes_is_told_every_other_fault_at_once(
    configure: Configure,
) -> None:
    with pytest.raises(WrongFields) as found:
        understood(configure, MENDED)
    filters = [f"query_json.filter.fields[{n}]" for n in range(4)]
    operands = [f"query_json.postAggregations[0].fields[{n}].fieldName" for n in range(2)]
    assert [one.field for one in found.value.found] == [
        *(f"{one}.{needed}" for one in filters for needed in ("dimension", "value")), *operands,
    ]  # fmt: skip
    assert "no aggregation is named 'total_edata_value'" in found.value.found[-2].text
    ignored = " ".join(found.value.warnings)
    assert "`count` counts rows and ignores its `fieldName`" in ignored
    assert "query_json.intervals: ignored" in ignored


def test_the_founding_sample_mended_is_taken_unchecked_while_its_engine_is_away(
    configure: Configure,
) -> None:
    found = understood(configure, sound())
    assert found.unchecked
    assert found.spec.headings == (
        ("date", "date"), ("eid", "eid"), ("avg__edata_value", "Average Collection Downloads"),
    )  # fmt: skip


@pytest.mark.parametrize(
    "changed",
    [
        {"queryType": "segmentMetadata"},
        {"queryType": "dataSourceMetadata"},
        {"queryType": "scan'; --"},
        {"dataSource": {"type": "inline", "columnNames": ["a"], "rows": [[1]]}},
        {"dataSource": {"type": "external", "inputSource": {"uris": ["http://169.254.169.254"]}}},
        {"dataSource": ["a", "b"]},
        {"filter": {"type": "selector", "dimension": {"type": "x'"}, "value": 1}},
        {"filter": {"type": "no such", "fields": []}},
        {"granularity": "day'; --"},
        {"granularity": "PT0S"},
        {"postAggregations": [{"type": "fieldAccess", "name": "x", "fieldName": "' OR 1=1"}]},
        {"aggregations": [{"type": "exec", "name": "x", "fieldName": "y"}]},
    ],
    ids=str,
)
def test_a_query_that_is_more_than_a_query_is_refused(
    configure: Configure, changed: dict[str, Any]
) -> None:
    query = {**sound()["query_json"], "postAggregations": [], **changed}
    names = ["date", "eid", "context_did", "total", "rows"]
    fields = refused(configure, sound(query_json=query, output_field_names=names))
    assert any(field.startswith("query_json.") for field in fields)


WITHIN = "WHERE __time >= :from AND __time < :to"


@pytest.mark.parametrize(
    "query",
    [
        f"SELECT 1 FROM t {WITHIN}; DROP TABLE t",
        f"SELECT 1 FROM t {WITHIN}; --",
        f"SET sqlTimeZone = 'UTC'; SELECT 1 FROM t {WITHIN}",
        f"INSERT INTO t SELECT * FROM u {WITHIN} PARTITIONED BY ALL",
        f"REPLACE INTO t OVERWRITE ALL SELECT * FROM u {WITHIN} PARTITIONED BY ALL",
        f"EXPLAIN PLAN FOR SELECT 1 FROM t {WITHIN}",
        f"SELECT 1 FROM t {WITHIN} AND x = ?",
        f"SELECT 1 FROM t {WITHIN} AND x = :password",
        "SELECT ':from' FROM t -- :to",
        "SELECT 1 FROM t /* :from :to */",
        "SELECT 1 FROM t WHERE __time >= :from AND x = 'open AND __time < :to",
    ],
)
def test_sql_that_is_more_than_one_question_is_refused(configure: Configure, query: str) -> None:
    assert refused(configure, sound(query_json=None, query=query)) == {"query"}


@pytest.mark.parametrize(
    "field",
    ["query_engine", "execution_frequency", "report_interval", "output_format", "destination",
     "time_zone", "at", "start", "deadline", "catch_up", "availability", "retention", "latest",
     "output_file_pattern"],
)  # fmt: skip
def test_a_field_with_a_meaning_takes_no_other_text(configure: Configure, field: str) -> None:
    for text in INJECTED:
        draft = parse(sound(**{field: text}), configure.known, NOW)
        assert field in {one.field for one in draft.wrong}, text


def test_a_text_without_a_meaning_is_data_and_makes_no_way(configure: Configure) -> None:
    pattern = "{channel_id}/{report_name}-{end_date}"
    for text in INJECTED:
        named = {"report_name": text, "channel_id": text, "output_file_pattern": pattern}
        spec = parse(sound(**named), configure.known, NOW).spec
        assert (spec.report_name, spec.channel_id) == (text, text)
        names = naming("x-0", spec, first_on=NOW.date(), end_on=NOW.date(), made_at=NOW)
        path = object_path(spec.pattern, names, {})
        assert path.count("/") == 1
        assert check_key(f"druid-reports/{path}") == f"druid-reports/{path}"


def test_grouping_by_what_is_no_column_is_refused(configure: Configure) -> None:
    for text in (*INJECTED, "__class__", "eid.__class__"):
        assert refused(configure, sound(group_by_fields=["eid", text])) == {"group_by_fields"}


def test_what_is_stored_comes_back_as_it_was(configure: Configure) -> None:
    spec = understood(configure, sound(channel_id="Ü 'x' \"y\"")).spec
    assert spec_of(json.loads(json.dumps(asdict(spec)))) == spec
