"""The demo's numbers that add up, in 24 zones: each bucket equals a recomputation from raw rows,
and all grains of a metric have one total.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from importlib.resources import files
from typing import Any

import pytest

from tallymark.boards.number import ADDS_UP
from tallymark.calendar.periods import Calendar
from tallymark.demo.story import months_before
from tallymark.demo.vendors.accesslog import line
from tallymark.demo.vendors.github import GithubVendor
from tallymark.demo.vendors.npm import NpmVendor
from tallymark.demo.visits import hits
from tallymark.demo.world import DAY, World, midnight
from tallymark.metrics.answer import SeriesQuery
from tallymark.model import GRAINS, Grain
from tallymark.wiring.node import Node
from tallymark.wiring.watch import rebuilt
from tests.story.installation import Installation, StoryClock
from tests.story.rule import Bucket, Rule

MONTHS = 13

ZONES = (
    *("America/St_Johns", "America/Goose_Bay", "America/Moncton", "Asia/Gaza", "Asia/Hebron"),
    *("Antarctica/Casey", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Chatham"),
    *("America/Havana", "Pacific/Apia", "Pacific/Kwajalein", "UTC", "Europe/Berlin"),
    *("Europe/Dublin", "America/New_York", "America/Sao_Paulo", "Africa/Casablanca"),
    *("Asia/Tehran", "Asia/Kolkata", "Australia/Sydney", "Pacific/Auckland"),
    *("Pacific/Kiritimati", "Pacific/Pago_Pago"),
)
WEEK_STARTS = ("monday", "sunday", "saturday")


class Demo:
    """The demo's workspace and world, collected by the program from its vendors, and its rows."""

    def __init__(self, installation: Installation, first: date, last: date) -> None:
        self.installation = installation
        self.first, self.last = first, last
        clock, world = installation.clock, World(first)
        clock.at = midnight(last + DAY) + timedelta(hours=7)
        installation.push("site", [line(hit) for hit in hits(world, midnight(first), clock.at)])
        clock.at += timedelta(minutes=2)
        installation.listen("site", midnight(first - 2 * DAY))
        installation.work()
        self.views = [
            (row["ts"], row["path"])
            for row in installation.rows("site.requests")
            if row["status"] == 200
        ]
        self.downloads = [
            (row["ts"].date(), row["package"], row["downloads"])
            for row in installation.rows("npm.downloads")
        ]

    def rows(self, metric: str, buckets: list[Bucket]) -> Counter[tuple[int, str]]:
        """What each bucket holds of each dimension's value, from the raw rows."""
        found: Counter[tuple[int, str]] = Counter()
        if metric == "page_views":
            starts = [bucket.start_at for bucket in buckets]
            for at, path in self.views:
                found[bisect_right(starts, at) - 1, path] += 1
        else:
            # a label counts in the day of its name
            firsts = [bucket.first for bucket in buckets]
            for day, package, n in self.downloads:
                found[bisect_right(firsts, day) - 1, package] += n
        assert -1 not in [i for i, _ in found]
        return found


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Any:
    last = datetime.now(UTC).date() - DAY
    first = months_before(last, MONTHS)
    text = files("tallymark.demo").joinpath("workspace/demo.yaml").read_text()
    text = text.replace("    token: ${DEMO_GITHUB_TOKEN}\n", "")
    clock = StoryClock(midnight(first) + timedelta(hours=7))
    vendors = {
        "DEMO_GITHUB_URL": GithubVendor(World(first), clock),
        "DEMO_NPM_URL": NpmVendor(World(first), clock),
    }
    home = tmp_path_factory.mktemp("every-zone")
    made = Installation(home, None, clock, text.replace("${START}", str(first)), vendors)
    try:
        yield Demo(made, first, last)
    finally:
        made.close()


@pytest.mark.timeout(1800)
@pytest.mark.soak
def test_in_every_zone_each_bucket_equals_its_rows_and_all_grains_have_one_total(
    demo: Demo,
) -> None:
    assert len(set(ZONES)) == 24
    node = demo.installation.running
    adding = [m.name for m in node.workspace.metrics.values() if m.aggregate in ADDS_UP]
    assert adding == ["downloads", "page_views"]
    checked = 0
    for n, zone in enumerate(ZONES):
        cut = Rule(zone, WEEK_STARTS[n % 3], n % 12 + 1)
        here = of_calendar(node, cut)
        for metric in adding:
            checked += assert_right(demo, here, cut, metric)
    print(f"{checked} buckets in {len(ZONES)} zones")  # noqa: T201
    assert checked > 24 * 800


def of_calendar(node: Node, cut: Rule) -> Node:
    """The node with its cubes rolled up by another calendar."""
    calendar = Calendar(cut.zone, cut.week_start, cut.fiscal_start)  # type: ignore[arg-type]
    here = rebuilt(node, replace(node.workspace, calendar=calendar))
    for name in ("npm.downloads", "site.requests"):
        here.refresh.refresh(here.cubes[name])
    assert here.series.calendar("page_views") == calendar
    return here


def assert_right(demo: Demo, here: Node, cut: Rule, metric: str) -> int:
    by = here.workspace.metrics[metric].dimensions
    # a day around it, so that a zone's first and last day are in it
    first, last = demo.first - DAY, demo.last + DAY
    totals, checked = {}, 0
    for grain in GRAINS:
        if here.series.grain_refusal(metric, grain) is not None:
            continue
        buckets = cut.hours(first, last) if grain == "hour" else cut.buckets(grain, first, last)
        expected = demo.rows(metric, buckets)
        whole = read(here, metric, grain, buckets, ())
        sums: Counter[int] = Counter()
        for (i, _), value in expected.items():
            sums[i] += value
        assert whole == {"": {i: n for i, n in sums.items() if n}}, (cut, metric, grain)
        totals[grain] = sum(whole[""].values())
        checked += len(buckets)
        if grain == "day":
            parts: dict[str, dict[int, int]] = {}
            for (i, name), value in expected.items():
                if value:
                    parts.setdefault(name, {})[i] = value
            assert read(here, metric, grain, buckets, by) == parts, (cut, metric, grain)
    raw = len(demo.views) if metric == "page_views" else sum(n for _, _, n in demo.downloads)
    assert set(totals) == set(GRAINS if metric == "page_views" else GRAINS[1:])
    assert set(totals.values()) == {raw}, (cut, metric, totals)
    return checked


def read(
    here: Node, metric: str, grain: Grain, buckets: list[Bucket], by: tuple[str, ...]
) -> dict[str, dict[int, int]]:
    """The buckets with something in them, of each line; all bounds are those of the rule."""
    query = SeriesQuery(metric, grain, buckets[0].start_at, buckets[-1].end_at, by)
    found = {}
    bounds = [(bucket.start_at, bucket.end_at) for bucket in buckets]
    for one in here.series.read(query).series:
        assert [(b.start_at, b.end_at) for b in one.buckets] == bounds, (metric, grain)
        values = {i: int(b.value) for i, b in enumerate(one.buckets) if b.value}
        found["".join(one.by.values())] = values
    return found
