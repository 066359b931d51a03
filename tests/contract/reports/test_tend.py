"""Once a day a report is looked after; what it makes again it never makes worse."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import orjson
import pytest
from sqlalchemy import event, update

from tallymark.engines import Around, Query, Rows, Window
from tallymark.errors import ClaimLost, EngineAway, FatalError, RetryableError
from tallymark.files import Stat
from tallymark.files.local import LocalFiles
from tallymark.ledger import objects
from tallymark.ledger.claim import Claims
from tallymark.ledger.task import Task
from tallymark.reports import made, runs, store, tend
from tallymark.reports.publish import Published
from tallymark.state.database import reading, writing
from tallymark.state.schema import tasks

from .conftest import House, Told

FILE = "druid-reports/daily-2026-11-23.csv"
MANIFEST = "druid-reports/daily-2026-11-23.manifest.json"
ONCE = {"interval": "YESTERDAY", "frequency": "ONCE"}
GROUPED = {**ONCE, "group_by": ("g",), "headings": (("g", "g"), ("n", "n"))}


@dataclass
class InGroups(Told):
    groups: list[str] = field(default_factory=lambda: ["a", "b"])

    def ask(self, query: Query, window: Window, around: Around) -> Iterator[Rows]:
        self.asked.append(window.end_on)
        self.windows.append(window)
        yield Rows(("g", "n"), [(group, n) for n, group in enumerate(self.groups)])


@pytest.fixture
def grouped(house: House) -> InGroups:
    house.engine = InGroups()
    house.configure(**GROUPED)
    house.work()
    return house.engine


def again(house: House) -> None:
    """The next revision of every date."""
    now = house.clock.now()
    covers = {window.end_on: window for window in house.engine.windows}
    with writing(house.databases.control) as tx:
        for run in runs.of_dates(tx, "daily", "2026-01-01", "2026-12-31"):
            window = covers[date.fromisoformat(run.end_on)]
            runs.again(tx, run, window, "late data", timedelta(days=1), now)
        store.wake(tx, "daily", now)


def next_day(house: House) -> None:
    house.later(days=1, minutes=1)
    house.work()


def there(house: House) -> list[str]:
    """The files that readers see, without their ending."""
    keys = [key.removeprefix("druid-reports/") for key in house.files.list("druid-reports/")]
    return sorted(key[:-4] for key in keys if key.endswith(".csv") and "backup/" not in key)


def refusing(monkeypatch: pytest.MonkeyPatch, part: str, error: Exception) -> None:
    """The store refuses to take files with this in their key."""
    publish = LocalFiles.publish

    def refused(self: LocalFiles, key: str, *args: Any) -> Stat:
        if part in key:
            raise error
        return publish(self, key, *args)

    monkeypatch.setattr(LocalFiles, "publish", refused)


def test_an_older_revision_is_left_alone_while_a_newer_one_is_tried(
    house: House, grouped: InGroups, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.later(hours=23, minutes=50)
    grouped.groups = ["a", "c"]
    again(house)
    with monkeypatch.context() as patch:
        refusing(patch, "/c/", RetryableError("the store answered 503"))
        for _ in range(20):
            house.work()
            # the manifest leads to the backups meanwhile: that is our own doing
            assert [run.state for run in house.runs()] == ["RETRY", "SUCCESS"]
            house.later(minutes=1)
    house.later(hours=2)
    house.work()
    assert [run.state for run in house.runs()] == ["SUCCESS", "SUCCESS"]
    assert orjson.loads(house.files.get(MANIFEST))["revision"] == 2
    assert there(house) == ["a/daily-2026-11-23", "c/daily-2026-11-23"]


def test_seven_end_dates_are_looked_at_however_often_each_was_made(house: House) -> None:
    house.configure(interval="YESTERDAY")
    for _ in range(6):
        house.work()
        house.later(days=1)
    house.work()
    again(house)
    house.work()
    house.files.delete("druid-reports/daily-2026-11-24.csv")
    next_day(house)
    assert house.files.exists("druid-reports/daily-2026-11-24.csv")
    assert house.engine.asked.count(date(2026, 11, 24)) == 3


@pytest.mark.parametrize("meanwhile", ["regenerated", "disabled"])
def test_a_date_that_was_regenerated_or_disabled_during_the_look_is_left_alone(
    house: House, monkeypatch: pytest.MonkeyPatch, meanwhile: str
) -> None:
    house.configure(**ONCE)
    house.work()
    house.files.delete(FILE)
    stat = LocalFiles.stat
    doings = [meanwhile]

    def seen(self: LocalFiles, key: str) -> Stat | None:
        if "regenerated" in doings:
            again(house)
        elif "disabled" in doings:
            with writing(house.databases.control) as tx:
                store.set_status(tx, "daily", "DISABLED", house.clock.now())
        doings.clear()
        return stat(self, key)

    monkeypatch.setattr(LocalFiles, "stat", seen)
    next_day(house)
    assert {run.state for run in house.runs()} == {"SUCCESS"}
    assert len(house.engine.asked) == len(house.runs())


def test_a_run_that_is_made_again_has_its_whole_deadline(house: House) -> None:
    house.configure(**ONCE)
    house.engine.waits = {date(2026, 11, 23): "lag 5"}
    house.work()
    house.engine.waits = {}
    house.later(minutes=1)
    house.work()
    made_at = house.runs()[0].made_at
    house.later(days=9)
    house.work()
    house.files.delete(FILE)
    house.engine.away = EngineAway("the connection was refused")
    next_day(house)
    [run] = house.runs()
    assert (run.state, run.open, run.error) == ("SUBMITTED", True, None)
    # a file may be named by the instant at which it was made
    assert (run.made_at, run.waiting_since_at) == (made_at, house.clock.now())
    house.engine.away = None
    house.later(hours=1)
    house.work()
    assert house.files.exists(FILE)


def test_a_run_that_is_made_again_is_due_once_more(house: House) -> None:
    house.configure(**ONCE)
    house.work()
    [run] = house.runs()
    assert runs.asked_until(run) == run.made_at + runs.LATE_FOR
    house.later(days=35)
    house.work()
    house.files.delete(FILE)
    next_day(house)
    assert runs.asked_until(house.runs()[0]) == house.clock.now() + runs.LATE_FOR


def test_the_same_bytes_as_another_file_are_noted_and_not_made_again(house: House) -> None:
    house.configure(**ONCE)
    house.work()
    sound = house.files.get(FILE)
    house.files.put(FILE, sound)
    house.engine.waits = {date(2026, 11, 23): "no segment is there any more"}
    next_day(house)
    [run] = house.runs()
    with reading(house.databases.control) as conn:
        [noted] = made.files(conn, run.id)
    stat = house.files.stat(FILE)
    assert (run.state, stat and stat.etag) == ("SUCCESS", noted.etag)


def test_other_bytes_of_the_same_size_are_made_again(house: House) -> None:
    house.configure(**ONCE)
    house.work()
    sound = house.files.get(FILE)
    house.files.put(FILE, sound.replace(b"1", b"2"))
    next_day(house)
    assert house.files.get(FILE) == sound


def test_a_run_that_is_made_again_with_fewer_groups_leaves_none_of_the_others(
    house: House, grouped: InGroups
) -> None:
    house.files.delete("druid-reports/a/daily-2026-11-23.csv")
    grouped.groups = ["a"]
    next_day(house)
    assert there(house) == ["a/daily-2026-11-23"]


def test_what_is_made_again_keeps_the_backups_of_the_revision_before(
    house: House, grouped: InGroups
) -> None:
    backup = "druid-reports/backup/daily/2026-11-23-1/b/daily-2026-11-23.csv"
    before = house.files.get("druid-reports/b/daily-2026-11-23.csv")
    grouped.groups = ["z", "a", "b"]
    again(house)
    house.work()
    house.files.delete("druid-reports/a/daily-2026-11-23.csv")
    grouped.groups = ["a", "b"]
    next_day(house)
    assert there(house) == ["a/daily-2026-11-23", "b/daily-2026-11-23"]
    assert house.files.get(backup) == before


def test_what_a_failed_revision_put_goes_when_the_one_before_it_is_made_again(
    house: House, grouped: InGroups, monkeypatch: pytest.MonkeyPatch
) -> None:
    grouped.groups = ["a", "c", "d"]
    again(house)
    with monkeypatch.context() as patch:
        refusing(patch, "/d/", FatalError("the store takes no such file"))
        house.work()
    assert "c/daily-2026-11-23" in there(house)
    grouped.groups = ["a", "b"]
    next_day(house)
    assert [run.state for run in house.runs()] == ["FAILED", "SUCCESS"]
    assert there(house) == ["a/daily-2026-11-23", "b/daily-2026-11-23"]


def test_many_files_are_noted_in_as_few_statements_as_one(house: House) -> None:
    house.configure(**ONCE)
    house.work()
    again(house)
    house.work()
    new, old = house.runs()
    n_statements = [0]
    event.listen(
        house.databases.control,
        "before_cursor_execute",
        lambda *_: n_statements.append(n_statements.pop() + 1),
    )

    def asked_for(n_files: int) -> int:
        done = [_file(f"{n}/daily-2026-11-23.csv") for n in range(n_files)]
        backups = {one.path: f"backup/{one.path}" for one in done}
        n_statements[0] = 0
        for run, kept in ((old, {}), (new, backups)):
            with writing(house.databases.control) as tx:
                made.published(tx, run, done, kept)
        asked = n_statements[0]
        with reading(house.databases.control) as conn:
            assert len(made.present(conn, new.id, 1000)) == n_files
            assert {one.path: one.backup for one in made.files(conn, old.id)} == backups
        return asked

    assert asked_for(500) == asked_for(1)


@pytest.mark.parametrize("path", ["latest.csv", "2026-11-24/2026-11-23.csv", "2026-11-24.csv"])
def test_a_file_belongs_to_the_date_that_wrote_it_last(house: House, path: str) -> None:
    house.configure(interval="YESTERDAY")
    house.work()
    house.later(days=1)
    house.work()
    new, old = house.runs()
    for run in (old, new):
        with writing(house.databases.control) as tx:
            made.published(tx, run, [_file(path)], {})
    with reading(house.databases.control) as conn:
        assert made.present(conn, old.id, 10) == []
        assert [one.path for one in made.present(conn, new.id, 10)] == [path]


def _file(path: str) -> Published:
    return Published(path=path, kind="file", rows=1, bytes=1, sha256="x", etag="y", backup=None)


def test_of_many_files_the_manifest_and_the_first_are_looked_at_some_at_once(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.engine = InGroups(groups=list("edcba"))
    house.configure(**GROUPED)
    house.work()
    looked: list[tuple[str, bool]] = []
    stat = LocalFiles.stat

    def seen(self: LocalFiles, key: str) -> Stat | None:
        main = threading.current_thread() is threading.main_thread()
        looked.append((key.removeprefix("druid-reports/"), main))
        return stat(self, key)

    monkeypatch.setattr(LocalFiles, "stat", seen)
    monkeypatch.setattr(LocalFiles, "at_once", 4)
    monkeypatch.setattr(tend, "FILES_LOOKED_AT", 3)
    next_day(house)
    names = ["a/daily-2026-11-23.csv", "b/daily-2026-11-23.csv", "daily-2026-11-23.manifest.json"]
    assert sorted(looked) == [(name, False) for name in names]


def test_a_clock_that_was_far_ahead_holds_up_no_look(house: House) -> None:
    house.configure(**ONCE)
    house.work()
    ahead_s = timedelta(days=40).total_seconds()
    house.clock.step(ahead_s)
    house.work()
    house.clock.step(-ahead_s)
    house.files.delete(FILE)
    next_day(house)
    assert house.files.exists(FILE)


def test_files_that_cannot_be_removed_hold_up_no_date(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def denied(*_: object) -> None:
        raise RetryableError("the store refuses the credentials")

    house.configure(interval="YESTERDAY", retention_days=1)
    with monkeypatch.context() as patch:
        patch.setattr(LocalFiles, "delete", denied)
        for _ in range(3):
            house.work()
            house.later(days=1)
        looks = house.engine.looks
        house.engine.waits = {date(2026, 11, 26): "lag 5"}
        for n in range(1, 5):
            house.work()
            assert house.engine.looks == looks + n
            house.later(seconds=31)
    told = [line for line in caplog.messages if "refuses the credentials" in line]
    assert "report daily: its old files were not removed" in told[-1]
    house.engine.waits = {}
    next_day(house)
    assert [on[-2:] for on in there(house)] == ["27"]


def claimed(house: House) -> tuple[Task, Callable[[], None]]:
    """A look of the report, and how its claim is taken away."""
    with reading(house.databases.control) as conn:
        object_id = store.get(conn, "daily").object_id
        found = objects.get(conn, object_id)
    claims = Claims(house.databases.control, house.boot, house.clock, 3.0)
    task = claims.start(found, None, None)
    assert task is not None

    def take() -> None:
        with writing(house.databases.control) as tx:
            tx.execute(update(tasks).where(tasks.c.id == task.id).values(claim_no=9))

    return task, take


def test_who_was_taken_over_writes_no_query(house: House) -> None:
    report = house.configure()
    task, take = claimed(house)
    take()
    with pytest.raises(ClaimLost):
        house.generator.tend.run(task, report)
    assert not list(house.files.list("druid-reports/"))


def test_who_was_taken_over_removes_no_further_file(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.engine = InGroups()
    report = house.configure(**{**GROUPED, "retention_days": 3})
    house.work()
    house.later(days=9)
    task, take = claimed(house)
    delete = LocalFiles.delete

    def taken(self: LocalFiles, key: str) -> None:
        delete(self, key)
        take()

    monkeypatch.setattr(LocalFiles, "delete", taken)
    with pytest.raises(ClaimLost):
        house.generator.tend.run(task, report)
    assert len(there(house)) + house.files.exists(MANIFEST) == 2


def test_what_a_killed_process_left_of_closed_runs_goes(house: House) -> None:
    house.configure(interval="YESTERDAY")
    house.work()
    house.engine.waits = {date(2026, 11, 24): "lag 5"}
    house.later(hours=23)
    house.work()
    scratch = house.home / "scratch"
    waits, done = (scratch / str(run.id) for run in house.runs())
    for folder in (waits / "1-1", done / "1-1", scratch / "other"):
        folder.mkdir(parents=True)
    house.later(hours=2)
    house.work()
    assert {folder.name for folder in scratch.iterdir()} == {waits.name, "other"}


def test_an_old_run_that_is_made_again_is_asked_for_as_long_as_a_new_one(house: House) -> None:
    house.configure(**ONCE)
    house.work()
    house.later(days=35)
    house.work()
    house.files.delete(FILE)
    house.engine.away = EngineAway("the connection was refused")
    next_day(house)
    assert (house.runs()[0].state, house.runs()[0].open) == ("SUBMITTED", True)
    house.later(days=29)
    house.work()
    assert (house.runs()[0].state, house.runs()[0].open) == ("FAILED", True)
    house.engine.away = None
    house.later(hours=1)
    house.work()
    assert house.files.exists(FILE)


def test_groups_that_only_an_earlier_date_had_go_where_all_dates_have_one_name(
    house: House,
) -> None:
    engine = house.engine = InGroups(groups=["a", "b"])
    daily = {"frequency": "DAILY 06:00", "pattern": "newest.csv", "latest": True}
    house.configure(**GROUPED | daily)
    house.work()
    assert there(house) == ["a/newest", "b/newest"]
    engine.groups = ["a", "c"]
    house.later(days=1)
    house.work()
    assert there(house) == ["a/newest", "c/newest"]
    manifests = [key for key in house.files.list("druid-reports/") if "manifest" in key]
    assert manifests == ["druid-reports/daily-2026-11-24.manifest.json"]
    asked = len(engine.asked)
    next_day(house)
    assert engine.asked[asked:] == [date(2026, 11, 25)], "none of the earlier is taken for lost"


def test_a_date_with_an_older_revision_that_is_tried_again_is_not_regenerated_beside_it(
    house: House,
) -> None:
    house.configure(**ONCE)
    house.work()
    again(house)
    house.engine.errors = [FatalError("no")]
    house.work()
    house.files.delete(FILE)
    house.engine.away = EngineAway("refused")
    next_day(house)
    assert [(run.revision, run.open) for run in house.runs()] == [(2, False), (1, True)]
    with reading(house.databases.control) as conn:
        [found] = runs.of_dates(conn, "daily", "2026-11-23", "2026-11-23")
    assert found.open
