from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tallymark.model import CubeSpec, Field, Measure, Stream
from tests.contract.cubes.conftest import MakeHouse
from tests.contract.cubes.house import HITS, NPM, House

ZONES = ["Europe/Berlin", "America/New_York", "Asia/Kathmandu"]
AT = datetime(2025, 10, 20, tzinfo=UTC)


def hits(rng: random.Random, n: int, days: int, start_at: datetime = AT) -> list[dict[str, Any]]:
    return [
        {
            "ts": start_at + timedelta(seconds=rng.randrange(days * 86_400)),
            "site": rng.choice(["a.example", "b.example"]),
            "path": rng.choice(["/", "/docs", None, 'say "hi", it\'s', "x" * 290]),
            "status": rng.choice([200, 404, 500]),
            "bytes": rng.choice([None, 5, 70_000]),
            # sums of these are exact, in whatever order
            "took_s": rng.choice([None, 0.25, 1.5]),
        }
        for _ in range(n)
    ]


def readings(rng: random.Random, days: int) -> list[dict[str, Any]]:
    return [
        {
            "ts": AT + timedelta(days=day, seconds=rng.randrange(86_400)),
            "repo": repo,
            "stars": rng.choice([None, 1000 - day, 998]),
            "forks": rng.randrange(50),
        }
        for day in range(days)
        for repo in ("acme/a", "acme/b")
        for _ in range(2)
    ]


def downloads(start_at: datetime, counts: list[int | None]) -> list[dict[str, Any]]:
    return [
        {"ts": start_at + timedelta(days=n), "package": "left-pad", "downloads": count}
        for n, count in enumerate(counts)
    ]


def same(house: House, name: str) -> None:
    house.level(name)
    assert house.cube(name) == house.recomputed(name)


@pytest.mark.parametrize("zone", ZONES)
def test_every_grain_equals_a_recomputation_after_each_commit(
    make_house: MakeHouse, zone: str
) -> None:
    house, rng = make_house(zone=zone), random.Random(4)
    first = house.commit("site.hits", hits(rng, 400, 90))
    same(house, "site.hits")
    house.commit("site.hits", hits(rng, 50, 1, AT + timedelta(days=5)))
    same(house, "site.hits")
    span = {"start_at": AT, "end_at": AT + timedelta(days=7)}
    fewer = house.commit("site.hits", hits(rng, 5, 7), replaces=(first,), **span)
    same(house, "site.hits")
    house.commit("site.hits", [], replaces=(first, fewer), **span)
    same(house, "site.hits")
    assert any(key[0] == "year" for key in house.cube("site.hits"))


@pytest.mark.parametrize(
    ("zone", "first_on", "grain", "on", "n"),
    [
        pytest.param("Europe/Berlin", "2026-03-26", "hour", "2026-03-29", 23, id="spring"),
        pytest.param("Europe/Berlin", "2026-10-22", "hour", "2026-10-25", 25, id="autumn"),
        pytest.param("Asia/Kathmandu", "2024-02-26", "day", "2024-02-29", 1, id="leap day"),
        pytest.param("Asia/Kathmandu", "2026-12-25", "week", "2026-12-28", 1, id="week 53"),
    ],
)
def test_every_grain_equals_a_recomputation_over_an_awkward_week(
    make_house: MakeHouse, zone: str, first_on: str, grain: str, on: str, n: int
) -> None:
    """A line every quarter of an hour; `n` buckets of a grain begin on a local date."""
    house, start_at = make_house(zone=zone), datetime.fromisoformat(f"{first_on}T00:00:00Z")
    rows = hits(random.Random(6), 8 * 96, 1)
    for quarter, row in enumerate(rows):
        row["ts"] = start_at + timedelta(minutes=15 * quarter)
    house.commit("site.hits", rows)
    same(house, "site.hits")
    starts = {key[1] for key in house.cube("site.hits") if key[0] == grain}
    begun = [datetime.fromtimestamp(us / 1e6, ZoneInfo(zone)).date().isoformat() for us in starts]
    assert begun.count(on) == n


@pytest.mark.parametrize("zone", ZONES)
def test_the_last_reading_of_every_grain_is_the_newest(make_house: MakeHouse, zone: str) -> None:
    house, rng = make_house(zone=zone), random.Random(5)
    rows = readings(rng, 80)
    house.commit("github.repositories", rows[100:])
    same(house, "github.repositories")
    house.commit("github.repositories", rows[:100])
    same(house, "github.repositories")


@pytest.mark.parametrize("zone", [*ZONES, "Pacific/Auckland"])
def test_days_that_npm_restates_stand_under_their_own_names(
    make_house: MakeHouse, zone: str
) -> None:
    house = make_house(zone=zone)
    first = house.commit("npm.downloads", downloads(AT, [10, 20, 30, 40, 50, 60, 70]))
    same(house, "npm.downloads")
    assert {key[0] for key in house.cube("npm.downloads")} == {
        "day",
        "week",
        "month",
        "quarter",
        "year",
    }
    span = {"start_at": AT + timedelta(days=2), "end_at": AT + timedelta(days=5)}
    restated = downloads(AT + timedelta(days=2), [33, 7])
    house.commit("npm.downloads", restated, replaces=(first,), **span)
    same(house, "npm.downloads")
    year = [v for key, v in house.cube("npm.downloads").items() if key[0] == "year"]
    assert year == [(10 + 20 + 33 + 7 + 60 + 70,)]


def test_a_rebuild_gives_what_the_refreshes_gave(make_house: MakeHouse) -> None:
    house, rng = make_house(zone="Europe/Berlin"), random.Random(6)
    for n in range(6):
        house.commit("site.hits", hits(rng, 60, 200, AT + timedelta(days=n)))
        house.level("site.hits")
    before = house.cube("site.hits")
    other = make_house(zone="America/New_York")
    other.level("site.hits")
    assert other.cube("site.hits") == other.recomputed("site.hits") != before
    back = make_house(zone="Europe/Berlin")
    back.level("site.hits")
    assert back.cube("site.hits") == before


def test_a_column_added_later_is_null_before(make_house: MakeHouse) -> None:
    house, rng = make_house(), random.Random(7)
    house.commit("site.hits", hits(rng, 30, 3))
    wide = Stream(
        name="hits",
        kind="push",
        fields=(*HITS.fields, Field("visitors", "long")),
        subject="site",
        key=(),
    )
    spec = CubeSpec("site.hits", ("site",), (Measure("sum_visitors", "sum", "visitors"),))
    later = make_house(cubes={"site.hits": spec})
    # the metric is there before any commit brought its column
    later.level("site.hits")
    assert set(later.cube("site.hits").values()) == {(None,)}
    row = {"ts": AT + timedelta(hours=1), "site": "a.example", "visitors": 3}
    later.commit("site.hits", [row], stream=wide)
    later.level("site.hits")
    assert later.cube("site.hits") == later.recomputed("site.hits")
    assert (3,) in later.cube("site.hits").values()


def test_a_table_whose_column_was_renamed_and_widened_is_read_by_field(
    make_house: MakeHouse,
) -> None:
    house = make_house()
    house.commit("npm.downloads", downloads(AT, [1, 2]))
    with house.lake.catalog.load_table("npm.downloads").update_schema() as change:
        change.rename_column("downloads", "fetched")
    renamed = Stream(
        name="downloads",
        kind="series",
        fields=(Field("package", "text"), Field("fetched", "long")),
        subject="package",
        key=NPM.key,
        label="day",
    )
    spec = CubeSpec(
        "npm.downloads", ("package",), (Measure("sum_fetched", "sum", "fetched"),), label="day"
    )
    later = make_house(cubes={"npm.downloads": spec})
    row = {"ts": AT + timedelta(days=2), "package": "left-pad", "fetched": 4}
    later.commit("npm.downloads", [row], stream=renamed)
    later.level("npm.downloads")
    assert later.cube("npm.downloads") == later.recomputed("npm.downloads")
    assert (7,) in later.cube("npm.downloads").values()


def test_a_dimension_that_no_key_can_hold_is_shortened(house: House) -> None:
    rows = [
        {"ts": AT, "site": "a", "path": "/" + "é" * 5000, "bytes": 1},
        {"ts": AT, "site": "a", "path": "/" + "é" * 5001, "bytes": 2},
        {"ts": AT, "site": "a", "path": "nul\0", "bytes": 3},
    ]
    house.commit("site.hits", rows)
    house.level("site.hits")
    paths = {key[3] for key in house.cube("site.hits") if key[0] == "hour"}
    assert len(paths) == 3
    assert all("\0" not in path and len(path.encode()) < 300 for path in paths)
