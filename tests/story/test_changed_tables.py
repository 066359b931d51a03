"""Whatever happens to a table, its cube follows; until then no bucket says it is complete."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyiceberg.types import IntegerType, LongType

from tallymark.lake import decode
from tallymark.lake.maintain import maintain
from tallymark.ledger import coverage, objects
from tallymark.ledger.objects import ObjectSpec
from tallymark.metrics.answer import Bucket, SeriesQuery
from tallymark.metrics.define import MetricSpec, cube_specs
from tallymark.metrics.series import SeriesReader
from tallymark.model import GRAINS, Aggregate, Covered, Field, Grain, Stream
from tallymark.state.database import Databases, writing
from tests.clock import FakeClock
from tests.contract.cubes.house import House
from tests.lake_changes import CHANGES, Rows, base, column_added, renamed, widened
from tests.lakes import DAY as START
from tests.lakes import STREAM, TABLE, TestLake, at, hour

MONTH = timedelta(days=31)
FORKS = replace(STREAM, fields=(*STREAM.fields, Field("forks", "long")))
STARGAZERS = replace(STREAM, fields=(Field("repo", "text"), Field("stargazers", "long")))
AFTER: dict[Callable[[TestLake], Rows], Stream] = {column_added: FORKS, renamed: STARGAZERS}
# a table that others made is refused: see the test of a column that is widened
OURS = [change for change in CHANGES if change is not widened]


class Shown:
    """A table's cube in Berlin, and a reader for whom all of March was read."""

    def __init__(self, databases: Databases, home: Path, stream: Stream = STREAM) -> None:
        stars = stream.fields[1].name
        named: dict[str, tuple[Aggregate, str]] = {
            "total": ("sum", stars),
            "most": ("max", stars),
            "newest": ("last", stars),
        }
        if stream is FORKS:
            named["forks"] = ("sum", "forks")
        self.metrics = {
            name: MetricSpec(name=name, title=name, stream=TABLE, aggregate=aggregate, field=field)
            for name, (aggregate, field) in named.items()
        }
        cubes = cube_specs(self.metrics.values(), {TABLE: stream})
        self.house = House(databases, home, zone="Europe/Berlin", cubes=cubes)
        clock = FakeClock(START + 2 * MONTH)
        self._cover(databases, clock)
        self.reader = SeriesReader(
            databases,
            self.house.store,
            self.house.calendar,
            self.metrics,
            {TABLE: stream},
            clock,
            connectors={},
        )

    def _cover(self, databases: Databases, clock: FakeClock) -> None:
        spec = ObjectSpec(
            kind="collect", source="github", stream="repositories", subject="a", every="1h",
            start_at=START,
        )  # fmt: skip
        with writing(databases.control) as tx:
            objects.sync(tx, [spec], clock.now())
            (found,) = objects.load(tx)
            final = Covered(START, START + MONTH, "final")
            coverage.write(tx, found.id, START, START + MONTH, [final])

    def buckets(self, metric: str, grain: Grain) -> tuple[Bucket, ...]:
        (line,) = self.reader.read(SeriesQuery(metric, grain, START, at(40))).series
        return line.buckets

    def level(self) -> None:
        """Bring the cube level; then it must hold what its rows say, in all grains."""
        self.house.level()
        assert self.house.cube(TABLE) == self.house.recomputed(TABLE)

    def words(self, grain: Grain) -> set[str]:
        return {bucket.completeness for bucket in self.buckets("total", grain)}


@pytest.fixture
def lake(databases: Databases, home: Path) -> TestLake:
    return TestLake(databases, home)


@pytest.fixture
def shown(databases: Databases, home: Path, lake: TestLake) -> Iterator[Shown]:
    opened = Shown(databases, home)
    yield opened
    opened.house.reader.close()


@pytest.mark.parametrize("change", OURS, ids=lambda change: change.__name__)
def test_a_cube_equals_a_recomputation_after(
    lake: TestLake,
    shown: Shown,
    databases: Databases,
    home: Path,
    change: Callable[[TestLake], Rows],
) -> None:
    base(lake)
    shown.level()
    # the bucket of the year still runs, as far as anything is collected in it
    assert shown.words("hour") == shown.words("day") == {"complete"}
    before = rows_of(lake)
    change(lake)
    touched = {hour(row[0]) for row in before ^ rows_of(lake)}
    assert touched
    assert_none_says_complete(shown, touched)
    stream = AFTER.get(change, STREAM)
    later = Shown(databases, home, stream) if stream is not STREAM else shown
    if later is not shown:
        # nothing of a cube with other columns is shown before it is built
        assert_none_says_complete(later, range(hour(START), hour(at(40))))
    later.level()
    assert later.words("hour") == later.words("day") == {"complete"}
    later.house.reader.close()


def test_a_column_that_is_widened_is_rolled_up_as_before(lake: TestLake, shown: Shown) -> None:
    kinds = {field.name: field.type for field in decode.schema(STREAM)} | {"stars": pa.int32()}
    narrow = pa.schema(list(kinds.items()))
    catalog = lake.lake.catalog
    catalog.create_namespace("github")
    table = catalog.create_table(TABLE, schema=narrow)
    change = lake.lake.joined(table, lambda tx, step: None, {hour(at(1)): at(24)})
    old = [at(1)], ["a"], [7], [1], [0], [at(2)]
    change.append(pa.table(dict(zip(narrow.names, old, strict=True)), schema=narrow))
    change.commit_transaction()
    assert lake.table().schema().find_field("stars").field_type == IntegerType()
    shown.level()
    lake.put(2, [(at(2), "a", 2**40)])
    assert lake.table().schema().find_field("stars").field_type == LongType()
    assert_none_says_complete(shown, {hour(at(2))})
    shown.level()
    assert {b.value for b in shown.buckets("total", "hour")} == {7, 2**40, None}


def test_what_only_moves_rows_leaves_every_bucket_complete(lake: TestLake, shown: Shown) -> None:
    base(lake)
    for n in range(22):
        lake.put(10 + n, [(at(6), "a", n)], replaces=(9 + n,) if n else ())
    shown.level()
    before = {grain: shown.buckets("total", grain) for grain in GRAINS}
    done = maintain(lake.lake, TABLE, at(24 * 40), lambda tx: None)
    assert done.n_compacted > 0
    assert {grain: shown.buckets("total", grain) for grain in GRAINS} == before
    shown.level()
    assert {grain: shown.buckets("total", grain) for grain in GRAINS} == before


def rows_of(lake: TestLake) -> set[tuple[Any, ...]]:
    """The rows, less columns that came later: they are null in what was there before."""
    return {row[:3] for row in lake.read()}


def assert_none_says_complete(shown: Shown, touched: range | set[int]) -> None:
    """Of the buckets that hold a touched hour, in any grain and metric."""
    for metric in shown.metrics:
        for grain in GRAINS:
            for bucket in shown.buckets(metric, grain):
                if any(hour(bucket.start_at) <= h < hour(bucket.end_at) for h in touched):
                    assert bucket.completeness != "complete", (metric, grain, bucket)
                    assert "rolling_up" in {cause.code for cause in bucket.causes}
