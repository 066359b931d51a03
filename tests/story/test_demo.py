"""`tallymark demo`, as a person starts it: it answers at once, survives a kill, and is right.

What is right says the demo's world, which made nothing of what is checked here.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import select

from tallymark.archive.keep import Archive
from tallymark.demo.story import months_before
from tallymark.demo.vendors.log import answered, read_log
from tallymark.demo.visits import hits
from tallymark.demo.world import PACKAGES, REPOSITORIES, World, midnight
from tallymark.files.local import LocalFiles
from tallymark.lake.catalog import open_catalog
from tallymark.state.database import open_databases, reading
from tallymark.state.schema import calls
from tests.tools.procs import Process, answers

TALLYMARK = Path(sys.executable).with_name("tallymark")
BERLIN = ZoneInfo("Europe/Berlin")
DAY = timedelta(days=1)
READ_AT = timedelta(hours=7)


def start(home: Path) -> Process:
    return Process([TALLYMARK, "demo", "--home", home, "--port", "0"], log=home.with_suffix(".log"))


def address(demo: Process) -> str:
    return demo.wait_line(r"^(http://127\.0\.0\.1:\d+)$", timeout_s=60)


def test_it_answers_while_it_collects(tmp_path: Path) -> None:
    with start(tmp_path / "home") as demo:
        url = address(demo)
        demo.wait_http(f"{url}/healthz", timeout_s=10)
        # not ready before its thirteen months are there, and the board says how far it is
        assert answers(f"{url}/readyz") == 503
        demo.wait_http(f"{url}/boards/overview")
        progress = asked(f"{url}/boards/overview/progress")
        assert progress["text"].startswith("Collecting 13 months")
        assert 0 <= progress["done"] < 1
        assert demo.terminate() == 0


def test_it_refuses_a_home_that_is_not_its_own(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "tallymark.db").write_text("somebody's numbers")
    ended = subprocess.run(
        [TALLYMARK, "demo", "--home", home, "--port", "0"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 2
    assert "is not a demo's home" in ended.stderr
    assert [path.name for path in home.iterdir()] == ["tallymark.db"]


@pytest.mark.timeout(900)
@pytest.mark.soak
def test_it_is_right_after_kills_in_its_first_collection(tmp_path: Path) -> None:
    home = tmp_path / "home"
    first = months_before(datetime.now(UTC).date(), 13)
    for share in (0.25, 0.6):
        with start(home) as demo:
            address(demo)
            wait_until_collected(demo, home, first, share)
            demo.kill()
    with start(home) as demo:
        url = address(demo)
        demo.wait_http(f"{url}/readyz", timeout_s=600)
        token = reader(home)
        world = World(position(home)[0])
        assert_stars(url, token, world, first)
        assert_downloads(url, token, world, first)
        assert_page_views(url, token, world, first)
        assert demo.terminate() == 0
    assert_each_row_has_its_page(home)

    begun = time.monotonic()
    with start(home) as demo:
        url = address(demo)
        demo.wait_http(f"{url}/readyz", timeout_s=60)
        assert time.monotonic() - begun < 60
        assert_stars(url, token, world, first)
        assert asked(f"{url}/boards/overview/progress") is None
        assert demo.terminate() == 0


# -- the way there -----------------------------------------------------------------------------


def position(home: Path) -> tuple[date, datetime]:
    found = json.loads((home / "demo.json").read_text())
    return date.fromisoformat(found["started_on"]), datetime.fromisoformat(found["done_to"])


def wait_until_collected(demo: Process, home: Path, first: date, share: float) -> None:
    wanted = midnight(first) + share * (datetime.now(UTC) - midnight(first))
    deadline = time.monotonic() + 300
    while not (home / "demo.json").exists() or position(home)[1] < wanted:
        assert time.monotonic() < deadline, demo.output()[-2000:]
        time.sleep(0.05)


def reader(home: Path) -> str:
    made = subprocess.run(
        [TALLYMARK, "token", "create", "reader", "--home", home],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return made.stdout.split()[-1]


def asked(url: str, token: str = "") -> Any:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=60) as answer:
        return json.loads(answer.read())


def days(url: str, token: str, metric: str, first: date, **more: str) -> dict[str, Any]:
    """The buckets of each line of a metric, by its day, until yesterday."""
    until = datetime.now(BERLIN).date() - DAY
    query = {"metric": metric, "grain": "day", "from": first, "to": until, **more}
    answer = asked(f"{url}/api/v1/series?{urlencode(query)}", token)
    return {
        "".join(line["by"].values()): {date.fromisoformat(b["key"]): b for b in line["buckets"]}
        for line in answer["series"]
    }


# -- what is right -----------------------------------------------------------------------------


def assert_stars(url: str, token: str, world: World, first: date) -> None:
    out = [at.date() for at in world.outage_at]
    assert (out[1] - out[0]).days == 3
    shown = days(url, token, "stars", first, by="repo")
    assert set(shown) == set(REPOSITORIES)
    for repo, buckets in shown.items():
        missing = {day for day, bucket in buckets.items() if bucket["completeness"] == "missing"}
        assert missing == {out[0] + n * DAY for n in range(3)}
        for day, bucket in buckets.items():
            if day in missing:
                (cause,) = bucket["causes"]
                assert bucket["value"] is None
                assert "503" in cause["text"]
            else:
                seen = world.repository(repo, midnight(day) + READ_AT)
                assert seen is not None
                assert (bucket["value"], bucket["completeness"]) == (seen["stars"], "complete")


def assert_downloads(url: str, token: str, world: World, first: date) -> None:
    restated, last_restated, _ = world.restated
    shown = days(url, token, "downloads", min(first, world.started_on), by="package")
    assert set(shown) == set(PACKAGES)
    for package, buckets in shown.items():
        # the newest days come late
        settled = sorted(buckets)[:-3]
        assert restated in settled
        assert last_restated in settled
        for day in settled:
            assert buckets[day]["value"] == world.true_downloads(package, day), day
            assert buckets[day]["completeness"] in ("complete", "provisional"), day
        assert buckets[settled[-8]]["completeness"] == "complete"


def assert_page_views(url: str, token: str, world: World, first: date) -> None:
    (shown,) = days(url, token, "page_views", first + DAY).values()
    seen = Counter(
        hit.at.astimezone(BERLIN).date()
        for hit in hits(world, midnight(first), datetime.now(UTC))
        if hit.status == 200
    )
    assert len(shown) > 20
    for day, bucket in shown.items():
        assert bucket["value"] == seen[day], day
    assert {bucket["completeness"] for bucket in list(shown.values())[:-1]} == {"complete"}


def assert_each_row_has_its_page(home: Path) -> None:
    """A row names its call, a call its page in the archive; who was polled has it in its log."""
    databases = open_databases(None, home)
    catalog = open_catalog(databases.control, home / "lake" / "tables")
    archive = Archive(LocalFiles(home / "lake"))
    logs = {
        source: Counter(
            (entry["path"], entry["at"])
            for entry in answered(read_log(home / "vendors" / f"{source}.log"))
        )
        for source in ("github", "npm")
    }
    with reading(databases.control) as conn:
        known = {row.id: row for row in conn.execute(select(calls))}
    for table, source in (
        ("github.repositories", "github"),
        ("npm.downloads", "npm"),
        ("site.requests", "site"),
    ):
        numbers = set(catalog.load_table(table).scan().to_arrow()["_page"].to_pylist())
        assert numbers <= set(known), table
        for number in numbers:
            call = known[number]
            assert archive.get(call.archive_key).url == call.url
            if source in logs:
                parts = urlsplit(call.url)
                path = f"{parts.path}?{parts.query}" if parts.query else parts.path
                assert logs[source][path, call.received_at.isoformat()] >= 1, call.url
    databases.close()
