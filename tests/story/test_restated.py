"""Vendors say something else than before: every grain, in every zone, follows the rows.

The oracle is plain Python over the table's rows; it shares no code with calendar and cubes.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import date, datetime, timedelta
from random import Random

import pytest

from tallymark.demo.vendors.github import GithubVendor
from tallymark.demo.vendors.memory import MemoryWorld
from tallymark.demo.vendors.npm import NpmVendor
from tallymark.model import Grain
from tests.story import oracle
from tests.story.installation import (
    DAY,
    HOUR,
    Installation,
    MakeInstallation,
    StoryClock,
    midnight,
)
from tests.story.oracle import Span

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
      downloads: {subjects: [rocket, "@acme/launchpad"], start: 2025-12-20}
  site:
    connector: accesslog
    dedupe_field: request_id
    streams:
      requests: {start: 2026-10-20}
metrics:
  stars: {stream: github.repositories, measure: last(stars), dimensions: [repo]}
  new_stars: {stream: github.repositories, measure: increase(stars), dimensions: [repo]}
  downloads: {stream: npm.downloads, measure: sum(downloads), dimensions: [package]}
  views: {stream: site.requests, measure: count, where: {status: [200]}, dimensions: [path]}
"""
ZONES = ("Europe/Berlin", "America/New_York", "Asia/Kathmandu")
if not os.environ.get("SOAK"):
    ZONES = ZONES[1:2]
GRAINS: tuple[Grain, ...] = ("hour", "day", "week", "month", "quarter", "year")
REPOS = ("acme/rocket", "acme/launchpad")
# clocks change in Berlin on 25 October and in New York on 1 November
FIRST, LAST = date(2026, 10, 20), date(2026, 11, 8)
FELL = date(2026, 10, 22)
UP, DOWN, GONE = date(2026, 11, 4), date(2026, 11, 5), date(2026, 11, 6)


@pytest.fixture
def world() -> MemoryWorld:
    return MemoryWorld(seeded=True)


@pytest.fixture
def installation(make_installation: MakeInstallation, world: MemoryWorld) -> Installation:
    clock = StoryClock(midnight(FIRST) + HOUR)
    vendors = {"GITHUB": GithubVendor(world, clock), "NPM": NpmVendor(world, clock)}
    return make_installation(clock, WORKSPACE, vendors)


def test_every_grain_equals_a_recomputation(installation: Installation, world: MemoryWorld) -> None:
    live_through(installation, world)
    world.change({"downloads": {"rocket": {str(UP): 5000, str(DOWN): 3, str(GONE): None}}})
    before = rows_by_day(installation)
    installation.clock.at = midnight(LAST + DAY) + 8 * HOUR
    installation.work()
    after = rows_by_day(installation)
    assert before[UP] < after[UP] == 5000
    assert before[DOWN] > after[DOWN] == 3
    assert GONE in before
    assert GONE not in after

    calls = [len(vendor.calls()) for vendor in installation.vendors.values()]
    for zone in ZONES:
        installation.stop()
        installation.workspace = WORKSPACE.replace("Europe/Berlin", zone)
        installation.start()
        installation.clock.at += timedelta(seconds=10)
        installation.work()
        assert_equals_a_recomputation(installation, zone)
    # another calendar is another cube of the same rows: nobody is asked for it
    assert [len(vendor.calls()) for vendor in installation.vendors.values()] == calls


def test_stars_that_fall_are_a_negative_increase(
    installation: Installation, world: MemoryWorld
) -> None:
    for day, stars in enumerate((1000, 998, 998, 1003)):
        world.change({"repositories": {"acme/rocket": {"stars": stars}}})
        world.change({"repositories": {"acme/launchpad": {"stars": 7}}})
        installation.clock.at = midnight(FIRST) + day * DAY + 12 * HOUR
        installation.work()
    days = installation.days("new_stars", FIRST, FIRST + 3 * DAY)
    assert [bucket.value for bucket in days.values()] == [None, -2, 0, 5]


def test_a_reading_that_changed_nothing_commits_nothing(
    installation: Installation, world: MemoryWorld
) -> None:
    installation.clock.at = midnight(FIRST) + 8 * HOUR
    installation.work()
    catalog, npm = installation.running.lake.catalog, installation.vendors["NPM"]
    before, answered = catalog.load_table("npm.downloads"), npm.answered()
    rows = installation.rows("npm.downloads")
    for days in (1, 2):
        # the newest days are not counted yet, in one way and in the other
        world.change({"downloads": {"rocket": {str(FIRST + (days - 1) * DAY): 0}}})
        world.change({"downloads": {"@acme/launchpad": {str(FIRST + (days - 1) * DAY): None}}})
        installation.clock.at += DAY
        installation.work()
        assert npm.answered() == answered + 2 * days
        after = catalog.load_table("npm.downloads")
        assert after.metadata.current_snapshot_id == before.metadata.current_snapshot_id
        assert after.metadata_location == before.metadata_location
    assert installation.rows("npm.downloads") == rows
    shown = installation.days("downloads", FIRST - DAY, FIRST)
    assert [bucket.completeness for bucket in shown.values()] == ["provisional", "missing"]
    assert shown[FIRST].value is None


# -- how it comes about ------------------------------------------------------------------------


def live_through(installation: Installation, world: MemoryWorld) -> None:
    """A reading a day, soon after midnight UTC or late; page views are shipped now and then."""
    random, stars = Random(4), {"acme/rocket": 990, "acme/launchpad": 120}
    shipped_to = midnight(FIRST)
    for n in range((LAST - FIRST).days + 1):
        day = FIRST + n * DAY
        for repo in REPOS:
            stars[repo] += random.randrange(-3, 9)
            if repo == "acme/rocket" and day in (FELL - DAY, FELL):
                stars[repo] = 1000 if day < FELL else 998
        world.change({"repositories": {repo: {"stars": n} for repo, n in stars.items()}})
        hour = random.choice((0, 0, 0, 0, 1, 5, 13, 22))
        installation.clock.at = midnight(day) + timedelta(
            hours=hour, seconds=random.randrange(3500)
        )
        if n % 6 == 5:
            installation.push("site", hits(random, shipped_to, installation.clock.at))
            shipped_to = installation.clock.at
            installation.clock.at += timedelta(seconds=61)
        installation.work()
    installation.clock.at = midnight(LAST + DAY) + HOUR
    installation.push("site", hits(random, shipped_to, midnight(LAST + DAY)))
    installation.clock.at += HOUR
    installation.listen("site", midnight(FIRST))
    installation.work()


def hits(random: Random, from_at: datetime, to_at: datetime) -> list[bytes]:
    found = []
    for n in range(350):
        at = from_at + random.random() * (to_at - from_at)
        found.append(
            json.dumps(
                {
                    "request_id": f"{from_at:%m%d}-{n}",
                    "time": at.timestamp(),
                    "method": "GET",
                    "uri": random.choice(["/", "/docs", "/blog?page=2"]),
                    "status": random.choice([200, 200, 404]),
                    "remote_addr": "203.0.113.9",
                }
            ).encode()
        )
    return found


def rows_by_day(installation: Installation) -> dict[date, int]:
    return {
        row["ts"].date(): row["downloads"]
        for row in installation.rows("npm.downloads")
        if row["package"] == "rocket"
    }


# -- how it is compared ------------------------------------------------------------------------


def assert_equals_a_recomputation(installation: Installation, zone: str) -> None:
    now = installation.clock.at
    stars = installation.rows("github.repositories")
    npm = installation.rows("npm.downloads")
    views = [row for row in installation.rows("site.requests") if row["status"] == 200]
    assert len(stars) == 2 * ((LAST - FIRST).days + 2)
    assert len(views) > 500
    start = date(2025, 12, 20)
    # the first and the last day of a zone may lie outside of what was collected
    first, last = FIRST + DAY, LAST - DAY
    same(installation, zone, "downloads", start, LAST, lambda s: oracle.labelled(npm, s))
    same(installation, zone, "views", first, last, lambda s: oracle.totals(views, s, _one) or 0)
    same(installation, zone, "stars", first, last, lambda s: oracle.last(stars, s, "stars", REPOS))
    same(
        installation,
        zone,
        "new_stars",
        first,
        last,
        lambda s: oracle.increase(stars, s, "stars", REPOS, now),
    )


def same(
    installation: Installation,
    zone: str,
    metric: str,
    first: date,
    last: date,
    value: Callable[[Span], int | None],
) -> None:
    for grain in GRAINS:
        if grain == "hour" and metric != "views":
            continue
        (line,) = installation.read(metric, grain, first, last).series
        shown = [(bucket.start_at, bucket.end_at, bucket.value) for bucket in line.buckets]
        spans = oracle.spans(grain, zone, first, last)
        expected = [(span.start_at, span.end_at, value(span)) for span in spans]
        assert shown == expected, (zone, metric, grain)
        # what was before a month's first reading is not always known
        if metric != "new_stars" or grain in ("day", "week"):
            assert any(number for _, _, number in expected), (zone, metric, grain)


def _one(row: object) -> int:
    return 1
