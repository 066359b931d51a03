"""A metric of 73,000 rows to a CSV in a folder, against DuckDB's own COPY.

Ours goes the whole way of a run in a warm worker: the metric from its cube, judged, spooled, its
checksum, put and synced, noted. The peer has it easy: the rows lie in its own table, grouped and
sorted from there into a file that nobody syncs.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

import duckdb
import pyarrow as pa

from bench.result import WORK, Result, timed
from tallymark.config import load as load_config
from tallymark.connectors import discover
from tallymark.definitions.workspace import load
from tallymark.lake.commit import Committed, Write
from tallymark.lake.decode import schema
from tallymark.lake.views import EXTENSIONS, _extension, pointer, scan
from tallymark.ledger import coverage, objects
from tallymark.model import Covered
from tallymark.reports.runs import Run
from tallymark.state.database import Connection, reading, writing
from tallymark.wiring.node import Node
from tallymark.wiring.reporter import reporter

HOME = WORK / "report"
TABLE = "npm.downloads"
PACKAGES = [f"package-{n:03d}" for n in range(200)]
FIRST_ON, DAYS = date(2025, 1, 1), 365
TIMES = 9
MOST = 3.0
METRIC = {"metric": "downloads", "grain": "day", "by": ["package"]}
WORKSPACE = f"""
sources:
  npm:
    connector: npm
    streams: {{downloads: {{subjects: {json.dumps(PACKAGES)}, start: {FIRST_ON}}}}}
metrics:
  downloads: {{stream: npm.downloads, measure: sum(downloads), dimensions: [package]}}
"""
PEER = (
    "COPY (SELECT date, package, sum(downloads) AS downloads FROM {} GROUP BY ALL ORDER BY ALL) "
    "TO '{}' (HEADER)"
)


def run() -> Result:
    with closing(home()) as node:
        runs = made(node, TIMES)
        ours = median(run.seconds or 0.0 for run in runs)
        ours_file = Path(urlsplit(runs[0].location or "").path)
        own, lake = peers(node)
    same(ours_file, HOME / "peer.csv")
    ratio = ours / own
    return Result(
        "A metric of 73,000 rows to a CSV",
        f"≤ {MOST:.0f}x DuckDB's COPY",
        f"{ratio:.2f}x",
        ratio <= MOST,
        [
            f"{len(PACKAGES)} packages on {DAYS} days, {ours_file.stat().st_size / 1e6:.1f} MB",
            f"ours: {ours * 1000:.0f} ms, from the query to the published file, synced, with its "
            f"SHA-256 and its run noted; fastest {min(r.seconds or 0 for r in runs) * 1000:.0f} ms",
            f"peer: {own * 1000:.0f} ms (DuckDB {duckdb.__version__}, 2 threads: COPY of its own "
            "table, grouped and sorted, not synced)",
            f"the same COPY from the table in the lake: {lake * 1000:.0f} ms",
            f"all rows of both are equal; the middle of {TIMES} runs each, after one to warm up",
        ],
    )


def home() -> Node:
    """A year of 200 packages, all of it final and rolled up."""
    shutil.rmtree(HOME, ignore_errors=True)
    (HOME / "workspace").mkdir(parents=True)
    (HOME / "workspace" / "all.yaml").write_text(WORKSPACE)
    connectors = discover()
    config = load_config({"TALLYMARK_HOME": str(HOME)})
    node = Node(config, load(HOME / "workspace", connectors), {})
    node.prepare()
    stream = node.streams[TABLE]
    node.lake.commit(Write(table=TABLE, stream=stream, rows=_rows(node), batch_id=1), _nothing)
    from_at = datetime(2025, 1, 1, tzinfo=UTC)
    covered = Covered(from_at, from_at + timedelta(days=DAYS), "final")
    with writing(node.databases.control) as tx:
        for one in objects.load(tx, kind="collect"):
            coverage.write(tx, one.id, covered.start_at, covered.end_at, [covered])
    node.refresh.refresh(node.cubes[TABLE])
    return node


def _rows(node: Node) -> pa.Table:
    wanted = schema(node.streams[TABLE])
    return (
        duckdb.execute(
            f"""
            SELECT make_timestamptz({_us()} + day * 86400000000) AS ts,
                   format('package-{{:03d}}', package) AS package,
                   (hash(day, package) % 100000)::BIGINT AS downloads,
                   1::BIGINT AS _batch, 1::BIGINT AS _page,
                   make_timestamptz({_us()}) AS _ingested_at
            FROM range({DAYS}) AS days(day), range({len(PACKAGES)}) AS packages(package)
            """
        )
        .to_arrow_table()
        .select(wanted.names)
        .cast(wanted)
    )


def _us() -> int:
    return int(datetime(2025, 1, 1, tzinfo=UTC).timestamp() * 1e6)


def _nothing(tx: Connection, committed: Committed) -> None:
    """A commit that no ledger knows of."""


def made(node: Node, times: int) -> Sequence[Run]:
    """One report after another, each new, in one worker; the first only warms it up."""
    last_on = FIRST_ON + timedelta(days=DAYS - 1)
    request = {
        "query_engine": "LAKE",
        "execution_frequency": "ONCE",
        "report_interval": {"from": str(FIRST_ON), "to": str(last_on)},
        "query_json": METRIC,
        "output_format": "csv",
        "output_field_names": ["date", "package", "downloads"],
    }
    reports, worker = node.reporting.service, reporter(node, lambda: None)
    found = []
    for n in range(times + 1):
        report = reports.submit(json.dumps({"report_name": f"downloads {n}", **request}))
        assert worker.run_until_idle()
        (one,) = reports.runs(report.report_id)
        assert one.state == "SUCCESS", one.error or one.waits_for
        assert one.rows == len(PACKAGES) * DAYS
        found.append(one)
    return found[1:]


def peers(node: Node) -> tuple[float, float]:
    """Seconds from its own table, and from the lake's."""
    with reading(node.databases.control) as conn:
        lake = pointer(conn, TABLE)
    assert lake is not None
    table = f"(SELECT ts::DATE AS date, package, downloads FROM {scan(lake.metadata_location)})"
    with duckdb.connect(":memory:", config={"threads": 2}) as database:
        for name in EXTENSIONS:
            database.execute(f"LOAD '{_extension(name)}'")
        database.execute("LOAD icu; SET TimeZone = 'UTC'")
        database.execute(f"CREATE TABLE made AS FROM {table}")
        times = [list(_copied(database, source)) for source in ("made", table)]
    own, from_lake = (median(some[1:]) for some in times)
    return own, from_lake


def _copied(database: duckdb.DuckDBPyConnection, source: str) -> Iterator[float]:
    for _ in range(TIMES + 1):
        with timed() as timing:
            database.execute(PEER.format(source, HOME / "peer.csv"))
        yield timing.s


def same(ours: Path, theirs: Path) -> None:
    """Stop where one row differs."""
    assert ours.read_text().splitlines() == theirs.read_text().splitlines()
