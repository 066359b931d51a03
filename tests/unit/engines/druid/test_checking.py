"""What a check says, whatever the query is and whatever the address answers."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

import pytest

from tallymark.engines import Around, Memory, Query
from tallymark.engines.druid import Druid
from tallymark.engines.druid.binding import bind
from tallymark.engines.druid.plan import check_cut
from tallymark.errors import Refused, RetryableError
from tests.unit.engines.druid.windows import window

DAY = window("2026-03-08", "2026-03-08", "America/New_York")
DRUID = Druid(broker="http://druid", coordinator="http://druid")
COLUMNS = [["events", name, "VARCHAR"] for name in ("__time", "eid", "device", "value")]
PLAN = [["[]", '[{"name":"events","type":"DATASOURCE"}]', "{}"]]
SELECTOR = {"type": "selector", "dimension": "eid", "value": "x"}
SUM = {"type": "doubleSum", "name": "total", "fieldName": "value"}
COUNT = {"type": "count", "name": "rows"}
NATIVE: list[dict[str, Any]] = [
    {
        "queryType": "groupBy",
        "dataSource": {"type": "query", "query": {"queryType": "scan", "dataSource": "events"}},
        "granularity": {"type": "period", "period": "P1D", "timeZone": "America/New_York"},
        "virtualColumns": [{"type": "expression", "name": "v", "expression": "1"}],
        "dimensions": [
            "eid",
            {"type": "listFiltered", "delegate": {"type": "default", "dimension": "device"}},
        ],
        "filter": {"type": "and", "fields": [SELECTOR, {"type": "not", "field": SELECTOR}]},
        "aggregations": [COUNT, {"type": "filtered", "filter": SELECTOR, "aggregator": SUM}],
        "postAggregations": [
            {
                "type": "arithmetic",
                "name": "average",
                "fn": "/",
                "fields": [
                    {"type": "fieldAccess", "fieldName": "total"},
                    {"type": "constant", "value": 2},
                ],
            }
        ],
        "having": {
            "type": "and",
            "havingSpecs": [
                {"type": "greaterThan", "aggregation": "rows", "value": 1},
                {"type": "not", "havingSpec": {"type": "dimSelector", "dimension": "eid"}},
            ],
        },
        "limitSpec": {"type": "default", "columns": [{"dimension": "eid"}], "limit": 5},
        "subtotalsSpec": [["eid"]],
        "context": {"timeout": 5},
    },
    {
        "queryType": "timeseries",
        "dataSource": {
            "type": "join",
            "left": {"type": "table", "name": "events"},
            "right": {"type": "union", "dataSources": ["events"]},
        },
        "granularity": {"type": "duration", "duration": 3600000},
        "intervals": ["2026-01-01/2026-01-02"],
        "filter": {"type": "columnComparison", "dimensions": ["eid", {"dimension": "device"}]},
        "aggregations": [{"type": "cardinality", "name": "devices", "fields": ["device"]}],
        "postAggregations": [
            {"type": "hyperUniqueCardinality", "name": "unique", "fieldName": "devices"}
        ],
        "limit": 5,
    },
    {
        "queryType": "topN",
        "dataSource": "events",
        "granularity": "all",
        "dimension": {"type": "default", "dimension": "eid", "outputName": "e"},
        "metric": {"type": "inverted", "metric": {"type": "numeric", "metric": "total"}},
        "threshold": 5,
        "aggregations": [SUM],
    },
    {
        "queryType": "scan",
        "dataSource": "events",
        "columns": ["__time", "eid"],
        "filter": {"type": "in", "dimension": "eid", "values": ["a"]},
        "orderBy": [{"columnName": "__time", "order": "ascending"}],
        "limit": 5,
    },
]
TOP = Query(json=NATIVE[2])
ODD: list[Any] = [None, 5, "x", [], [1], {}, True, {"type": [1]}, {"type": {}}, {"name": [1]}]
SQL = "SELECT eid, COUNT(*) FROM events WHERE __time >= :from AND __time < :to GROUP BY 1"
SHAPES = [b'{"a":1}', b"5", b"null", b'["ab"]', b'["abc"]', b"[[1]]", b"[[null,null,null]]", b"{}"]


@dataclass
class Answering:
    """A Druid's address that answers a question about its columns, its plan, and any other so."""

    columns: bytes = json.dumps(COLUMNS).encode()
    plan: bytes = json.dumps(PLAN).encode()
    others: bytes = b"[]"
    refused: bytes = b""

    def ask(self, url: str, *, body: Any = None, **_: Any) -> bytes:
        query = body.get("query", "") if isinstance(body, Mapping) else ""
        if "INFORMATION_SCHEMA" in query or "sys.segments" in query:
            return self.columns
        if query.startswith("EXPLAIN"):
            return self.plan
        if self.refused:
            raise Refused("druid answered", status=400, headers={}, body=self.refused)
        return self.others


def around(http: Any) -> Around:
    return Around(http=http, metrics=cast(Any, None), memory=Memory())


def changed(value: Any) -> Iterator[Any]:
    """The value with each of its nodes in turn replaced by each odd thing."""
    if not isinstance(value, dict | list):
        return
    for key in value if isinstance(value, dict) else range(len(value)):
        for other in [*ODD, *changed(value[key])]:
            made = copy.copy(value)
            made[key] = other
            yield made


@pytest.mark.parametrize("query", NATIVE, ids=[one["queryType"] for one in NATIVE])
@pytest.mark.parametrize("http", [Answering(), Answering(refused=b'{"errorMessage": "no"}')])
def test_odd_json_at_any_place_of_a_query_is_a_mistake_and_never_a_crash(
    query: dict[str, Any], http: Answering
) -> None:
    checked = DRUID.check(Query(json=query), "", DAY, around(Answering()))
    assert (checked.wrong, checked.unchecked) == ((), False)
    for odd in changed(query):
        checked = DRUID.check(Query(json=odd), "", DAY, around(http))
        assert checked.wrong or checked.output is not None, json.dumps(odd)
        assert all(one.field.startswith("query_json") for one in checked.wrong)


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"virtualColumns": [{"type": "expression", "name": [1]}]}, "virtualColumns[0].name"),
        ({"virtualColumns": [5]}, "virtualColumns[0].name"),
        ({"having": {"type": [1]}}, "having"),
        ({"having": {"type": {}}}, "having"),
        (
            {"aggregations": [{"type": "filtered", "filter": SELECTOR, "aggregator": 5}]},
            "aggregations[0].aggregator",
        ),
        ({"granularity": {"type": "period"}}, "granularity"),
        ({"granularity": {"type": "period", "period": "1 day"}}, "granularity"),
        ({"granularity": {"type": "duration"}}, "granularity"),
    ],
)
def test_an_odd_value_is_told_with_the_path_at_which_it_stands(
    change: dict[str, Any], path: str
) -> None:
    query = {"queryType": "groupBy", "dataSource": "events", "aggregations": [COUNT], **change}
    checked = DRUID.check(Query(json=query), "", DAY, around(Answering()))
    assert f"query_json.{path}" in {one.field for one in checked.wrong}


@pytest.mark.parametrize("shape", SHAPES)
def test_an_address_that_answers_something_else_leaves_a_query_unchecked(shape: bytes) -> None:
    strange = around(Answering(columns=shape, plan=shape))
    for query in (Query(json=NATIVE[0]), Query(sql=SQL)):
        checked = DRUID.check(query, "", DAY, strange)
        assert (checked.wrong, checked.unchecked) == ((), True)
        assert "look at the addresses of the engine druid" in checked.warnings[-1]


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("query", [TOP, Query(sql=SQL)])
def test_an_address_that_answers_something_else_is_waited_for(shape: bytes, query: Query) -> None:
    strange = around(Answering(columns=shape, plan=shape, others=shape))
    for look in (DRUID.ready, lambda query, _, *rest: DRUID.state(query, *rest)):
        with pytest.raises(RetryableError, match="look at the addresses of the engine druid"):
            look(query, "both", DAY, strange)
    if query.sql:
        with pytest.raises(RetryableError, match="look at the addresses of the engine druid"):
            list(DRUID.ask(query, DAY, strange))


@pytest.mark.parametrize("status", [{"state": "RUNNING", "latestOffsets": {"0": 5}}, [], None, 5])
def test_a_supervisor_that_says_something_else_is_waited_for(status: Any) -> None:
    @dataclass
    class Supervised(Answering):
        columns: bytes = b"[]"

        def ask(self, url: str, *, body: Any = None, **_: Any) -> bytes:
            if url.endswith("/status"):
                return json.dumps({"payload": status}).encode()
            if "supervisor" in url:
                spec = {"type": "kafka", "spec": {"dataSchema": {"dataSource": "events"}}}
                return json.dumps([{"id": "s", "spec": spec}]).encode()
            return super().ask(url, body=body)

    with pytest.raises(RetryableError, match="look at the addresses of the engine druid"):
        DRUID.ready(TOP, "both", DAY, around(Supervised()))


def test_an_object_is_no_empty_list_of_supervisors() -> None:
    """A report that waits for its stream would run too early."""

    @dataclass
    class Unlisted(Answering):
        def ask(self, url: str, **asked: Any) -> bytes:
            return b"{}" if "supervisor" in url else super().ask(url, **asked)

    with pytest.raises(RetryableError, match="look at the addresses of the engine druid"):
        DRUID.ready(TOP, "", DAY, around(Unlisted()))


def test_a_plan_that_holds_no_json_where_it_should_is_something_else() -> None:
    planned = json.dumps([['[{"granularity": "{no json"}]', "[]", "{}"]]).encode()
    clocks_go_forward = window("2026-03-29", "2026-03-30", "Asia/Beirut")
    with pytest.raises(RetryableError, match="look at the addresses"):
        check_cut(DRUID.server, bind(SQL), clocks_go_forward, Answering(plan=planned))  # type: ignore[arg-type]
