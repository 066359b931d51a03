"""Seven days without the program, or without the vendors: what is lost is named, the rest comes.

Who asked what and was answered how is counted by the simulated vendors' own logs.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from urllib.parse import unquote

import pytest
from sqlalchemy import select

from tallymark.demo.vendors.faults import Fault
from tallymark.demo.vendors.github import GithubVendor
from tallymark.demo.vendors.log import answered
from tallymark.demo.vendors.memory import MemoryWorld
from tallymark.demo.vendors.npm import NpmVendor
from tallymark.state.database import reading
from tallymark.state.schema import coverage, objects, tasks
from tests.story.installation import DAY, HOUR, Installation, MakeInstallation, StoryClock

WORKSPACE = """
sources:
  github:
    connector: github
    base_url: ${GITHUB}
    streams:
      repositories: {subjects: [acme/rocket, acme/launchpad], start: 2026-10-01}
  often:
    connector: github
    base_url: ${GITHUB}
    streams:
      repositories: {subjects: [acme/probe], start: 2026-10-01, every: 12h}
  npm:
    connector: npm
    base_url: ${NPM}
    streams:
      downloads: {subjects: [rocket, "@acme/launchpad"], start: 2026-09-01}
metrics:
  stars: {stream: github.repositories, measure: last(stars)}
  new_stars: {stream: github.repositories, measure: increase(stars)}
  probed: {stream: often.repositories, measure: last(stars)}
  downloads: {stream: npm.downloads, measure: sum(downloads)}
"""
PULLS = "/pulls?state=open&per_page=1"
EVERY = {"acme/rocket": DAY, "acme/launchpad": DAY, "acme/probe": 12 * HOUR}
PACKAGES = ("rocket", "@acme/launchpad")

START = datetime(2026, 10, 1, 7, 20, tzinfo=UTC)
GONE = datetime(2026, 10, 9, tzinfo=UTC)
BACK = datetime(2026, 10, 16, 7, 20, tzinfo=UTC)
END = datetime(2026, 10, 23, tzinfo=UTC)
STEP = 3 * HOUR
LOST = [date(2026, 10, day) for day in range(9, 16)]

Question = tuple[str, datetime]
"""What was asked for, and the period in which: no period needs the same question twice."""


@pytest.fixture
def world() -> MemoryWorld:
    return MemoryWorld(seeded=True)


@pytest.fixture
def installation(make_installation: MakeInstallation, world: MemoryWorld) -> Installation:
    clock = StoryClock(START)
    vendors = {"GITHUB": GithubVendor(world, clock), "NPM": NpmVendor(world, clock)}
    return make_installation(clock, WORKSPACE, vendors)


@pytest.mark.soak
def test_seven_days_without_the_program(installation: Installation, world: MemoryWorld) -> None:
    installation.work_until(GONE, STEP)
    installation.stop()
    before = len(questions(installation))
    installation.clock.at = BACK
    installation.start()
    assert len(questions(installation)) == before
    installation.work()
    # the periods that run now, two calls each, and one call a package for all that it missed
    caught_up = questions(installation)[before:]
    assert sorted(caught_up) == sorted(expected_of_gauges(BACK, BACK) + expected_of_npm(BACK, BACK))
    installation.clock.at += STEP
    installation.work_until(END, STEP)

    assert_each_was_asked_once(installation)
    for metric in ("stars", "probed"):
        assert_lost(installation, metric, "nobody asked: Tallymark was not running")
    assert_nothing_else_is_lost(installation, world)


@pytest.mark.soak
def test_seven_days_of_503(installation: Installation, world: MemoryWorld) -> None:
    installation.work_until(GONE, STEP)
    # the first question is still answered: a reading of two calls is cut in the middle
    out = {"GITHUB": Fault(after=1), "NPM": Fault()}
    for name, fault in out.items():
        installation.vendors[name].faults.add(fault)
    installation.work_until(BACK, 2 * HOUR)
    assert_all_is_tried(installation)
    for name in out:
        installation.vendors[name].faults.clear()
    installation.work_until(END, STEP)

    assert_each_was_asked_once(installation, but=1)
    assert_lost(installation, "stars", "503")
    assert_lost(installation, "probed", "503")
    assert_nothing_else_is_lost(installation, world)


# -- what the vendors counted ------------------------------------------------------------------


def questions(installation: Installation) -> list[Question]:
    """All that was answered, in its order, with the period of the question."""
    calls = [call for vendor in installation.vendors.values() for call in answered(vendor.calls())]
    return [question(call) for call in sorted(calls, key=lambda call: call["at"])]


def begun(installation: Installation) -> list[tuple[datetime, str]]:
    """When what was asked for since the vendors were gone, answered or not."""
    calls = [
        (datetime.fromisoformat(call["at"]), unquote(call["path"]).removesuffix(PULLS))
        for vendor in installation.vendors.values()
        for call in vendor.calls()
        if call["event"] == "start"
    ]
    return [(at, path) for at, path in calls if at > GONE]


def question(call: dict[str, Any]) -> Question:
    path, at = unquote(call["path"]), datetime.fromisoformat(call["at"])
    repo = path.removeprefix("/repos/").removesuffix(PULLS)
    if repo in EVERY:
        return path, start_of_period(repo, at)
    # /downloads/range/<first day>:<last day>/<package>
    return path.split("/", 4)[4], tick(at)


def expected_of_gauges(from_at: datetime, to_at: datetime) -> list[Question]:
    """Two calls for each period that ran while it could be asked."""
    found = []
    for repo, step in EVERY.items():
        at = start_of_period(repo, from_at)
        while at <= to_at:
            found += [(f"/repos/{repo}{kind}", at) for kind in ("", PULLS)]
            at += step
    return found


def expected_of_npm(from_at: datetime, to_at: datetime) -> list[Question]:
    """A span a package and day: npm's numbers of the day before are worth asking for at six."""
    days = (tick(to_at) - tick(from_at)) // DAY + 1
    return [(package, tick(from_at) + DAY * n) for package in PACKAGES for n in range(days)]


def start_of_period(repo: str, at: datetime) -> datetime:
    return at - (at - datetime(2026, 10, 1, tzinfo=UTC)) % EVERY[repo]


def tick(at: datetime) -> datetime:
    return start_of_period("acme/rocket", at - 6 * HOUR)


def assert_each_was_asked_once(installation: Installation, but: int = 0) -> None:
    necessary = [
        question
        for from_at, to_at in ((START, GONE - HOUR), (BACK, END - HOUR))
        for question in expected_of_gauges(from_at, to_at) + expected_of_npm(from_at, to_at)
    ]
    asked = questions(installation)
    assert set(necessary) <= set(asked)
    assert len(asked) - len(necessary) <= but
    assert len(asked) / len(necessary) <= 1.02


def assert_all_is_tried(installation: Installation) -> None:
    """Each subject is asked for in any two hours, and no more often than every half hour."""
    for subject in (*EVERY, *PACKAGES):
        tries = [at for at, path in begun(installation) if path.endswith(subject)]
        # npm is not asked before six in the morning
        assert tries[0] <= GONE + (1 if subject in EVERY else 7) * HOUR + timedelta(minutes=20)
        waits = [later - earlier for earlier, later in pairwise([*tries, BACK])]
        assert max(waits) <= 2 * HOUR, subject
        assert len(tries) <= 2 * (BACK - GONE) / HOUR
    with reading(installation.running.databases.control) as conn:
        states = set(conn.execute(select(objects.c.state)).scalars())
        failed = conn.execute(select(coverage).where(coverage.c.state == "failed")).all()
        given_up = conn.execute(select(tasks).where(tasks.c.state == "failed")).all()
    assert states == {"active"}
    assert not failed
    assert not given_up


# -- what is shown afterwards ------------------------------------------------------------------


def assert_lost(installation: Installation, metric: str, why: str) -> None:
    days = installation.days(metric, START.date(), END.date() - DAY)
    assert [day for day, bucket in days.items() if bucket.completeness == "missing"] == LOST
    for day in LOST:
        assert days[day].value is None
        (cause,) = days[day].causes
        assert cause.code == "missed"
        assert why in cause.text
        assert "cannot be fetched later" in cause.text
        assert cause.from_at == GONE
    assert {bucket.completeness for day, bucket in days.items() if day not in LOST} == {"complete"}


def assert_nothing_else_is_lost(installation: Installation, world: MemoryWorld) -> None:
    now = installation.clock.at
    first, last = date(2026, 9, 1), (now - DAY).date()
    shown = installation.days("downloads", first, last)
    for day, bucket in shown.items():
        assert bucket.value == sum(world.downloads(p, day, now) or 0 for p in PACKAGES) or (
            bucket.completeness == "missing"
        )
    words = [bucket.completeness for bucket in shown.values()]
    # seven days may still change, and the last is not given before six in the morning
    assert words == [*["complete"] * (len(words) - 8), *["provisional"] * 7, "missing"]
    stars = installation.days("stars", START.date(), last)
    for day, bucket in stars.items():
        seen = [stars_of(world, repo, day) for repo in ("acme/rocket", "acme/launchpad")]
        assert bucket.value == (None if day in LOST else sum(seen))
    gained = installation.days("new_stars", START.date() + DAY, last)
    unknown = [day for day, bucket in gained.items() if bucket.value is None]
    assert unknown == [*LOST, BACK.date()]
    assert gained[BACK.date()].completeness == "partial"


def stars_of(world: MemoryWorld, repo: str, day: date) -> Any:
    seen = world.repository(repo, datetime(day.year, day.month, day.day, tzinfo=UTC))
    assert seen is not None
    return seen["stars"]
