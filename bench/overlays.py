"""A series with two overlays over HTTP against the same without: one request beside the other.

One program serves both, the requests take turns, and the middle of each is compared.
"""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from statistics import median

import httpx
from sqlalchemy import insert

from bench.program import admin_token, fresh_home, serving
from bench.result import WORK, Result
from tallymark.state.database import migrate, open_databases, writing
from tallymark.state.schema import listening

HOME = WORK / "overlays"
MONTHS = 27
LINES_AT_ONCE = 2000
TURNS = 60
MOST = 2.0
WORKSPACE = """
calendar: {zone: Europe/Berlin}
sources:
  site:
    connector: accesslog
    dedupe_field: request_id
    streams: {requests: {start: %s}}
metrics:
  page_views: {stream: site.requests, measure: count}
"""
QUESTIONS = ("grain=day&interval=13m", "grain=hour&interval=28d", "grain=month&interval=13m")
TWO = "&compare=prev,year"


def run() -> Result:
    now = datetime.now(UTC)
    since_at = now - timedelta(days=MONTHS * 31)
    token = _prepared(since_at, now)
    headers = {"Authorization": f"Bearer {token}"}
    with serving(HOME) as program, httpx.Client(headers=headers) as client:
        url = program.url
        count = _sent(client, url, since_at, now)
        _until_counted(client, url, count)
        found = [_measured(client, f"{url}/api/v1/series?metric=page_views&{q}") for q in QUESTIONS]
    ratios = [two / plain for plain, two, _ in found]
    return Result(
        "A series with two overlays over HTTP",
        f"≤ {MOST:.0f}x the same without",
        ", ".join(f"{ratio:.2f}x" for ratio in ratios),
        max(ratios) <= MOST,
        [
            f"{question}: {plain * 1000:.1f} ms without, {two * 1000:.1f} ms with {TWO[1:]}, "
            f"{size / 1000:,.0f} kB"
            for question, (plain, two, size) in zip(QUESTIONS, found, strict=True)
        ]
        + [
            f"{count:,} rows, one an hour, for {MONTHS} months; only the last bucket still runs",
            f"one program, the requests take turns, the middle of {TURNS} each",
        ],
    )


def _prepared(since_at: datetime, now: datetime) -> str:
    """A home whose receiver has listened all the while."""
    fresh_home(HOME, WORKSPACE % since_at.date())
    databases = open_databases(None, HOME)
    migrate(databases)
    heard = {"boot": "bench", "source": "site", "from_at": since_at, "to_at": now}
    with writing(databases.control) as tx:
        tx.execute(insert(listening).values(heard))
    databases.close()
    return admin_token(HOME)


def _sent(client: httpx.Client, url: str, since_at: datetime, now: datetime) -> int:
    """A line an hour; how many."""
    while client.get(f"{url}/readyz").status_code != 200:
        time.sleep(0.2)
    count = int((now - since_at) / timedelta(hours=1))
    for first in range(0, count, LINES_AT_ONCE):
        lines = (
            json.dumps(
                {
                    "request_id": str(n),
                    "time": (since_at + timedelta(hours=n)).timestamp(),
                    "uri": "/",
                    "status": 200,
                }
            )
            for n in range(first, min(first + LINES_AT_ONCE, count))
        )
        client.post(f"{url}/in/logs/site", content="\n".join(lines)).raise_for_status()
    return count


def _until_counted(client: httpx.Client, url: str, count: int) -> None:
    question = f"{url}/api/v1/series?metric=page_views&grain=year&interval=P3Y"
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        (line,) = client.get(question).json()["series"]
        if sum(bucket["value"] or 0 for bucket in line["buckets"]) == count:
            return
        time.sleep(0.5)
    raise TimeoutError("the rows did not reach the cube")


def _measured(client: httpx.Client, question: str) -> tuple[float, float, int]:
    """Seconds without and with two overlays, and the size of the larger answer."""
    took_s: dict[str, list[float]] = {question: [], question + TWO: []}
    for _ in range(TURNS):
        for asked, found in took_s.items():
            began = time.perf_counter()
            answer = client.get(asked)
            found.append(time.perf_counter() - began)
            answer.raise_for_status()
    plain, two = (median(found) for found in took_s.values())
    return plain, two, len(answer.content)
