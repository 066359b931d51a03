"""A site's log from a real browser to the board, while the program is killed again and again."""

from __future__ import annotations

import itertools
import json
import shutil
import sqlite3
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page, sync_playwright
from pyiceberg.table import StaticTable

from tests.services.program import Program, get
from tests.services.shipper import Site, site
from tests.tools.ports import free_port
from tests.tools.procs import Process

VIEWS, KILLED_AFTER = 200, (40, 90, 150)
CHROMIUM = "/usr/bin/chromium"
WORKSPACE = """
calendar: {zone: Europe/Berlin}
sources:
  site:
    connector: accesslog
    dedupe_field: request_id
    streams:
      requests: {start: 2026-01-01}
metrics:
  requests:
    title: Requests
    stream: site.requests
    measure: count
  page_views:
    title: Page views
    stream: site.requests
    measure: count
    where: {status: [200]}
boards:
  site:
    title: The site
    cards:
      - {kind: bar, metric: page_views}
      - {kind: number, metric: requests}
"""


@pytest.fixture
def browser() -> Iterator[Page]:
    if not Path(CHROMIUM).exists():
        pytest.skip("chromium is not installed")
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
    with sync_playwright() as player:
        chromium = player.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield chromium.new_page()
        chromium.close()


@pytest.fixture
def visited() -> Iterator[Site]:
    with site() as made:
        yield made


def until(true: Callable[[], bool], timeout_s: float, what: str) -> None:
    deadline = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < deadline, what
        time.sleep(0.2)


def stored_ids(home: Path) -> Counter[str]:
    """The ids of the rows in the lake, read from the table's files with nothing of ours."""
    with sqlite3.connect(home / "tallymark.db") as database:
        found = database.execute(
            "select metadata_location from iceberg_tables where table_name = 'requests'"
        ).fetchone()
    database.close()
    if found is None:
        return Counter()
    table = StaticTable.from_metadata(found[0])
    return Counter(table.scan(selected_fields=("id",)).to_arrow()["id"].to_pylist())


def visit(page: Page, site: Site, program: Program, port: int) -> Process:
    """Look at the pages; kill the program three times meanwhile. The program, up again."""
    serve = program.serve(port)
    try:
        for n in range(VIEWS):
            answer = page.goto(f"{site.url}/page-{n % 17}?view={n}")
            assert answer is not None
            assert answer.status == 200
            if n in KILLED_AFTER:
                # at another place each time: while lines arrive, while they are flushed, in between
                time.sleep(0.7 * KILLED_AFTER.index(n))
                serve.kill()
                serve = program.serve(port)
    except BaseException:
        serve.__exit__(None, None, None)
        raise
    return serve


@pytest.mark.soak
def test_every_line_of_a_shipped_log_is_counted_once_whatever_is_killed(
    tmp_path: Path, browser: Page, visited: Site
) -> None:
    program = Program(tmp_path / "home", TALLYMARK_FLUSH_S="1")
    program.define(WORKSPACE)
    write, read = program.token("shipper", "write"), program.token("reader", "read")
    port = free_port()
    to = f"http://127.0.0.1:{port}"
    with visited.ship(f"{to}/in/logs/site", write), visit(browser, visited, program, port) as serve:
        serve.wait_http(f"{to}/readyz", timeout_s=60)
        lines = [json.loads(line)["request_id"] for line in visited.lines()]
        assert len(set(lines)) == len(lines) >= VIEWS
        until(
            lambda: sum(stored_ids(program.home).values()) >= len(lines),
            60,
            f"{len(lines)} lines, but in the lake {sum(stored_ids(program.home).values())}",
        )
        assert stored_ids(program.home) == Counter(lines)
        until(
            lambda: total(answered(to, read, "requests")) == len(lines),
            30,
            f"{len(lines)} lines, but the API says {answered(to, read, 'requests')}",
        )
        views = answered(to, read, "page_views")
        assert total(views) == VIEWS
        shown_on_the_board(browser, to, views)


def answered(to: str, token: str, metric: str) -> dict[str, int]:
    """The hours around now, by key, as the API says them."""
    now = datetime.now(UTC)
    start = (now - timedelta(hours=2)).isoformat().replace("+00:00", "Z")
    end = (now + timedelta(hours=1)).isoformat().replace("+00:00", "Z")
    query = f"metric={metric}&grain=hour&from={start}&to={end}"
    series = get(f"{to}/api/v1/series?{query}", token)["series"]
    buckets = itertools.chain.from_iterable(line["buckets"] for line in series)
    return {bucket["key"]: bucket["value"] for bucket in buckets if bucket["value"]}


def total(hours: dict[str, int]) -> int:
    return sum(hours.values())


def shown_on_the_board(page: Page, to: str, hours: dict[str, int]) -> None:
    """The board's table under the chart shows the same number for each of these hours."""
    since_on = (datetime.now(UTC) - timedelta(days=2)).date()  # through today, which 7d is not
    page.goto(f"{to}/boards/site?grain=hour&from={since_on}")
    page.locator("button[data-table]").first.click()
    rows = page.locator("[data-table-box] tbody tr")
    rows.first.wait_for()
    cells = rows.evaluate_all("rows => rows.map(row => [...row.cells].map(c => c.textContent))")
    values = {"".join(filter(str.isdigit, cell)) for row in cells for cell in row}
    assert {str(value) for value in hours.values()} <= values, f"{hours} in {cells[-10:]}"


def test_the_packages_of_this_test_are_installed_in_ci() -> None:
    """`.ci/run` names what `shutil.which` looks for here."""
    script = (Path(__file__).parents[2] / ".ci" / "run").read_text()
    for package in ("nginx-light", "syslog-ng-core", "syslog-ng-mod-http", "chromium"):
        assert package in script
    assert shutil.which("bash")
