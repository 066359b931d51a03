"""A lake and its cubes as `wiring` builds them, and a recomputation in plain Python."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
from sqlalchemy import select

from tallymark.calendar.periods import Calendar
from tallymark.compute.duckdb import DuckDBCompute
from tallymark.cubes.build import Refresh
from tallymark.cubes.store import CubeStore
from tallymark.cubes.tables import data_table
from tallymark.lake import decode
from tallymark.lake.catalog import open_catalog
from tallymark.lake.commit import Committed, Lake, Write
from tallymark.lake.views import Reader
from tallymark.model import CubeSpec, Field, Measure, Reached, Stream, nobody
from tallymark.state.database import Databases, reading
from tallymark.state.schema import to_us
from tests.clock import FakeClock

HITS = Stream(
    name="hits",
    kind="push",
    fields=(
        Field("site", "text"),
        Field("path", "text"),
        Field("status", "long"),
        Field("bytes", "long"),
        Field("took_s", "double"),
    ),
    subject="site",
    key=(),
    absent="zero",
)
HITS_CUBE = CubeSpec(
    "site.hits",
    ("site", "path"),
    (
        Measure("count", "count"),
        Measure("count_errors", "count", None, (("status", (404, 500)),)),
        Measure("max_bytes", "max", "bytes"),
        Measure("min_took_s", "min", "took_s", (), "double"),
        Measure("sum_bytes", "sum", "bytes"),
        Measure("sum_took_s", "sum", "took_s", (), "double"),
    ),
)
STARS = Stream(
    name="repositories",
    kind="gauge",
    fields=(Field("repo", "text"), Field("stars", "long"), Field("forks", "long")),
    subject="repo",
    key=("repo", "ts"),
)
STARS_CUBE = CubeSpec(
    "github.repositories",
    ("repo",),
    (Measure("last_forks", "last", "forks"), Measure("last_stars", "last", "stars")),
)
NPM = Stream(
    name="downloads",
    kind="series",
    fields=(Field("package", "text"), Field("downloads", "long")),
    subject="package",
    key=("package", "ts"),
    label="day",
)
NPM_CUBE = CubeSpec(
    "npm.downloads", ("package",), (Measure("sum_downloads", "sum", "downloads"),), label="day"
)
STREAMS = {"site.hits": HITS, "github.repositories": STARS, "npm.downloads": NPM}
CUBES = {cube.name: cube for cube in (HITS_CUBE, STARS_CUBE, NPM_CUBE)}


class House:
    """Commits rows, keeps cubes level, and reads what they hold."""

    def __init__(
        self,
        databases: Databases,
        home: Path,
        zone: str = "UTC",
        reached: Reached = nobody,
        cubes: dict[str, CubeSpec] | None = None,
    ) -> None:
        self.databases = databases
        self.clock = FakeClock()
        self.calendar = Calendar(zone)
        self.cubes = cubes or dict(CUBES)
        root = home / "lake"
        root.mkdir(exist_ok=True)
        self.lake = Lake(open_catalog(databases.control, root), self.clock)
        self.reader = Reader(root)
        self.store = CubeStore(databases.cubes)
        self.refresh = Refresh(
            databases,
            self.store,
            self.cubes,
            self.calendar,
            DuckDBCompute(self.reader),
            self.clock,
            reached=reached,
        )
        self._n = 0

    def commit(self, table: str, rows: Iterable[dict[str, Any]], **write: Any) -> int:
        """Commit a batch and return its number."""
        self._n += 1
        stream = write.pop("stream", STREAMS[table])
        self.lake.commit(
            Write(
                table=table,
                stream=stream,
                rows=arrow(stream, rows, self._n),
                batch_id=self._n,
                **write,
            ),
            _nothing,
        )
        return self._n

    def level(self, *names: str) -> None:
        for name in names or self.cubes:
            self.refresh.refresh(self.cubes[name])

    def rows(self, table: str) -> list[dict[str, Any]]:
        loaded = self.lake.catalog.load_table(table)
        found: list[dict[str, Any]] = loaded.scan().to_arrow().to_pylist()
        return found

    def cube(self, name: str) -> dict[tuple[Any, ...], tuple[Any, ...]]:
        """(grain, start, dimensions…) to its measures."""
        spec = self.cubes[name]
        state = self.store.state(name)
        assert state is not None
        with reading(self.databases.cubes) as conn:
            rows = conn.execute(select(data_table(spec, state.generation))).all()
        n = 2 + len(spec.dimensions)
        return {tuple(row[:n]): tuple(row[n:]) for row in rows}

    def recomputed(self, name: str) -> dict[tuple[Any, ...], tuple[Any, ...]]:
        return recompute(self.cubes[name], self.calendar.zone, self.rows(name))


def _nothing(tx: object, committed: Committed) -> None:
    """The ledger's side of a batch that has none."""


def arrow(stream: Stream, rows: Iterable[dict[str, Any]], batch_id: int) -> pa.Table:
    system = {"_batch": batch_id, "_page": 1, "_ingested_at": datetime(2026, 3, 2, tzinfo=UTC)}
    return pa.Table.from_pylist([{**row, **system} for row in rows], schema=decode.schema(stream))


def recompute(
    spec: CubeSpec, zone: str, rows: Iterable[dict[str, Any]]
) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    """Every bucket of every grain, straight from the rows, with zoneinfo and no calendar."""
    groups: dict[tuple[Any, ...], list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        dimensions = tuple(str(row[d]) if row[d] is not None else "" for d in spec.dimensions)
        for grain in spec.grains:
            groups[(grain, _start(spec, grain, row["ts"], zone), *dimensions)].append(row)
    return {
        key: tuple(v for m in spec.measures for v in _measured(m, found))
        for key, found in groups.items()
    }


def _start(spec: CubeSpec, grain: str, ts: datetime, zone: str) -> int:
    local = ts.astimezone(ZoneInfo(zone))
    if grain == "hour":
        into = timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
        return to_us(ts.astimezone(UTC) - into)
    on = ts.astimezone(UTC).date() if spec.label == "day" else local.date()
    first: dict[str, Callable[[], Any]] = {
        "day": lambda: on,
        "week": lambda: on - timedelta(days=on.weekday()),
        "month": lambda: on.replace(day=1),
        "quarter": lambda: on.replace(month=(on.month - 1) // 3 * 3 + 1, day=1),
        "year": lambda: on.replace(month=1, day=1),
    }
    day = first[grain]()
    return to_us(datetime(day.year, day.month, day.day, tzinfo=ZoneInfo(zone)))


def _measured(measure: Measure, rows: list[dict[str, Any]]) -> list[Any]:
    rows = [r for r in rows if all(r[name] in values for name, values in measure.where)]
    if measure.aggregate == "count":
        return [len(rows) or None]
    values = [(r["ts"], r[measure.field or ""]) for r in rows]
    values = [(ts, v) for ts, v in values if v is not None]
    match measure.aggregate:
        case "last":
            if not values:
                return [None, None]
            ts, value = max(values, key=lambda pair: pair[0])
            return [value, to_us(ts)]
        case "sum":
            return [sum(v for _, v in values) if values else None]
        case "min":
            return [min((v for _, v in values), default=None)]
        case _:
            return [max((v for _, v in values), default=None)]
