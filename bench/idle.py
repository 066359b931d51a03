"""What an idle `serve` holds in memory, after it has taken, flushed, rolled up and shown."""

from __future__ import annotations

import json
import re
import time
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from bench.program import admin_token, fresh_home, serving
from bench.result import WORK, Result

HOME = WORK / "idle"
LINES = 20_000
IDLE_S = 30
LIMIT_MB = 300
WORKSPACE = """
calendar: {zone: Europe/Berlin}
sources:
  site:
    connector: accesslog
    dedupe_field: request_id
    streams: {requests: {start: 2026-01-01}}
metrics:
  page_views: {stream: site.requests, measure: count, dimensions: [path]}
boards:
  site:
    cards: [{kind: number, metric: page_views}, {kind: line, metric: page_views, by: path}]
"""


def run() -> Result:
    fresh_home(HOME, WORKSPACE)
    token = admin_token(HOME)
    with serving(HOME) as program:
        fresh = _settled_mb(program.pid, 10)
        _work(program.url, token)
        used = _settled_mb(program.pid, IDLE_S)
    return Result(
        "Idle `serve`",
        f"≤ {LIMIT_MB} MB",
        f"{used:.0f} MB",
        used <= LIMIT_MB,
        [
            f"{fresh:.0f} MB 10 s after the start; {used:.0f} MB {IDLE_S} s after {LINES:,} lines "
            "were taken, flushed to the lake and rolled up, and the board was read at every grain",
            "resident memory of the one process (VmRSS)",
        ],
    )


def _work(url: str, token: str) -> None:
    _until(lambda: _get(f"{url}/readyz", token) is not None)
    at = time.time()
    for n in range(0, LINES, 1000):
        body = "\n".join(
            json.dumps({"request_id": str(n + i), "time": at, "uri": f"/{i % 50}", "status": 200})
            for i in range(1000)
        )
        headers = {"Authorization": f"Bearer {token}"}
        request = urllib.request.Request(f"{url}/in/logs/site", body.encode(), headers)
        urllib.request.urlopen(request).read()
    day = datetime.now(UTC).date()
    query = f"{url}/api/v1/series?metric=page_views&grain=year&from={day}&to={day}"

    def counted() -> bool:
        found = _get(query, token)
        return found is not None and f'"value":{LINES}' in re.sub(r"\s", "", found)

    _until(counted)
    for grain in ("hour", "day", "week", "month", "quarter", "year"):
        _get(f"{url}/boards/site?grain={grain}&range=13m", "")
        _get(f"{url}/boards/site/data?grain={grain}&range=13m", "")


def _get(url: str, token: str) -> str | None:
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            text: str = answer.read().decode()
            return text
    except OSError:
        return None


def _until(true: Callable[[], bool], timeout_s: float = 120) -> None:
    deadline = time.monotonic() + timeout_s
    while not true():
        if time.monotonic() > deadline:
            raise TimeoutError("the program did not get on")
        time.sleep(0.5)


def _settled_mb(pid: int, after_s: float) -> float:
    time.sleep(after_s)
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+) kB", status)
    assert found
    return int(found[1]) / 1024
