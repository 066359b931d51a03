from __future__ import annotations

from typing import Any

import pytest

from tallymark.engines import Output
from tallymark.errors import FatalError
from tallymark.reports.columns import headings, resolve
from tests.unit.reports.spooled import spec

FOUNDING = Output(
    date=True,
    dimensions=("eid",),
    aggregations=("total_edata_value", "rows"),
    post_aggregations=("avg__edata_value",),
)
COLUMNS = ("date", "eid", "total_edata_value", "rows", "avg__edata_value")


@pytest.mark.parametrize(
    ("output", "names", "wanted"),
    [
        # one heading for the only post-aggregation: bare aggregations are left out
        (
            FOUNDING,
            ["Average Collection Downloads"],
            [
                ("date", "date"),
                ("eid", "eid"),
                ("avg__edata_value", "Average Collection Downloads"),
            ],
        ),
        (FOUNDING, ["D", "E", "T", "R", "A"], list(zip(COLUMNS, "DETRA", strict=True))),
        (FOUNDING, {"rows": "R", "eid": "E"}, [("rows", "R"), ("eid", "E")]),
        (Output(aggregations=("n",)), ["N"], [("n", "N")]),
        (Output(dimensions=("a",), post_aggregations=("p",)), ["P"], [("a", "a"), ("p", "P")]),
        (Output(dimensions=("a",), post_aggregations=("p",)), ["A", "P"], [("a", "A"), ("p", "P")]),
        (None, {"a": "A"}, [("a", "A")]),
    ],
)
def test_a_column_gets_its_heading(
    output: Output | None, names: Any, wanted: list[tuple[str, str]]
) -> None:
    assert headings(output, names) == (tuple(wanted), (), ())


def test_a_list_waits_for_the_columns_of_sql() -> None:
    named, listed, wrong = headings(None, ["A", "B"])
    assert (named, listed, wrong) == ((), ("A", "B"), ())
    report = spec([], headings=(), field_list=listed)
    assert resolve(("a", "b"), report) == (("a", "A"), ("b", "B"))


@pytest.mark.parametrize(
    ("output", "names", "field", "told"),
    [
        (FOUNDING, [], "output_field_names", "a map of columns to headings, or a list"),
        (FOUNDING, "Average", "output_field_names", "a map of columns to headings, or a list"),
        (
            FOUNDING,
            ["A", "B"],
            "output_field_names",
            "has 2 headings: right is one for each column",
        ),
        (FOUNDING, ["A", 5], "output_field_names[1]", "a text that is not empty, not 5"),
        (FOUNDING, {"eid": " "}, "output_field_names.eid", "a text that is not empty"),
        (FOUNDING, {"nope": "N"}, "output_field_names.nope", f"it has {', '.join(COLUMNS)}"),
        (FOUNDING, {"eid": "N", "rows": "N"}, "output_field_names", "'N' stands for two columns"),
        (FOUNDING, ["eid"], "output_field_names", "'eid' stands for two columns"),
        (None, ["A", "A"], "output_field_names", "'A' stands for two columns"),
    ],
)
def test_wrong_headings_are_told(output: Output | None, names: Any, field: str, told: str) -> None:
    named, listed, wrong = headings(output, names)
    assert (named, listed) == ((), ())
    assert [one.field for one in wrong] == [field]
    assert told in wrong[0].text


def test_every_wrong_heading_is_told() -> None:
    _, _, wrong = headings(FOUNDING, {"x": "X", "y": "Y", "eid": "E"})
    assert [one.field for one in wrong] == ["output_field_names.x", "output_field_names.y"]


@pytest.mark.parametrize(
    ("columns", "more", "told"),
    [
        (("a",), {"headings": (), "field_list": ("A", "B")}, "has 2 headings, and the answer 1"),
        (("a",), {"headings": (("b", "B"),)}, "no column b: its columns are a"),
        (("a",), {"headings": (("a", "A"),), "group_by": ("c",)}, "no column c"),
        (("a", "a"), {"headings": (("a", "A"),)}, "two columns of the answer have one name"),
    ],
)
def test_an_answer_that_does_not_fit_fails_the_run(
    columns: tuple[str, ...], more: dict[str, Any], told: str
) -> None:
    with pytest.raises(FatalError, match=told):
        resolve(columns, spec([], **more))
