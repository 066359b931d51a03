from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from tallymark.calendar.periods import Calendar
from tallymark.compute.duckdb import DuckDBCompute, buckets_sql
from tallymark.cubes.touched import base, touched
from tallymark.errors import RetryableError
from tallymark.lake.views import Reader
from tallymark.model import CubeSpec, Measure, Period

SPEC = CubeSpec(
    "web.requests",
    ('site"s', "path"),
    (
        Measure("count", "count", None, (("path", ("it's", "b")), ("ok", (True,)))),
        Measure("last_n", "last", "n"),
        Measure("max_s", "max", "s", (), "double"),
    ),
)
SCANS = [Period(datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 1, 1, tzinfo=UTC))]


def test_names_and_values_are_quoted() -> None:
    sql = buckets_sql(SPEC, "t", SCANS)
    assert 'CAST(raw."site""s" AS VARCHAR)' in sql
    assert "\"path\" IN ('it''s', 'b') AND \"ok\" IN (True)" in sql
    assert "ts >= make_timestamptz(1772323200000000)" in sql
    assert 'CAST(max("s") AS DOUBLE) AS "max_s"' in sql


def test_no_date_arithmetic_stands_in_the_query() -> None:
    sql = buckets_sql(SPEC, "t", SCANS)
    assert "date_trunc" not in sql
    assert "AT TIME ZONE" not in sql


def test_columns_that_are_lacking_are_null_of_the_right_type() -> None:
    sql = buckets_sql(SPEC, "t", SCANS, lacking={"n", "path"})
    assert 'NULL::BIGINT AS "n", NULL::VARCHAR AS "path"' in sql


def test_a_file_that_is_gone_is_tried_again(tmp_path: Path) -> None:
    reader = Reader(tmp_path)
    spans = touched(SPEC, Calendar(), [0 + 24 * 365 * 30])
    missing = f"file://{tmp_path}/t/metadata/00001.metadata.json"
    with pytest.raises(RetryableError, match=r"web\.requests could not be read"):
        DuckDBCompute(reader).buckets(missing, SPEC, base(SPEC, Calendar(), spans), SCANS)
    reader.close()
