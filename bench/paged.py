"""200,000 nested records in 200 pages from a vendor on loopback, against dlt.

Both fetch the same pages one after another, from the same server, and end with a Parquet table.
We also keep each page as it came, write the ledger, sync all of it to the disk, roll up a cube.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from bench.result import ROOT, WORK, Result, peak_mb, timed
from tallymark.clock import SystemClock
from tallymark.config import load as settings
from tallymark.connectors import discover
from tallymark.definitions.workspace import load
from tallymark.demo.vendors.log import answered
from tallymark.wiring.node import Node
from tallymark.wiring.tuning import tune

DAYS = 100
PER_DAY = 2000
PAGES = 200
FOLDER = WORK / "paged"
VENV = WORK / "venv"
WORKSPACE = """
sources:
  paged:
    connector: paged
    base_url: {url}
    budget: 1000000/1h
    streams:
      records: {{subjects: [acme], start: {start}}}
metrics:
  value: {{stream: paged.records, measure: sum(value)}}
"""


def run() -> Result:
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True, exist_ok=True)
    _peers()
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    start = today - timedelta(days=DAYS)
    with _vendor() as url:
        _warm(url, start, today)
        ours = sorted((_ours(url, start, n) for n in range(3)), key=lambda one: one["s"])[1]
        peer = sorted((_dlt(url, start, today, n) for n in range(3)), key=lambda one: one["s"])[1]
    ratio = ours["s"] / peer["s"]
    good = ratio <= 0.5 and ours["again"] <= 2 and ours["rows"] == DAYS * PER_DAY
    return Result(
        "200,000 records in 200 pages",
        "≤ 0.5x dlt's time; ≤ 2 requests when there is nothing new",
        f"{ratio:.2f}x; {ours['again']} requests",
        good,
        [
            f"ours: {_spent(ours)}; {ours['calls']} requests; archive, ledger, table and cube, all "
            f"synced; nothing new: {ours['again']} requests, {ours['again_s']:.2f} s",
            f"peer: {_spent(peer)}; dlt {peer['version']}: rest_api_source, filesystem, Parquet, "
            "append; nothing synced; the record that changed meanwhile is there twice",
            "ours takes the four fields that the stream declares into the table, dlt all ten, "
            "flattened; both fetch and parse the same bytes, and our archive holds all of them",
            "time from the first request's preparation to the end, without Python's start and "
            "imports; the middle of three runs each",
        ],
    )


def _warm(url: str, start: datetime, end: datetime) -> None:
    """The vendor makes its pages when they are first asked for: not on anybody's time."""
    asked = {"account": "acme", "from": start.isoformat(), "to": end.isoformat()}
    while True:
        with urllib.request.urlopen(f"{url}/records?{urlencode(asked)}") as answer:
            following = json.load(answer)["next"]
        if following is None:
            return
        asked["cursor"] = following


def _spent(one: dict[str, Any]) -> str:
    return (
        f"{one['s']:.2f} s ({one['cpu_s']:.2f} s of CPU), {one['rows']:,} rows, "
        f"peak {one['mb']:.0f} MB"
    )


def _peers() -> None:
    """The peers' own environment: they pin other versions of the same libraries."""
    lock = ROOT / "requirements-bench.lock"
    stamp = VENV / ".lock"
    if stamp.exists() and stamp.read_text() == lock.read_text():
        return
    uv = Path(sys.executable).with_name("uv")
    env = {**os.environ, "VIRTUAL_ENV": str(VENV)}
    subprocess.run([uv, "--quiet", "venv", "--clear", VENV], check=True, env=env)
    subprocess.run([uv, "--quiet", "pip", "sync", "--require-hashes", lock], check=True, env=env)
    stamp.write_text(lock.read_text())


@contextmanager
def _vendor() -> Iterator[str]:
    command = [sys.executable, "-m", "bench.vendor", str(PER_DAY), str(PAGES)]
    with subprocess.Popen(command, env=_env(), stdout=subprocess.PIPE, text=True) as vendor:
        assert vendor.stdout is not None
        try:
            yield vendor.stdout.readline().strip()
        finally:
            vendor.send_signal(signal.SIGTERM)


def _env() -> dict[str, str]:
    """The connector comes from another package: its folder is on the path, nothing else."""
    return {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'tests' / 'paged'}"}


def _ours(url: str, start: datetime, n: int) -> dict[str, Any]:
    home = FOLDER / f"ours-{n}"
    (home / "workspace").mkdir(parents=True)
    text = WORKSPACE.format(url=url, start=start.date())
    (home / "workspace" / "all.yaml").write_text(text)
    command = [sys.executable, "-m", "bench.paged", str(home), url]
    return _answer(command, _env(), home)


def _dlt(url: str, start: datetime, end: datetime, n: int) -> dict[str, Any]:
    folder = FOLDER / f"dlt-{n}"
    folder.mkdir(parents=True)
    script = ROOT / "bench" / "peer_dlt.py"
    command = [VENV / "bin" / "python", script, url, start.isoformat(), end.isoformat(), folder]
    env = {**os.environ, "HOME": str(folder), "RUNTIME__DLTHUB_TELEMETRY": "false"}
    return _answer(command, env, folder)


def _answer(command: list[Any], env: dict[str, str], folder: Path) -> dict[str, Any]:
    """The last line that a script printed, which is JSON."""
    done = subprocess.run(
        command, env=env, cwd=folder, check=True, stdout=subprocess.PIPE, text=True
    )
    answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return answer


def collect(home: Path, url: str) -> dict[str, Any]:
    """What `tallymark collect` does, twice, in this process."""
    tune()
    env = {"TALLYMARK_ALLOW_ADDRESSES": url.removeprefix("http://")}
    node = Node(settings(env, home=home), load(home / "workspace", discover()), {}, SystemClock())
    before = _calls(url)
    began_s = time.process_time()
    with timed() as first:
        node.prepare()
        assert node.worker.run_until_idle()
    cpu_s = time.process_time() - began_s
    between = _calls(url)
    with timed() as second:
        assert node.worker.run_until_idle()
    rows = node.lake.catalog.load_table("paged.records").scan().count()
    after = _calls(url)
    node.close()
    return {
        "s": first.s,
        "again_s": second.s,
        "calls": between - before,
        "again": after - between,
        "rows": rows,
        "mb": peak_mb(),
        "cpu_s": cpu_s,
    }


def _calls(url: str) -> int:
    with urllib.request.urlopen(f"{url}/_control/log") as answer:
        return len(answered(json.load(answer)))


if __name__ == "__main__":
    sys.stdout.write(json.dumps(collect(Path(sys.argv[1]), sys.argv[2])) + "\n")
