from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pyarrow as pa
import pytest

from tallymark.lake import decode
from tallymark.lake.decode import to_table
from tallymark.model import Field, FieldType, Rejected, Row, Stream
from tests.lakes import STREAM, at, page

NOW = at(24)
NAIVE = at(1).replace(tzinfo=None)
WIDE = Stream(
    name="wide",
    kind="series",
    fields=(
        Field("site", "text"),
        Field("whole", "long"),
        Field("real", "double"),
        Field("flag", "boolean"),
        Field("seen", "instant"),
    ),
    subject="site",
    key=("site", "ts"),
)
GOOD = {
    "ts": at(1),
    "site": "a",
    "whole": 2**63 - 1,
    "real": 0.5,
    "flag": False,
    "seen": datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=2))),
}


def decoded(stream: Stream, *values: dict[str, Any]) -> tuple[list[dict[str, Any]], list[Rejected]]:
    made = [Row(page(n, call_id=10 + n), dict(fields)) for n, fields in enumerate(values)]
    table, rejected = to_table(stream, made, 7, NOW)
    return table.to_pylist(), rejected


def test_every_type_is_cast_and_the_system_columns_follow() -> None:
    (row,), rejected = decoded(WIDE, GOOD)
    assert rejected == []
    assert row == GOOD | {"_batch": 7, "_page": 10, "_ingested_at": NOW}
    assert row["seen"].utcoffset() == timedelta(0)
    assert decode.schema(WIDE).field("seen").type == pa.timestamp("us", tz="UTC")


def test_a_table_without_rows_has_the_streams_columns() -> None:
    table, _ = to_table(WIDE, [], 7, NOW)
    assert table.schema == decode.schema(WIDE)
    assert table.num_rows == 0


def test_a_field_that_is_not_there_is_null() -> None:
    (row,), _ = decoded(WIDE, {"ts": at(1), "site": "a"})
    assert (row["whole"], row["real"], row["flag"], row["seen"]) == (None, None, None, None)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"whole": "7"}, "whole is no whole number: '7'"),
        ({"whole": 1.5}, "whole is no whole number: 1.5"),
        ({"whole": True}, "whole is no whole number: True"),
        ({"whole": 2**63}, "whole is too large for 64 bits"),
        ({"whole": -(2**63) - 1}, "whole is too large for 64 bits"),
        ({"real": "x" * 200}, f"real is no number: '{'x' * 79}…"),
        ({"real": float("nan")}, "real is not a finite number"),
        ({"real": float("-inf")}, "real is not a finite number"),
        ({"real": 2**53 + 1}, "real is too large to be exact as a double"),
        ({"real": True}, "real is no number: True"),
        ({"site": 7}, "site is no text: 7"),
        ({"site": b"a"}, "site is no text: b'a'"),
        ({"site": "\ud800"}, "site is no valid Unicode"),
        ({"site": None}, "site is missing"),
        ({"flag": 1}, "flag is neither true nor false: 1"),
        ({"seen": "2026-01-01"}, "seen is no instant: '2026-01-01'"),
        ({"seen": NAIVE}, "seen has no time zone"),
        ({"ts": None}, "ts is missing"),
        ({"ts": 5}, "ts is no instant: 5"),
        ({"ts": NAIVE}, "ts has no time zone"),
        ({"ts": datetime(1979, 12, 31, 23, 59, tzinfo=UTC)}, "ts is before 1980"),
        ({"ts": at(24 + 48) + timedelta(microseconds=1)}, "ts is more than 48 hours ahead"),
        ({"stray": 1}, "stray is no column of wide"),
    ],
)
def test_a_bad_record_is_given_back_with_its_reason_and_the_others_stay(
    changes: dict[str, Any], reason: str
) -> None:
    good = GOOD | {"ts": at(2)}
    rows, rejected = decoded(WIDE, GOOD | changes, good)
    assert [row["ts"] for row in rows] == [at(2)]
    assert [(record.reason, record.page.call_id) for record in rejected] == [(reason, 10)]
    assert '"site"' in rejected[0].text


def test_the_bounds_themselves_are_taken() -> None:
    first, last = datetime(1980, 1, 1, tzinfo=UTC), at(24 + 48)
    rows, rejected = decoded(WIDE, GOOD | {"ts": first, "real": -(2**53)}, GOOD | {"ts": last})
    assert [row["ts"] for row in rows] == [first, last]
    assert rejected == []


def test_what_a_connector_refused_stays_refused() -> None:
    refused = Rejected(page(), "{", "is no JSON")
    table, rejected = to_table(WIDE, [refused, Row(page(), dict(GOOD))], 7, NOW)
    assert (table.num_rows, rejected) == (1, [refused])


def test_the_later_page_wins_and_its_own_later_record() -> None:
    rows, _ = decoded(
        STREAM,
        {"ts": at(1), "repo": "a", "stars": 1},
        {"ts": at(1), "repo": "a", "stars": 2},
        {"ts": at(1), "repo": "b", "stars": 3},
    )
    assert [(row["repo"], row["stars"], row["_page"]) for row in rows] == [
        ("a", 2, 11),
        ("b", 3, 12),
    ]
    values = {"ts": at(1), "repo": "a", "stars": 1}
    unordered = [Row(page(1), values | {"stars": 9}), Row(page(0), values)]
    table, _ = to_table(STREAM, unordered, 7, NOW)
    assert table["stars"].to_pylist() == [9]


def test_a_later_page_that_cannot_be_read_does_not_win() -> None:
    rows, rejected = decoded(
        STREAM,
        {"ts": at(1), "repo": "a", "stars": 1},
        {"ts": at(1), "repo": "a", "stars": "none"},
    )
    assert [row["stars"] for row in rows] == [1]
    assert len(rejected) == 1


def test_a_key_with_a_gap_is_like_no_other() -> None:
    keyed = replace(STREAM, key=("stars",))
    rows, _ = decoded(
        keyed,
        {"ts": at(1), "repo": "a", "stars": None},
        {"ts": at(1), "repo": "a", "stars": None},
        {"ts": at(1), "repo": "a", "stars": 0},
        {"ts": at(1), "repo": "a", "stars": 0},
    )
    assert [row["stars"] for row in rows] == [None, None, 0]
    without = replace(STREAM, key=())
    same = {"ts": at(1), "repo": "a", "stars": 0}
    assert len(decoded(without, same, same)[0]) == 2


def test_a_days_label_is_midnight_utc() -> None:
    daily = replace(STREAM, label="day")
    berlin = datetime(2026, 3, 1, 1, tzinfo=timezone(timedelta(hours=1)))
    rows, rejected = decoded(
        daily,
        {"ts": at(0), "repo": "a", "stars": 1},
        {"ts": berlin, "repo": "b", "stars": 1},
        {"ts": at(1), "repo": "a", "stars": 1},
    )
    assert [row["ts"] for row in rows] == [at(0), at(0)]
    assert [r.reason for r in rejected] == ["ts is no day's label: that is midnight UTC"]


@pytest.mark.parametrize("kind", ["long", "double", "text", "boolean", "instant"])
def test_every_field_type_holds_nulls(kind: FieldType) -> None:
    stream = replace(STREAM, fields=(Field("repo", "text"), Field("x", kind)))
    (row,), _ = decoded(stream, {"ts": at(1), "repo": "a", "x": None})
    assert row["x"] is None
