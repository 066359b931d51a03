from __future__ import annotations

import json
from typing import Any

import pytest

from tallymark.engines import Window
from tallymark.engines.druid.native import native
from tallymark.errors import FatalError, RetryableError
from tests.unit.engines.druid.windows import window

# the clocks of New York go forward on the 8th
NEW_YORK = window("2026-03-07", "2026-03-09", "America/New_York")
COUNT = [{"type": "count", "name": "n"}]
BEYOND = 2**53 + 1


def rows(query: dict[str, Any], answer: Any, over: Window = NEW_YORK) -> list[tuple[Any, ...]]:
    text = json.dumps(answer, separators=(",", ":")).encode()
    asked = native({"dataSource": "events", "aggregations": COUNT, **query}, over)
    parts = list(asked.rows(iter([text]), over.calendar))
    assert {part.columns for part in parts} == {asked.output.columns}
    return [tuple(row) for part in parts for row in part.rows]


def test_the_interval_is_ours_in_utc() -> None:
    query = {"queryType": "timeseries", "dataSource": "e", "intervals": ["2019-02-20/2019-01-27"]}
    assert native(query, NEW_YORK).body["intervals"] == [
        "2026-03-07T05:00:00Z/2026-03-10T04:00:00Z"
    ]


def test_what_would_change_the_form_of_the_answer_is_ours() -> None:
    context = {"grandTotal": True, "timeout": 5}
    scan = {"queryType": "scan", "columns": ["a"], "resultFormat": "list", "context": context}
    body = native({"dataSource": "e", **scan}, NEW_YORK).body
    assert (body["resultFormat"], body["context"]["grandTotal"]) == ("compactedList", False)
    assert body["context"]["timeout"] == 5


def test_a_group_by_gives_dates_of_the_zone_and_values_as_they_are() -> None:
    query = {
        "queryType": "groupBy",
        "granularity": "day",
        "dimensions": ["a", {"type": "default", "dimension": "b", "outputName": "c"}],
        "postAggregations": [{"type": "expression", "name": "p", "expression": "n"}],
    }
    answer = [
        {"timestamp": "2026-03-07T05:00:00.000Z", "event": {"a": "", "c": "0", "n": 0, "p": 0.5}},
        {
            "timestamp": "2026-03-09T00:00:00.000-04:00",
            "event": {"a": None, "c": None, "n": BEYOND, "p": None},
        },
    ]
    assert rows(query, answer) == [
        ("2026-03-07", "", "0", 0, 0.5),
        ("2026-03-09", None, None, BEYOND, None),
    ]


def test_hours_carry_the_offset_of_the_zone() -> None:
    answer = [
        {"timestamp": "2026-03-08T01:00:00.000-05:00", "result": {"n": 1}},
        {"timestamp": "2026-03-08T07:00:00.000Z", "result": {"n": None}},
    ]
    assert rows({"queryType": "timeseries", "granularity": "hour"}, answer) == [
        ("2026-03-08T01:00:00-05:00", 1),
        ("2026-03-08T03:00:00-04:00", None),
    ]


def test_a_top_n_has_a_row_for_each_place() -> None:
    query = {"queryType": "topN", "dimension": "a", "metric": "n", "threshold": 2}
    places = [{"a": "x", "n": 2}, {"a": None, "n": 1}]
    answer = [{"timestamp": "2026-03-07T07:21:00.000Z", "result": places}]
    assert rows(query, answer) == [("x", 2), (None, 1)]
    day = [{"timestamp": "2026-03-08T05:00:00.000Z", "result": places[:1]}]
    assert rows({**query, "granularity": "day"}, day) == [("2026-03-08", "x", 2)]


def test_a_scan_gives_its_columns_and_lists_of_values() -> None:
    query = {"queryType": "scan", "columns": ["__time", "tags"]}
    batch = {"columns": ["__time", "tags"], "events": [[1772842680000, ["a", "b"]], [1, None]]}
    assert rows(query, [batch, batch]) == [(1772842680000, ["a", "b"]), (1, None)] * 2
    with pytest.raises(FatalError, match="gave the columns"):
        rows({"queryType": "scan", "columns": ["tags", "__time"]}, [batch])


@pytest.mark.parametrize("query_type", ["groupBy", "timeseries", "scan"])
def test_no_rows_are_one_empty_part(query_type: str) -> None:
    assert rows({"queryType": query_type, "columns": ["a"]}, []) == []


@pytest.mark.parametrize(
    ("granularity", "start"),
    [
        ("day", "2026-03-08T04:00:00.000Z"),
        ("day", "2026-03-09T01:00:00.000-04:00"),
        ("week", "2026-03-08T00:00:00.000-05:00"),
        ({"type": "period", "period": "P1D", "timeZone": "UTC"}, "2026-03-08T00:00:00.000Z"),
        ({"type": "duration", "duration": 86400000}, "2026-03-08T00:00:00.000Z"),
        ("hour", "2026-03-08T05:30:00.000Z"),
        ("fifteen_minute", "no instant"),
        ("none", None),
    ],
)
def test_a_bucket_that_is_none_of_the_calendar_is_never_a_row(
    granularity: Any, start: str | None
) -> None:
    query = {"queryType": "timeseries", "granularity": granularity}
    with pytest.raises(FatalError):
        rows(query, [{"timestamp": start, "result": {"n": 1}}])


def test_an_answer_of_another_form_is_an_error() -> None:
    for answer in ([{"timestamp": "2026-03-08"}], [1], [{"result": 5}], [None]):
        with pytest.raises(FatalError):
            rows({"queryType": "timeseries"}, answer)
    with pytest.raises(RetryableError):
        rows({"queryType": "timeseries"}, {"error": "x"})


def test_an_inner_query_has_our_interval_and_the_outer_one_sees_its_first_bucket() -> None:
    inner = {
        "queryType": "groupBy",
        "dataSource": {"type": "union", "dataSources": ["a", "b"]},
        "granularity": "week",
        "intervals": ["2019-01-01/2020-01-01"],
    }
    query = {"queryType": "timeseries", "dataSource": {"type": "query", "query": inner}}
    body = native(query, NEW_YORK).body
    assert body["dataSource"]["query"]["intervals"] == ["2026-03-07T05:00:00Z/2026-03-10T04:00:00Z"]
    assert body["dataSource"]["query"]["granularity"]["timeZone"] == "America/New_York"
    # the week of the 7th began on Monday the 2nd
    assert body["intervals"] == ["2026-03-02T05:00:00Z/2026-03-10T04:00:00Z"]
    joined = {"type": "join", "left": "a", "right": {"type": "query", "query": inner}}
    body = native({"queryType": "timeseries", "dataSource": joined}, NEW_YORK).body
    assert body["intervals"] == ["2026-03-07T05:00:00Z/2026-03-10T04:00:00Z"]
    assert body["dataSource"]["right"]["query"]["intervals"] == body["intervals"]
