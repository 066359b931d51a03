from __future__ import annotations

import copy
import json
import random
import re
from typing import Any

import pytest

from tallymark.calendar.periods import Calendar
from tallymark.engines.druid.mistakes import look
from tallymark.engines.druid.native import native
from tests.unit.engines.druid.windows import window

KOLKATA = Calendar("Asia/Kolkata")
DAY = window("2026-03-07", "2026-03-07", "Asia/Kolkata")
GROUPED: dict[str, Any] = {
    "queryType": "groupBy",
    "dataSource": "events",
    "granularity": "day",
    "dimensions": ["eid"],
    "aggregations": [
        {"type": "count", "name": "rows"},
        {"type": "doubleSum", "name": "total", "fieldName": "edata_value"},
    ],
    "postAggregations": [
        {
            "type": "arithmetic",
            "name": "average",
            "fn": "/",
            "fields": [
                {"type": "fieldAccess", "fieldName": "total"},
                {"type": "fieldAccess", "fieldName": "rows"},
            ],
        },
    ],
}
SELECTOR = {"type": "selector", "dimension": "eid", "value": None}


def wrong(query: Any) -> dict[str, str]:
    found = look(query, KOLKATA)
    return {one.field.removeprefix("query_json."): one.text for one in found.wrong + found.unknown}


def test_what_is_right_has_its_columns_and_nothing_to_say() -> None:
    found = look({**GROUPED, "filter": {"type": "not", "field": SELECTOR}}, KOLKATA)
    assert (found.wrong, found.unknown, found.warnings) == ([], [], [])
    assert found.output is not None
    assert found.output.columns == ("date", "eid", "rows", "total", "average")
    assert {name for _, name in found.columns} == {"eid", "edata_value"}


def test_every_mistake_of_a_query_is_said_at_once() -> None:
    """As the query of the founding document has them."""
    query = copy.deepcopy(GROUPED)
    query["aggregations"] = [{"type": "count", "name": "did", "fieldName": "context_did"}]
    query["filter"] = {
        "type": "and",
        "fields": [{"type": "selector", "name": "eid", "fieldName": "IMPRESSION"}] * 2,
    }
    query["intervals"] = ["2019-02-20T00:00:00.000/2019-01-27T23:59:59.000"]
    assert list(wrong(query)) == [
        "filter.fields[0].dimension",
        "filter.fields[0].value",
        "filter.fields[1].dimension",
        "filter.fields[1].value",
        "postAggregations[0].fields[0].fieldName",
        "postAggregations[0].fields[1].fieldName",
    ]
    warnings = " ".join(look(query, KOLKATA).warnings)
    assert "ignores its `fieldName`" in warnings
    assert "intervals: ignored" in warnings


@pytest.mark.parametrize(
    ("change", "field", "said"),
    [
        ({"queryType": "search"}, "queryType", "one of groupBy, timeseries, topN, scan"),
        ({"queryType": "topN"}, "metric", "`topN` needs `metric`"),
        ({"queryType": "scan"}, "columns", "`scan` needs `columns`"),
        ({"queryType": "scan", "columns": [{"dimension": "a"}]}, "columns[0]", "the name of"),
        ({"dataSource": None}, "dataSource", "the name of a data source"),
        ({"granularity": "daily"}, "granularity", "one of all, none, second"),
        ({"filters": SELECTOR}, "filters", "did you mean 'filter'?"),
        ({"filter": {"type": "selektor"}}, "filter.type", "did you mean 'selector'?"),
        ({"filter": ["eid"]}, "filter", "an object with a `type`"),
        ({"filter": {"type": "not", "field": {"type": "like"}}}, "filter.field.pattern", "`like`"),
        ({"filter": SELECTOR | {"dimension": 5}}, "filter.dimension", "the name of a column"),
        ({"dimensions": "eid"}, "dimensions", "a list"),
        ({"dimensions": [{"type": "default"}]}, "dimensions[0].dimension", "the name of a column"),
        ({"aggregations": [{"type": "countt"}]}, "aggregations[0].type", "did you mean 'count'?"),
        (
            {"aggregations": [{"type": "longSum", "name": "a"}]},
            "aggregations[0].fieldName",
            "needs",
        ),
        (
            {"aggregations": [{"type": "filtered", "aggregator": {"type": "count"}}]},
            "aggregations[0].aggregator.name",
            "`count` needs `name`",
        ),
        ({"postAggregations": [{"type": "constant", "value": 1}]}, "postAggregations[0].name", ""),
        (
            {"postAggregations": [{"type": "arithmetic", "name": "a", "fn": "%", "fields": []}]},
            "postAggregations[0].fn",
            "one of + - * /",
        ),
        ({"context": 5}, "context", "an object"),
        ({"aggregations": [{"type": "count", "name": "date"}]}, "", "it is the bucket's"),
        ({"dimensions": [], "granularity": "all", "aggregations": []}, "", "yields no column"),
        (
            {"dataSource": {"type": "query", "query": {**GROUPED, "granularity": "minute"}}},
            "dataSource.query.granularity",
            "of an inner query",
        ),
    ],
)
def test_a_mistake_is_said_at_its_place(change: dict[str, Any], field: str, said: str) -> None:
    query = {**GROUPED, "postAggregations": [], **change}
    assert said in wrong(query)[field or "query_json"]


def test_a_post_aggregation_reads_dimensions_and_those_before_it() -> None:
    reads = [{"type": "fieldAccess", "name": "x", "fieldName": name} for name in ("eid", "average")]
    query = {**GROUPED, "postAggregations": [*GROUPED["postAggregations"], *reads[:1]]}
    query["postAggregations"].append({**reads[1], "name": "y"})
    assert wrong(query) == {}
    query["postAggregations"].reverse()
    assert list(wrong(query)) == ["postAggregations[0].fieldName"]


def test_a_virtual_column_need_not_be_there() -> None:
    virtual = {"type": "expression", "name": "v", "expression": "1", "outputType": "LONG"}
    nested = {"type": "nested-field", "columnName": "n", "outputName": "w", "path": "$.a"}
    query = {**GROUPED, "virtualColumns": [virtual, nested], "dimensions": ["v", "w"]}
    assert wrong(query) == {}
    assert {name for _, name in look(query, KOLKATA).columns} == {"edata_value"}


def test_a_cut_by_another_zone_and_what_is_ignored_are_warned_of() -> None:
    cut = {"type": "period", "period": "P1D", "timeZone": "UTC"}
    query = {**GROUPED, "granularity": cut, "context": {"grandTotal": True}, "zzz": 1}
    found = look(query, KOLKATA)
    assert found.wrong == []
    assert [re.sub(":.*", "", text) for text in found.warnings] == [
        "query_json.zzz",
        "query_json.context.grandTotal",
        "query_json.granularity",
    ]


def test_depth_has_an_end() -> None:
    deep: Any = SELECTOR
    for _ in range(5000):
        deep = {"type": "not", "field": deep}
    assert "nested deeper" in wrong({**GROUPED, "filter": deep})["query_json"]


def test_nonsense_is_a_mistake_and_never_a_crash() -> None:
    """Every value of the query in turn becomes something else, by seed."""
    chance = random.Random(6)
    things = [None, 0, -1.5, True, "", "x", "filtered", [], [None], [[]], {}, {"type": None}]
    things += [{"type": "filtered"}, {"type": "default"}, {"a": {"type": "query", "query": []}}]
    right = {**GROUPED, "filter": {"type": "and", "fields": [SELECTOR]}, "virtualColumns": [{}]}

    def mangled(value: Any) -> Any:
        if chance.random() < 0.15:
            return copy.deepcopy(chance.choice(things))
        if isinstance(value, dict):
            return {key: mangled(inner) for key, inner in value.items()}
        return [mangled(inner) for inner in value] if isinstance(value, list) else value

    for _ in range(3000):
        query = {key: mangled(value) for key, value in right.items()}
        found = look(query, KOLKATA)
        assert found.wrong or found.output is not None, json.dumps(query)
        if not found.wrong:
            native(query, DAY)


def test_what_rows_are_sorted_and_cut_by_is_what_the_query_yields() -> None:
    having = {
        "type": "and",
        "havingSpecs": [
            {"type": "greaterThan", "aggregation": "totl", "value": 1},
            {"type": "not", "havingSpec": {"type": "dimSelector", "dimension": "x", "value": 1}},
            {"type": "lessThan", "aggregation": "average", "value": 9},
        ],
    }
    limit = {"type": "default", "columns": ["eid", {"dimension": "rws"}, {"dimension": "total"}]}
    found = wrong({**GROUPED, "having": having, "limitSpec": limit})
    assert found == {
        "having.havingSpecs[0].aggregation": "the query yields no 'totl': did you mean 'total'?",
        "having.havingSpecs[1].havingSpec.dimension": "the query yields no 'x'",
        "limitSpec.columns[1]": "the query yields no 'rws': did you mean 'rows'?",
    }


def test_a_dimension_of_a_type_that_druid_would_take_for_a_plain_one_is_refused() -> None:
    cut = {"type": "extractoin", "dimension": "eid", "outputName": "short"}
    assert list(wrong({**GROUPED, "dimensions": [cut]})) == ["dimensions[0].type"]


def test_a_top_list_is_sorted_by_what_it_yields() -> None:
    top = {
        "queryType": "topN",
        "dataSource": "events",
        "granularity": "all",
        "dimension": "eid",
        "threshold": 5,
        "aggregations": [{"type": "count", "name": "rows"}],
    }
    assert wrong({**top, "metric": {"type": "inverted", "metric": "rows"}}) == {}
    assert wrong({**top, "metric": {"type": "dimension", "ordering": "lexicographic"}}) == {}
    assert list(wrong({**top, "metric": {"type": "numeric", "metric": "rwos"}})) == [
        "metric.metric"
    ]
