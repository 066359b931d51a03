"""A workspace that changes while the process runs."""

from __future__ import annotations

import logging
import threading
from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import func, select

from tallymark.definitions import store
from tallymark.errors import ConfigError
from tallymark.ledger import objects
from tallymark.state.database import reading
from tallymark.state.schema import batches, tasks
from tallymark.wiring.node import Node
from tallymark.wiring.watch import Watch
from tests.story.installation import Installation

FIRST, LAST = date(2026, 3, 1), date(2026, 3, 9)
BERLIN = "calendar: {zone: Europe/Berlin, week_start: sunday, fiscal_start: 10}\n"


class Watched:
    """An installation whose files are looked at, and every node that went on."""

    def __init__(self, installation: Installation) -> None:
        self.installation = installation
        self.file = installation.home / "workspace" / "story.yaml"
        node = installation.running
        node.folder = self.file.parent
        self.swapped: list[Node] = []
        self.watch = Watch(node, self.swapped.append)
        self.settle()

    def settle(self) -> None:
        """Two looks at the same files."""
        self.watch.look()
        self.watch.look()

    def write(self, text: str) -> None:
        self.file.write_text(text)
        self.settle()

    def change(self, old: str, new: str) -> None:
        text = self.file.read_text()
        assert old in text
        self.write(text.replace(old, new))

    def work(self) -> None:
        self.installation.work()

    @property
    def revision(self) -> int:
        with reading(self.watch.node.databases.control) as conn:
            return store.newest(conn)


@pytest.fixture
def watched(installation: Installation) -> Watched:
    return Watched(installation)


@pytest.fixture
def collected(watched: Watched) -> Watched:
    """With its numbers in the cubes."""
    watched.work()
    return watched


def test_what_did_not_change_is_not_taken_over(watched: Watched) -> None:
    watched.write("# a remark\n" + watched.file.read_text())
    assert watched.swapped == []
    assert (watched.revision, watched.watch.trouble) == (1, "")


def test_another_calendar_is_rolled_up_without_a_restart_and_without_a_call(
    collected: Watched,
) -> None:
    vendors = collected.installation.vendors.values()
    calls = [len(vendor.calls()) for vendor in vendors]
    collected.write(BERLIN + collected.file.read_text())
    (node,) = collected.swapped
    assert node.calendar.zone == "Europe/Berlin"
    assert node.series.calendar("downloads").zone == "UTC", "until the cube is rolled up"
    # the clock did not move: the cubes are looked at again though they have just been
    collected.work()
    assert node.series.calendar("downloads") == node.calendar
    assert [len(vendor.calls()) for vendor in vendors] == calls
    collected.installation.node = node
    days = collected.installation.days("downloads", FIRST, LAST)
    assert all(bucket.value for bucket in days.values())


def test_a_file_that_is_being_written_is_not_read(watched: Watched) -> None:
    text = watched.file.read_text()
    watched.file.write_text("")
    watched.watch.look()
    watched.file.write_text(text + "# more\n")
    watched.settle()
    assert watched.revision == 1
    assert watched.watch.trouble == ""


WRONG = (
    ("connector: npm", "connector: nmp", ("story.yaml:4", "did you mean `npm`?")),
    ("last(stars)", "most(stars)\n  x: [", ("not YAML",)),
    ("${NPM}", "${NOT_SET}", ("NOT_SET",)),
    ("sum(downloads)", "sum(downlods)", ("downloads",)),
    ("metrics:", "calendar: {zone: Europe/Berlim, week_start: sun}\nmetrics:", ("Berlin", "sun")),
)


def test_what_does_not_hold_is_refused_with_all_its_mistakes(
    watched: Watched, caplog: pytest.LogCaptureFixture
) -> None:
    good = watched.file.read_text()
    for old, new, told in WRONG:
        caplog.clear()
        watched.change(old, new)
        watched.settle()
        assert watched.watch.trouble.startswith("the changed workspace is not used: ")
        (logged,) = [r.getMessage() for r in caplog.records if r.levelno == logging.ERROR]
        for word in told:
            assert word in watched.watch.trouble
            assert word in logged, "once, and not at every look"
        assert (watched.revision, watched.swapped) == (1, [])
        watched.write(good)
        assert watched.watch.trouble == ""


def test_a_folder_that_is_gone_changes_nothing(watched: Watched) -> None:
    watched.file.unlink()
    watched.settle()
    assert "there is no YAML file" in watched.watch.trouble
    assert (watched.revision, watched.swapped) == (1, [])


def test_a_new_source_subject_and_metric_are_worked_on(collected: Watched) -> None:
    collected.change("subjects: [rocket, launchpad]", "subjects: [rocket]")
    with reading(collected.watch.node.databases.control) as conn:
        (gone,) = objects.load(conn, subject="launchpad")
    assert gone.state == "removed"
    collected.change("subjects: [rocket]", "subjects: [rocket, launchpad, left-pad]")
    collected.change(
        "sum(downloads)}",
        "sum(downloads)}\n  most: {stream: npm.downloads, measure: max(downloads)}",
    )
    collected.work()
    node = collected.swapped[-1]
    assert node.revision == collected.revision == 4
    installation = collected.installation
    installation.node = node
    assert installation.days("most", FIRST, LAST)[FIRST].value is not None
    assert {row["package"] for row in installation.rows("npm.downloads")} >= {"launchpad"}


def test_what_runs_under_the_old_workspace_ends_and_its_claim_stays_good(
    collected: Watched,
) -> None:
    """A rebuild is claimed, then the calendar changes again: it stops, and the last is built."""
    first = collected.watch.node
    collected.write(BERLIN + collected.file.read_text())
    older = collected.swapped[-1]
    claimed = threading.Event()
    goes_on = threading.Event()

    def reached(step: str) -> None:
        if step == "cube.marks_read":
            claimed.set()
            assert goes_on.wait(30)

    older.refresh._reached = reached
    thread = threading.Thread(target=collected.work)
    thread.start()
    assert claimed.wait(30)
    collected.change("Europe/Berlin", "Asia/Kathmandu")
    goes_on.set()
    thread.join(60)
    newer = collected.swapped[-1]
    assert newer.series.calendar("downloads").zone == "Asia/Kathmandu"
    assert first.worker is newer.worker
    with reading(newer.databases.control) as conn:
        states = set(conn.execute(select(tasks.c.state)).scalars())
        assert states == {"done"}
        twice = select(batches.c.task_id, func.count()).group_by(batches.c.task_id)
        assert {n for _, n in conn.execute(twice)} == {1}


def test_a_process_of_the_same_database_takes_the_newest_revision(collected: Watched) -> None:
    here = collected.watch.node
    other = Node(here.config, here.workspace, here.env, here.clock, revision=here.revision)
    other.__dict__["connectors"] = here.connectors
    follows = Watch(other)
    try:
        follows.look()
        assert follows.node is other
        collected.write(BERLIN + collected.file.read_text())
        collected.work()
        for spec in other.cubes.values():
            assert not other.refresh.behind(spec), "who knows only the old one turns nothing back"
            other.refresh.refresh(spec)
        assert collected.watch.node.series.calendar("downloads").zone == "Europe/Berlin"
        follows.look()
        assert follows.node.workspace == collected.watch.node.workspace
        assert follows.node.revision == collected.revision
        assert follows.node.worker.handlers is follows.node.handlers
        collected.watch.look()
        assert len(collected.swapped) == 1
    finally:
        other.close()


def test_what_a_process_cannot_build_it_leaves_to_others(watched: Watched) -> None:
    here = watched.watch.node
    poor = replace(here, env={}, folder=None)
    poor.__dict__["connectors"] = here.connectors
    follows = Watch(poor)
    try:
        watched.write(BERLIN + watched.file.read_text())
        follows.look()
        assert follows.node is poor
        assert "NPM" in follows.trouble
        with pytest.raises(ConfigError):
            _ = poor.sources
    finally:
        poor.close()


def test_objects_of_another_workspace_are_left_alone(watched: Watched) -> None:
    here = watched.watch.node
    with reading(here.databases.control) as conn:
        (known,) = objects.load(conn, kind="collect", subject="rocket")
    handler = here.handlers["collect"]
    unknown = replace(known, source="other")
    assert handler.due(unknown, here.clock.now()).spans == []
    assert handler.due(replace(known, stream="other"), here.clock.now()).spans == []
