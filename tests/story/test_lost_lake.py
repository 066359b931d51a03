"""The lake is lost, or a table gains a column: the archive gives it back, and nobody is asked."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest
from sqlalchemy import delete, inspect, text

from tallymark.cli import main
from tallymark.connectors import discover
from tallymark.connectors.github import GitHub
from tallymark.demo.vendors.github import GithubVendor
from tallymark.demo.vendors.memory import MemoryWorld
from tallymark.demo.vendors.npm import NpmVendor
from tallymark.metrics.answer import Series
from tallymark.model import GRAINS, Page, Rejected, Row, Stream
from tallymark.state.database import writing
from tallymark.state.schema import heads, iceberg_namespace_properties, iceberg_tables, touched
from tallymark_paged.vendor import PagedVendor, Records
from tests.story.installation import (
    DAY,
    HOUR,
    Installation,
    MakeInstallation,
    StoryClock,
    midnight,
)

WORKSPACE = """
calendar: {zone: Europe/Berlin}
sources:
  github:
    connector: github
    base_url: ${GITHUB}
    streams:
      repositories: {subjects: [acme/rocket, acme/launchpad], start: 2026-10-20}
  npm:
    connector: npm
    base_url: ${NPM}
    streams:
      downloads: {subjects: [rocket], start: 2026-09-20}
  paged:
    connector: paged
    base_url: ${PAGED}
    streams:
      records: {subjects: [acme], start: 2026-10-20}
  site:
    connector: accesslog
    dedupe_field: request_id
    streams:
      requests: {start: 2026-10-20}
metrics:
  stars: {stream: github.repositories, measure: last(stars), dimensions: [repo]}
  new_stars: {stream: github.repositories, measure: increase(stars)}
  downloads: {stream: npm.downloads, measure: sum(downloads)}
  records: {stream: paged.records, measure: sum(value)}
  views: {stream: site.requests, measure: count, where: {status: [200]}, dimensions: [path]}
"""
STREAMS = ("github repositories", "npm downloads", "paged records", "site requests")
FIRST, LAST = date(2026, 10, 20), date(2026, 10, 27)


@pytest.fixture
def world() -> MemoryWorld:
    return MemoryWorld(seeded=True)


@pytest.fixture
def installation(
    home: Path,
    database_url: str | None,
    make_installation: MakeInstallation,
    world: MemoryWorld,
) -> Installation:
    clock = StoryClock(midnight(FIRST) + 9 * HOUR)
    vendors = {
        "GITHUB": GithubVendor(world, clock),
        "NPM": NpmVendor(world, clock),
        "PAGED": PagedVendor(Records(per_day=60, pages=5), clock),
    }
    return make_installation(clock, WORKSPACE, vendors, home=home, database_url=database_url)


@pytest.mark.soak
def test_a_lost_lake_is_made_again_from_the_archive(
    installation: Installation, world: MemoryWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    live_through(installation, world)
    rows, shown, calls = all_rows(installation), all_series(installation), asked(installation)
    assert all(rows.values())

    lose_the_lake(installation)
    for stream in STREAMS:
        replay(installation, stream, monkeypatch)
    installation.start()

    assert asked(installation) == calls
    assert all_rows(installation) == rows
    assert all_series(installation) == shown
    # and it goes on from there
    installation.clock.at += DAY
    installation.work()
    assert installation.days("stars", FIRST, LAST + DAY)[LAST].completeness == "complete"


def test_a_column_that_a_connector_gained_is_filled_from_the_archive(
    make_installation: MakeInstallation, world: MemoryWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = StoryClock(midnight(FIRST) + 9 * HOUR)
    vendors = {"GITHUB": GithubVendor(world, clock)}
    old = {**discover(), "github": Narrow}
    workspace = (
        WORKSPACE.partition("  npm:")[0]
        + """
metrics:
  stars: {stream: github.repositories, measure: last(stars)}
"""
    )
    installation = make_installation(clock, workspace, vendors, old)
    for _ in range(3):
        installation.work()
        installation.clock.at += DAY
    before = installation.rows("github.repositories")
    assert "watchers" not in before[0]
    calls = asked(installation)
    installation.stop()

    installation.connectors = discover()
    installation.workspace += "  watchers: {stream: github.repositories, measure: last(watchers)}\n"
    installation.start()
    assert {row["watchers"] for row in installation.rows("github.repositories")} == {None}
    installation.stop()
    replay(installation, "github repositories", monkeypatch)
    installation.start()

    assert asked(installation) == calls
    after = installation.rows("github.repositories")
    assert plain(after, but="watchers") == plain(before)
    days = installation.days("watchers", FIRST, FIRST + 2 * DAY)
    for day, bucket in days.items():
        seen = [world.repository(repo, midnight(day)) for repo in ("acme/rocket", "acme/launchpad")]
        assert bucket.value == sum(one["watchers"] for one in seen if one)
        assert bucket.completeness == "complete"


@dataclass(frozen=True)
class Narrow(GitHub):
    """The connector before it knew of watchers."""

    streams: ClassVar[tuple[Stream, ...]] = (
        replace(
            GitHub.streams[0],
            fields=tuple(f for f in GitHub.streams[0].fields if f.name != "watchers"),
        ),
    )

    def rows(self, stream: str, pages: Iterable[Page]) -> Iterator[Row | Rejected]:
        for record in super().rows(stream, pages):
            if isinstance(record, Row):
                del record.values["watchers"]
            yield record


def live_through(installation: Installation, world: MemoryWorld) -> None:
    """A week with everything that a replay must come through: restatements, a dead cursor,
    a shipper that repeats itself, a day on which GitHub does not answer."""
    for n in range((LAST - FIRST).days + 1):
        day = FIRST + n * DAY
        installation.clock.at = midnight(day) + 9 * HOUR
        if n == 3:
            world.change({"downloads": {"rocket": {str(day - 2 * DAY): 5, str(day - DAY): None}}})
            installation.vendors["PAGED"].change(
                {"dies_at": 2, "values": {f"{day - DAY}-000004": None}}
            )
        world.change({"down": n == 4})
        installation.push("site", hits(day - DAY))
        if n == 5:
            installation.push("site", hits(day - 2 * DAY))
        installation.clock.at += timedelta(seconds=61)
        installation.work()
    installation.listen("site", midnight(FIRST))


def hits(day: date) -> list[bytes]:
    lines = [
        {
            "request_id": f"{day}-{n}",
            "time": (midnight(day) + n * timedelta(minutes=37)).timestamp(),
            "method": "GET",
            "uri": f"/{n % 4}",
            "status": 404 if n % 7 == 0 else 200,
            "remote_addr": "203.0.113.9",
        }
        for n in range(40)
    ]
    return [*(json.dumps(line).encode() for line in lines), b"no line of a log"]


def lose_the_lake(installation: Installation) -> None:
    """Its files, what the catalog and the marks know of it, and the cubes."""
    node = installation.running
    lake, engines = node.config.lake_root / "tables", node.databases
    with writing(engines.control) as tx:
        for table in (iceberg_tables, iceberg_namespace_properties, heads, touched):
            tx.execute(delete(table))
    if installation.database_url:
        with writing(engines.cubes) as tx:
            for name in inspect(tx).get_table_names():
                if name.startswith("cube"):
                    tx.execute(text(f'DROP TABLE "{name}"'))
    installation.stop()
    shutil.rmtree(lake)
    for file in installation.home.glob("cubes.db*"):
        file.unlink()


def replay(installation: Installation, stream: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """`tallymark replay SOURCE STREAM`."""
    for name, value in installation.env.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as ended:
        main(["replay", *stream.split(), "--home", str(installation.home)])
    assert ended.value.code == 0


def asked(installation: Installation) -> int:
    return sum(len(vendor.calls()) for vendor in installation.vendors.values())


def all_rows(installation: Installation) -> dict[str, list[str]]:
    """Every row of every table."""
    return {name: plain(installation.rows(name)) for name in installation.running.streams}


def plain(rows: list[dict[str, Any]], but: str = "") -> list[str]:
    """In one order, less what says which batch brought them: a reading that repeats may do so."""
    return sorted(
        str([(k, v) for k, v in sorted(row.items()) if k != but and not k.startswith("_")])
        for row in rows
    )


def all_series(installation: Installation) -> list[Series]:
    return list(_all_series(installation))


def _all_series(installation: Installation) -> Iterator[Series]:
    node = installation.running
    for metric in node.workspace.metrics:
        for grain in GRAINS:
            if node.series.grain_refusal(metric, grain) is None:
                yield installation.read(metric, grain, FIRST, LAST)
