"""Ten million rows cut into hours: a join to the calendar table, against date_trunc.

Both read the same table in DuckDB's memory, and group by the hour and one dimension.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import duckdb
import pyarrow as pa

from bench.cascade import APPENDS, DAYS, ROWS, SPEC, START, ZONE, made
from bench.result import Result, median, timed
from tallymark.calendar.periods import Calendar
from tallymark.calendar.table import calendar_table
from tallymark.compute.duckdb import buckets_sql
from tallymark.model import Period

LENGTH = timedelta(days=DAYS)
SUBJECTS = 50
PIECE = f"SELECT * REPLACE ('site-' || value % {SUBJECTS} AS site) FROM piece"
PEER = (
    "SELECT epoch_us(date_trunc('hour', ts)) AS start_us, site, count(*) AS count, "
    "sum(value) AS sum_value FROM made GROUP BY ALL ORDER BY ALL"
)


def run() -> Result:
    calendar = calendar_table(Calendar(ZONE), START, START + LENGTH)
    base = calendar.select(["slot", "hour"]).rename_columns(["slot", "start_us"])
    ours_sql = buckets_sql(SPEC, "made", [Period(START, START + LENGTH)])
    with duckdb.connect(":memory:", config={"threads": 2}) as database:
        database.execute(f"LOAD icu; SET TimeZone = '{ZONE}'; SET enable_progress_bar = false")
        database.register("base", base)
        step, length = ROWS // APPENDS, LENGTH / APPENDS
        for n in range(APPENDS):
            database.register("piece", made(step, n, START + length * n, length))
            database.execute(f"CREATE TABLE IF NOT EXISTS made AS {PIECE} LIMIT 0")
            database.execute(f"INSERT INTO made {PIECE}")

        def answer(sql: str) -> pa.Table:
            return database.execute(sql).to_arrow_table()

        _same(answer(ours_sql), answer(PEER))
        peer, ours = median(_timed(answer, PEER)), median(_timed(answer, ours_sql))
    ratio = ours / peer
    return Result(
        "The calendar join on 10 M rows",
        "≤ 0.5x date_trunc",
        f"{ratio:.2f}x",
        ratio <= 0.5,
        [
            f"{ROWS:,} rows over {DAYS} days, grouped by the hour and one of {SUBJECTS} subjects",
            f"ours: {ours:.2f} s (the query of a rebuild, joined to {base.num_rows:,} slots)",
            f"peer: {peer:.2f} s (DuckDB {duckdb.__version__}: date_trunc in {ZONE})",
            "all buckets of both are equal; the middle of three runs each, after one to warm up",
        ],
    )


def _timed(answer: Callable[[str], pa.Table], sql: str) -> Callable[[], float]:
    def once() -> float:
        with timed() as timing:
            answer(sql)
        return timing.s

    return once


def _same(ours: pa.Table, theirs: pa.Table) -> None:
    """Stop where one bucket differs."""
    assert ours.column_names == theirs.column_names
    assert ours.num_rows == theirs.num_rows > 0
    for name in ours.column_names:
        assert ours[name].cast(theirs[name].type).equals(theirs[name]), name
