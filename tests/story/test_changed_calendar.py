"""The calendar changes while `tallymark demo` serves: no call, no wrong answer, no restart.

What is right say the demo's world and `tests/story/rule.py`, which the program made nothing of.
"""

from __future__ import annotations

import sqlite3
import sys
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from tallymark.demo.story import months_before
from tallymark.demo.vendors.log import read_log
from tallymark.demo.visits import hits
from tallymark.demo.world import DAY, PACKAGES, World, midnight
from tests.services.program import Program, get
from tests.story.rule import SLOT, Bucket, Rule
from tests.tools.procs import Process

TALLYMARK = Path(sys.executable).with_name("tallymark")
OLD = Rule("Europe/Berlin", "monday", 1)
NEW = Rule("America/St_Johns", "sunday", 10)
LAST = Rule("Asia/Kathmandu", "saturday", 4)
METRICS = ("page_views", "downloads", "stars", "new_stars")
COUNTED = {"page_views": ("hour", "day", "week", "month", "quarter", "year"),
           "downloads": ("day", "week", "month", "quarter", "year")}  # fmt: skip
NOTICED_S = 10
ROLLED_UP_S = 600


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_a_changed_calendar_is_rolled_up_while_it_serves(tmp_path: Path) -> None:
    home = tmp_path / "home"
    story = begin(home)
    with started(home) as (demo, url):
        demo.wait_http(f"{url}/readyz", timeout_s=900)
        story.url, story.token = url, Program(home).token("reader", "read")
        story.assert_equals_a_recomputation(OLD)
        calls, day = story.calls(), datetime.now(UTC).date()
        with asking(story) as asker:
            took_s = story.change(OLD, NEW)
            # whoever asks one thing after the other may be in the middle of an older answer
            until(lambda: NEW in asker.seen or asker.wrong, 60)
        print(f"another calendar after {took_s:.1f} s; {asker.answers} answers meanwhile")  # noqa: T201
        assert asker.wrong == []
        assert {rule.zone for rule in asker.seen} == {OLD.zone, NEW.zone}
        story.assert_equals_a_recomputation(NEW)

        story.write(NEW, LAST)
        story.wait_for_a_rebuild()
        demo.kill()
    with started(home) as (demo, url):
        demo.wait_http(f"{url}/readyz", timeout_s=60)
        story.url = url
        story.wait_for(LAST)
        story.assert_equals_a_recomputation(LAST)
        assert len(story.tables()) == 3, "what a killed rebuild began is gone"
        assert demo.terminate() == 0
    if datetime.now(UTC).date() == day:  # at midnight UTC something is due
        assert story.calls() == calls


def test_a_workspace_that_does_not_hold_is_told_and_not_used(tmp_path: Path) -> None:
    program = Program(tmp_path / "home")
    program.define("calendar: {zone: Europe/Berlin}\n")
    with program.serve() as serve:
        url = serve.wait_line(r"^(http://127\.0\.0\.1:\d+)$", timeout_s=60)
        serve.wait_http(f"{url}/readyz", timeout_s=60)
        program.define("calendar: {zone: Europe/Berlim, week_start: sun}\n")
        notes = until(lambda: get(f"{url}/readyz")["notes"], NOTICED_S)
        for word in ("the changed workspace is not used", "test.yaml:1", "Berlin", "`sunday`"):
            assert word in notes[0]
            assert word in serve.output()
        with program.start("work") as work:
            work.wait_line("^working$", timeout_s=60)
            program.define("calendar: {zone: Europe/Berlin, week_start: sunday}\n")
            until(lambda: not get(f"{url}/readyz")["notes"], NOTICED_S)
            for process in (serve, work):
                until(lambda one=process: "revision 2 is used now" in one.output(), NOTICED_S)
                assert process.terminate() == 0


# -- the way there -----------------------------------------------------------------------------


def begin(home: Path) -> Story:
    today = datetime.now(UTC).date()
    first = months_before(today, 13)
    return Story(home, World(first), first, today)


@contextmanager
def started(home: Path) -> Iterator[tuple[Process, str]]:
    command = [TALLYMARK, "demo", "--home", home, "--port", "0"]
    with Process(command, log=home.with_suffix(".log")) as demo:
        yield demo, demo.wait_line(r"^(http://127\.0\.0\.1:\d+)$", timeout_s=60)


def until(asked: Any, within_s: float) -> Any:
    deadline = time.monotonic() + within_s
    while not (found := asked()):
        assert time.monotonic() < deadline, f"not within {within_s} s"
        time.sleep(0.1)
    return found


@dataclass
class Story:
    """A demo's home, and what is true of it between two dates."""

    home: Path
    world: World
    first: date
    today: date
    url: str = ""
    token: str = ""
    known: dict[tuple[Rule, str, str], dict[datetime, int]] = field(default_factory=dict)
    views: Counter[datetime] = field(default_factory=Counter)
    """Of each quarter of an hour."""

    def write(self, old: Rule, new: Rule) -> None:
        file = self.home / "workspace" / "demo.yaml"
        text = file.read_text()
        assert f"zone: {old.zone}" in text
        head, _, rest = text.partition("sources:")
        cut = {"zone": new.zone, "week_start": new.week_start, "fiscal_start": new.fiscal_start}
        lines = [f"  {name}: {value}\n" for name, value in cut.items()]
        file.write_text(
            f"{head.partition('calendar:')[0]}calendar:\n{''.join(lines)}\nsources:{rest}"
        )

    def change(self, old: Rule, new: Rule) -> float:
        """Change it; the seconds until every metric is of the new calendar."""
        revision, begun = self.revision(), time.monotonic()
        self.write(old, new)
        until(lambda: self.revision() > revision, NOTICED_S)
        self.wait_for(new)
        return time.monotonic() - begun

    def wait_for(self, rule: Rule) -> None:
        until(lambda: all(self.ask(m, "day")["zone"] == rule.zone for m in METRICS), ROLLED_UP_S)

    def wait_for_a_rebuild(self) -> None:
        """Until one is in work (or over, if it was too quick to be seen)."""
        revision = self.revision()
        until(lambda: self.revision() > revision, NOTICED_S)
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            states = self.query("cubes.db", "SELECT generation, building FROM cube_state_2")
            if any(building > generation for generation, building in states):
                return
        raise AssertionError("no rebuild was seen")

    # -- what is there -------------------------------------------------------------------------

    def query(self, name: str, sql: str) -> list[Any]:
        with closing(sqlite3.connect(f"file:{self.home / name}?mode=ro", uri=True)) as file:
            return file.execute(sql).fetchall()

    def revision(self) -> int:
        return int(self.query("tallymark.db", "SELECT max(revision) FROM revisions")[0][0])

    def tables(self) -> list[Any]:
        sql = "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'cube_data_%'"
        return self.query("cubes.db", sql)

    def calls(self) -> dict[str, int]:
        """How often each vendor was asked, by its own account."""
        logs = self.home / "vendors"
        return {log.name: len(list(read_log(log))) for log in sorted(logs.glob("*.log"))}

    def ask(self, metric: str, grain: str) -> Any:
        query = {"metric": metric, "grain": grain, "from": self.first, "to": self.today}
        return get(f"{self.url}/api/v1/series?{urlencode(query)}", self.token)

    # -- what is right -------------------------------------------------------------------------

    def assert_equals_a_recomputation(self, rule: Rule) -> None:
        for metric, grains in COUNTED.items():
            for grain in grains:
                assert self.judge(self.ask(metric, grain), metric, grain) == rule

    def judge(self, answer: Any, metric: str, grain: str) -> Rule:
        """Which calendar an answer is of; each of its buckets and numbers is that one's."""
        rule = next(rule for rule in (OLD, NEW, LAST) if rule.zone == answer["zone"])
        expected = self.expected(rule, metric, grain)
        (one,) = answer["series"]
        shown = {datetime.fromisoformat(b["start_at"]): b["value"] for b in one["buckets"]}
        found = {at: n for at, n in shown.items() if at in expected}
        assert found == expected, (rule, metric, grain)
        if expected:
            between = [at for at in shown if min(expected) <= at <= max(expected)]
            assert between == list(expected), "no bucket but those of the rule"
        return rule

    def expected(self, rule: Rule, metric: str, grain: str) -> dict[datetime, int]:
        """Of the buckets that lie within what is surely collected and settled."""
        if (rule, metric, grain) not in self.known:
            first, last = self.first + 2 * DAY, self.today - 5 * DAY
            cut = rule.hours(first, last) if grain == "hour" else rule.buckets(grain, first, last)
            whole = [b for b in cut if b.first >= first and b.after <= last + DAY]
            count = self._viewed if metric == "page_views" else self._downloaded
            self.known[rule, metric, grain] = {b.start_at: count(b) for b in whole}
        return self.known[rule, metric, grain]

    def _downloaded(self, bucket: Bucket) -> int:
        days = [bucket.first + n * DAY for n in range((bucket.after - bucket.first).days)]
        return sum(self.world.true_downloads(name, day) for name in PACKAGES for day in days)

    def _viewed(self, bucket: Bucket) -> int:
        if not self.views:
            start_at = midnight(self.first)
            for hit in hits(self.world, start_at, midnight(self.today)):
                if hit.status == 200:
                    self.views[hit.at - (hit.at - start_at) % SLOT] += 1
        slots = (bucket.end_at - bucket.start_at) // SLOT
        return sum(self.views[bucket.start_at + n * SLOT] for n in range(slots))


# -- who asks meanwhile ------------------------------------------------------------------------


@dataclass
class Asker:
    """Asks all the while, as boards and programs do."""

    story: Story
    answers: int = 0
    seen: set[Rule] = field(default_factory=set)
    wrong: list[str] = field(default_factory=list)

    def run(self, stop: threading.Event) -> None:
        while not stop.is_set():
            try:
                self.ask()
            except (AssertionError, OSError, LookupError, ValueError) as error:
                self.wrong.append(repr(error)[:500])

    def ask(self) -> None:
        story = self.story
        for metric, grains in COUNTED.items():
            for grain in grains:
                self.seen.add(story.judge(story.ask(metric, grain), metric, grain))
                self.answers += 1
        for path in ("/boards/overview", "/boards/overview?grain=quarter", "/readyz"):
            with urllib.request.urlopen(f"{story.url}{path}", timeout=60) as answer:
                assert answer.status == 200
            self.answers += 1
        data = get(f"{story.url}/boards/overview/data?grain=week")
        assert data["zone"] in (OLD.zone, NEW.zone)
        assert [card["error"] for card in data["cards"]] == [None] * len(data["cards"])
        self.answers += 1


@contextmanager
def asking(story: Story) -> Iterator[Asker]:
    asker, stop = Asker(story), threading.Event()
    thread = threading.Thread(target=asker.run, args=[stop], daemon=True)
    thread.start()
    try:
        yield asker
    finally:
        stop.set()
        thread.join(120)
