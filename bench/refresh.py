"""A cube's refresh for one new hour: what it opens with 100 days of history, and with 10.

The kernel is the witness: the refresh runs alone in a process under strace, and every file that it
opens below the lake is counted.
"""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
from sqlalchemy import select

from bench.cascade import SPEC, STREAM, TABLE, made
from bench.result import WORK, Result, timed
from bench.rooms import open_rooms
from tallymark.cubes.tables import cube_state
from tallymark.lake.decode import schema
from tallymark.lake.maintain import maintain

START = datetime(2026, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
ROWS_AN_HOUR = 500
MOST_MANIFESTS = 21


@dataclass
class Opened:
    """What one refresh opened."""

    s: float
    data_files: int
    rows: int
    manifests: int
    others: int


def run() -> Result:
    few, many = (_measure(days) for days in (10, 100))
    good = (
        many.data_files <= few.data_files
        and many.rows <= few.rows
        and many.manifests <= MOST_MANIFESTS
    )
    return Result(
        "A refresh for one new hour",
        f"no more files and rows with 100 days than with 10; ≤ {MOST_MANIFESTS} manifests",
        f"{many.data_files} and {few.data_files} data files, {many.rows:,} and {few.rows:,} rows, "
        f"{many.manifests} and {few.manifests} manifests",
        good,
        [
            f"with {days} days: {one.s * 1000:.0f} ms under strace, {one.data_files} data files "
            f"with {one.rows:,} rows in all, {one.manifests} manifests, {one.others} other files "
            "of the table (metadata, manifest lists)"
            for days, one in ((100, many), (10, few))
        ]
        + [
            f"history: one append a day of {24 * ROWS_AN_HOUR:,} rows, then an append an hour; "
            "upkeep has run; then one more hour, and the refresh in a process of its own",
        ],
    )


def _measure(days: int) -> Opened:
    home = WORK / f"refresh-{days}"
    rooms = open_rooms(home)
    wanted = schema(STREAM)
    at, batch = START, 0
    for length in [24] * days + [1] * 12:
        rows = made(length * ROWS_AN_HOUR, batch, at, HOUR * length)
        rooms.append(TABLE, STREAM, rows.select(wanted.names).cast(wanted), batch + 1)
        at, batch = at + HOUR * length, batch + 1
    rooms.refresh(SPEC)
    maintain(rooms.lake, TABLE, at, lambda tx: None)
    rooms.refresh(SPEC)
    new = made(ROWS_AN_HOUR, batch, at, HOUR)
    rooms.append(TABLE, STREAM, new.select(wanted.names).cast(wanted), batch + 1)
    rooms.close()
    trace = WORK / f"refresh-{days}.trace"
    command = ["strace", "-f", "-qq", "-e", "trace=open,openat", "-o", str(trace)]
    command += [sys.executable, "-m", "bench.refresh", str(home)]
    with timed() as timing:
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    timing.s = float(done.stdout.split()[-1])
    return _opened(trace, home / "lake", timing.s)


def _opened(trace: Path, lake: Path, took_s: float) -> Opened:
    found = set()
    for line in trace.read_text().splitlines():
        match = re.search(r'open(?:at)?\([^"]*"([^"]+)", ([A-Z_|]+).*= \d+$', line)
        if match and match[1].startswith(str(lake)) and "O_DIRECTORY" not in match[2]:
            found.add(match[1])
    data = {path for path in found if path.endswith(".parquet")}
    manifests = {path for path in found if re.search(r"-m\d+\.avro$", path)}
    rows = sum(pq.read_metadata(path).num_rows for path in data)
    return Opened(took_s, len(data), rows, len(manifests), len(found - data - manifests))


def refresh_alone(home: Path) -> None:
    rooms = open_rooms(home, empty=False)
    with timed() as timing:
        rooms.refresh(SPEC)
    with rooms.databases.cubes.connect() as cubes:
        state = cubes.execute(select(cube_state.c.seq)).scalar()
    assert state == rooms.pointer(TABLE).seq
    rooms.close()
    sys.stdout.write(f"{timing.s}\n")


if __name__ == "__main__":
    refresh_alone(Path(sys.argv[1]))
