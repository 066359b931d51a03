"""3 million rows out of a real Druid by scan into a CSV, against httpx streaming the same answer.

The peer has it easy: it writes the bytes of the answer to a file as they come. We cut them, parse
them, judge them, write them as CSV, and take their checksum.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from statistics import median

import duckdb
import httpx

from bench.asked import COLUMNS, DAYS, START_AT, WINDOW, scan_of, spooled
from bench.result import WORK, Result, timed
from tallymark.engines.druid import native
from tallymark.reports.spool import SpooledFile
from tallymark.wiring.tuning import tune
from tests.servers import druid as servers

HOME = WORK / "scan"
ROWS = 3_000_000
NEEDED = ("java", "javac", "mvn")
TIMES = 5
FILLED_WITHIN_S = 900
MOST = 1.5
SOURCE = "scanned"
TYPES = {"v": "long", "x": "double"}
FILL = f"""
    COPY (
        SELECT {int(START_AT.timestamp())}000 + n * {DAYS * 86_400_000} // {ROWS} AS ts,
               'EVENT_' || n % 12 AS eid, 'device-' || hash(n) % 50000 AS did,
               'in.channel.' || n % 40 AS channel,
               (hash(n + 1) >> 2)::BIGINT AS v, hash(n + 2) % 1000000 / 64 AS x
        FROM range({ROWS}) AS rows(n)
    ) TO '{HOME}/rows.json' (FORMAT json)
"""
SUMS = "count(*), sum({}), sum(x), min(__time), sum(char_length(did))"


def run() -> Result:
    # as every process of ours does
    tune()
    name, wanted = "3 M rows out of Druid by scan", f"≤ {MOST}x httpx streaming the same to a file"
    if not all(map(shutil.which, NEEDED)):
        return Result(name, wanted, f"not measured: it needs {', '.join(NEEDED)}", False)
    shutil.rmtree(HOME, ignore_errors=True)
    (HOME / "druid").mkdir(parents=True)
    # it ends with this process
    server = servers.Druid(**servers.start(HOME / "druid"))
    _fill(server)
    ours, theirs, file = _measured(server)
    _same(server, file.local)
    ratio = ours / theirs
    return Result(
        name,
        wanted,
        f"{ratio:.2f}x",
        ratio <= MOST,
        [
            f"{ROWS:,} rows of {len(COLUMNS)} columns in {DAYS} segments",
            f"ours: {ours:.2f} s to a CSV of {file.bytes / 1e6:.0f} MB with its SHA-256",
            f"peer: {theirs:.2f} s (httpx {httpx.__version__}, the same request, gzip accepted: "
            f"{(HOME / 'peer.json').stat().st_size / 1e6:.0f} MB of JSON to a file)",
            "count, sums, least and greatest of the file equal what Druid's SQL says; in turns, "
            f"the middle of {TIMES} runs each, after one to warm up",
        ],
    )


def _fill(server: servers.Druid) -> None:
    duckdb.sql(FILL)
    io = {
        "type": "index_parallel",
        "inputSource": {"type": "local", "baseDir": str(HOME), "filter": "rows.json"},
        "inputFormat": {"type": "json"},
    }
    schema = servers._schema(SOURCE, COLUMNS[1:], TYPES, "day")
    spec = {"dataSchema": schema, "ioConfig": io, "tuningConfig": {"type": "index_parallel"}}
    overlord = f"{server.coordinator}/druid/indexer/v1/task"
    task = servers.call(overlord, {"type": "index_parallel", "spec": spec})["task"]

    def done() -> bool:
        status = servers.call(f"{overlord}/{task}/status")["status"]
        assert status["statusCode"] != "FAILED", status
        return bool(status["statusCode"] == "SUCCESS")

    servers.until(done, f"{task} is not done", FILLED_WITHIN_S)
    server.taken(SOURCE, ROWS)


def _measured(server: servers.Druid) -> tuple[float, float, SpooledFile]:
    """Seconds of ours and of the peer, and the file that ours made last."""
    ours, theirs = [], []
    for _ in range(TIMES + 1):
        with timed() as timing:
            file = spooled(server.broker, scan_of(SOURCE), HOME / "spool")
        ours.append(timing.s)
        with timed() as timing:
            _theirs(server)
        theirs.append(timing.s)
    return median(ours[1:]), median(theirs[1:]), file


def _theirs(server: servers.Druid) -> None:
    url, body = server.broker + native.PATH, native.native(scan_of(SOURCE), WINDOW).body
    headers = {"accept-encoding": "gzip"}
    with (
        httpx.stream("POST", url, json=body, headers=headers, timeout=60) as answer,
        (HOME / "peer.json").open("wb") as file,
    ):
        answer.raise_for_status()
        for piece in answer.iter_bytes():
            file.write(piece)


def _same(server: servers.Druid, ours: Path) -> None:
    """Stop where a count or a sum differs."""
    sums = SUMS.format("v % 1000").replace("__time", "epoch_ms(__time::BIGINT)")
    (found,) = duckdb.sql(f"SELECT {sums} FROM read_csv('{ours}', header = true)").fetchall()
    (wanted,) = server.sql(f'SELECT {SUMS.format("MOD(v, 1000)")} FROM "{SOURCE}"')
    first = f"{found[3].isoformat(timespec='milliseconds')}Z"
    assert list(wanted.values()) == [*found[:3], first, found[4]], (wanted, found)
