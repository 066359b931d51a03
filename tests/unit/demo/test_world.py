from __future__ import annotations

import ipaddress
import itertools
from datetime import UTC, date, datetime, timedelta

import pytest

from tallymark.demo.story import TICK
from tallymark.demo.visits import RELEASE_PAGE, Hit, hits, views
from tallymark.demo.world import DAY, PACKAGES, REPOSITORIES, World, midnight

STARTED = date(2025, 10, 22)
HOUR = timedelta(hours=1)
DAYS = [STARTED + n * DAY for n in range(396)]
WORLD = World(STARTED)


def tick(day: date) -> datetime:
    return datetime.combine(day, TICK, UTC)


@pytest.mark.parametrize("repo", REPOSITORIES)
def test_counters_grow_and_at_times_fall(repo: str) -> None:
    found = [WORLD.repository(repo, tick(day)) for day in DAYS]
    stars = [each["stars"] for each in found if each]
    steps = [after - before for before, after in itertools.pairwise(stars)]
    assert len(stars) == len(DAYS)
    assert stars[-1] > stars[0] + 300
    assert min(steps) < 0 < max(steps)
    assert all(value >= 0 for each in found if each for value in each.values())
    assert len({each["pulls"] for each in found if each}) > 10


def test_nothing_else_is_known() -> None:
    assert WORLD.repository("acme/nothing", tick(STARTED)) is None
    assert not WORLD.has_package("nothing")
    assert all(WORLD.has_package(package) for package in PACKAGES)


def test_the_same_first_day_gives_the_same_world() -> None:
    other = World(STARTED)
    at = tick(DAYS[200])
    assert other.repository("acme/rocket", at) == WORLD.repository("acme/rocket", at)
    assert views(other, DAYS[200]) == views(WORLD, DAYS[200])
    assert views(World(STARTED + DAY), DAYS[200]) != views(WORLD, DAYS[200])


def test_the_release_has_its_peak() -> None:
    released = WORLD.released_on
    assert released.weekday() == 1
    normal = WORLD.true_downloads("@acme/rocket", released - 7 * DAY)
    assert WORLD.true_downloads("@acme/rocket", released) > 2.5 * normal
    assert len(views(WORLD, released)) > 1.8 * len(views(WORLD, released - 7 * DAY))
    assert any(hit.path == RELEASE_PAGE for hit in views(WORLD, released))
    assert not any(hit.path == RELEASE_PAGE for hit in views(WORLD, released - DAY))


def test_github_is_away_for_three_whole_days() -> None:
    away = [day for day in DAYS if WORLD.outage(tick(day))]
    assert away == [away[0], away[0] + DAY, away[0] + 2 * DAY]
    assert WORLD.outage(midnight(away[0]))
    assert WORLD.outage(midnight(away[2] + DAY) - timedelta(seconds=1))
    assert not WORLD.outage(midnight(away[2] + DAY))


def test_npm_shows_a_day_some_hours_after_its_end_and_at_times_late_or_as_0() -> None:
    shown = {
        (package, day): WORLD.downloads(package, day, tick(day + DAY))
        for package in PACKAGES
        for day in DAYS
    }
    assert all(WORLD.downloads(p, day, midnight(day + DAY)) is None for p, day in shown)
    late = [key for key, n in shown.items() if not n]
    assert 0.04 * len(shown) < len(late) < 0.15 * len(shown)
    assert {shown[key] for key in late} == {0, None}
    assert all(WORLD.downloads(p, day, tick(day + 2 * DAY)) for p, day in shown)
    assert any(
        WORLD.downloads(p, day, midnight(day + DAY) + 5.5 * HOUR) is None for p, day in shown
    )


HOUR = timedelta(hours=1)


def test_a_week_is_restated_downwards_where_the_next_reading_sees_it() -> None:
    first, last, restated_at = WORLD.restated
    week = [first + n * DAY for n in range(7)]
    assert week[-1] == last
    seen_at = next(tick(day) for day in DAYS if tick(day) > restated_at)
    for package in PACKAGES:
        for day in week:
            before = WORLD.downloads(package, day, restated_at - timedelta(seconds=1))
            after = WORLD.downloads(package, day, restated_at)
            assert before
            assert after == WORLD.true_downloads(package, day)
            assert after < 0.8 * before
            # the reading that settles a day is the first at or after its end and the lag
            settled_at = midnight(day + 8 * DAY)
            assert seen_at - DAY < settled_at, "an earlier reading would have settled it"
        outside = (first - DAY, last + DAY)
        for day in outside:
            assert WORLD.downloads(package, day, midnight(day + 4 * DAY)) == WORLD.true_downloads(
                package, day
            )


def test_the_story_lies_within_thirteen_months() -> None:
    assert WORLD.released_on < WORLD.outage_at[0].date() < WORLD.restated[0]
    assert WORLD.restated[2] < midnight(DAYS[-1])


def test_a_day_has_300_to_600_views_except_at_weekends_and_peaks() -> None:
    counts = {day: len(views(WORLD, day)) for day in DAYS}
    usual = [n for day, n in counts.items() if day.weekday() < 5 and day < WORLD.released_on]
    assert sum(300 <= n <= 650 for n in usual) > 0.95 * len(usual)
    weekend = [n for day, n in counts.items() if day.weekday() >= 5]
    assert sum(weekend) / len(weekend) < 0.8 * sum(usual) / len(usual)
    assert views(WORLD, STARTED - DAY) == []


def test_hits_are_whole_ordered_and_nobodys() -> None:
    day = DAYS[100]
    found = views(WORLD, day)
    assert [hit.at for hit in found] == sorted(hit.at for hit in found)
    assert all(midnight(day) <= hit.at < midnight(day + DAY) for hit in found)
    assert len({hit.request_id for hit in found}) == len(found)
    assert {hit.status for hit in found} >= {200, 404}
    assert all(not ipaddress.ip_address(hit.ip).is_global for hit in found)


def test_stretches_of_hits_tile() -> None:
    start, middle, end = (midnight(DAYS[50]) + n * HOUR for n in (7, 31, 50))
    whole = list(hits(WORLD, start, end))
    assert list(hits(WORLD, start, middle)) + list(hits(WORLD, middle, end)) == whole
    assert whole
    assert all(isinstance(hit, Hit) and start <= hit.at < end for hit in whole)
