"""A report is disabled, or replaced, while one of its runs is in work."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import pytest
from sqlalchemy import event, update

from tallymark.engines import Around, Query, Readiness, Rows, Window
from tallymark.errors import EngineAway, FatalError, RetryableError
from tallymark.reports import runs, store
from tallymark.reports.runs import Run
from tallymark.reports.service import Reports
from tallymark.reports.store import Configured, Report
from tallymark.state.database import reading, writing
from tallymark.state.schema import tasks

from .conftest import House, Told

ON = date(2026, 11, 23)
DISABLED = "the report was disabled before it ran"
Meddle = Callable[[], object]


@dataclass
class Meddled(Told):
    """Somebody does something within its next look, or within its next answer, once."""

    in_look: list[Meddle] = field(default_factory=list)
    in_ask: list[Meddle] = field(default_factory=list)
    covered: list[tuple[date, date]] = field(default_factory=list)

    def ready(self, query: Query, availability: str, window: Window, around: Around) -> Readiness:
        if self.in_look:
            self.in_look.pop()()
        return super().ready(query, availability, window, around)

    def ask(self, query: Query, window: Window, around: Around) -> Iterator[Rows]:
        self.covered.append((window.first_on, window.end_on))
        if self.in_ask:
            self.in_ask.pop()()
        yield from super().ask(query, window, around)


@dataclass
class Scene:
    house: House
    engine: Meddled

    @property
    def people(self) -> Reports:
        return Reports(parts=self.house.generator.parts, formats=["csv"], addresses={})

    def disable(self) -> None:
        self.people.disable("daily")

    def enable(self) -> None:
        self.people.enable("daily")

    def replace(self, report: Report, **values: Any) -> None:
        new = Configured(
            spec=replace(report.spec, **values),
            config="{}",
            warnings=(),
            unchecked=False,
            location=report.location,
        )
        with writing(self.house.databases.control) as tx:
            now = self.house.clock.now()
            store.replace_report(tx, "daily", new, report.planned_to_at, now)

    def recut(self) -> None:
        """The dates that its run covers become others; its version stays."""
        with writing(self.house.databases.control) as tx:
            [run] = runs.of_report(tx, "daily")
            runs.change(tx, run.id, first_on="2026-11-20")

    def run(self) -> Run:
        [run] = self.house.runs()
        return run

    def killed_in_ask(self) -> None:
        """Its process goes away in its first attempt."""

        def kill() -> None:
            raise KeyboardInterrupt

        self.engine.in_ask = [kill]
        with pytest.raises(KeyboardInterrupt):
            self.house.work()
        assert self.run().state == "PROCESSING"

    def ended_by_disabling(self) -> None:
        """Enabling makes up neither its date nor those since."""
        asked = list(self.engine.asked)
        run = self.run()
        assert (run.state, run.open, run.error) == ("FAILED", False, DISABLED)
        assert run.waits_for is None
        assert run.advice == "Enable the report and regenerate the date if it is wanted."
        assert [line.split(":")[0] for line in self.people.why("daily")] == [
            "failed for 2026-11-23", "is disabled",
        ]  # fmt: skip
        self.engine.waits = {}
        self.house.later(days=3)
        self.enable()
        self.house.work()
        self.house.later(hours=1)
        self.house.work()
        assert self.engine.asked == asked
        assert self.run().state == "FAILED"

    @contextmanager
    def beside(self, statement: str, work: Meddle) -> Iterator[None]:
        """Right before a statement of this thread, somebody else begins with `work`; it may get
        half a second ahead."""
        engine, mine = self.house.databases.control, threading.get_ident()
        other = threading.Thread(target=work)

        def before(_: object, __: object, text: str, *rest: object) -> None:
            meant = text.startswith(statement) and threading.get_ident() == mine
            if meant and other.ident is None:
                other.start()
                other.join(0.5)

        event.listen(engine, "before_cursor_execute", before)
        try:
            yield
        finally:
            event.remove(engine, "before_cursor_execute", before)
            assert other.ident is not None, "the statement did not come"
            other.join(20)


@pytest.fixture
def scene(house: House) -> Scene:
    engine = Meddled()
    house.engine = engine
    return Scene(house, engine)


def test_what_waits_is_ended_also_where_it_is_disabled_within_the_look(scene: Scene) -> None:
    scene.house.configure()
    scene.engine.waits = {ON: "lag 5"}
    scene.house.work()
    assert scene.run().waits_for == "lag 5"
    scene.engine.in_look = [scene.disable]
    scene.house.later(minutes=1)
    scene.house.work()
    scene.ended_by_disabling()


def test_what_is_disabled_within_the_look_is_not_begun(scene: Scene) -> None:
    scene.house.configure()
    scene.engine.in_look = [scene.disable]
    scene.house.work()
    assert scene.engine.asked == []
    scene.ended_by_disabling()


def test_a_look_that_cannot_be_taken_opens_nothing_that_was_disabled(scene: Scene) -> None:
    scene.house.configure()
    scene.engine.away = EngineAway("the connection was refused")
    scene.engine.in_look = [scene.disable]
    scene.house.work()
    scene.engine.away = None
    scene.ended_by_disabling()


def test_what_was_disabled_and_enabled_within_the_look_stays_ended(scene: Scene) -> None:
    scene.house.configure()
    scene.engine.in_look = [lambda: (scene.disable(), scene.enable())]
    scene.house.work()
    assert scene.engine.asked == []
    assert (scene.run().state, scene.run().error) == ("FAILED", DISABLED)


def test_a_run_in_work_may_finish_after_its_report_is_disabled(scene: Scene) -> None:
    scene.house.configure()
    scene.engine.in_ask = [scene.disable]
    scene.house.work()
    assert (scene.run().state, scene.run().open) == ("SUCCESS", False)


@pytest.mark.parametrize(
    "error",
    [EngineAway("refused"), RetryableError("it broke off"), ValueError("nobody knows")],
    ids=lambda error: type(error).__name__,
)
def test_a_run_that_breaks_after_its_report_was_disabled_is_not_tried_again(
    error: Exception, scene: Scene
) -> None:
    scene.house.configure()
    scene.engine.in_ask = [scene.disable]
    scene.engine.errors = [error]
    scene.house.work()
    scene.ended_by_disabling()


def test_a_disabled_run_that_failed_for_good_says_why(scene: Scene) -> None:
    scene.house.configure()
    scene.engine.in_ask = [scene.disable]
    scene.engine.errors = [FatalError("there is no column eidd")]
    scene.house.work()
    run = scene.run()
    assert (run.state, run.open, run.error) == ("FAILED", False, "there is no column eidd")


def test_a_run_that_is_taken_over_may_finish_where_it_is_disabled_then(scene: Scene) -> None:
    scene.house.configure()
    scene.killed_in_ask()
    scene.engine.in_look = [scene.disable]
    scene.house.work()
    assert (scene.run().state, scene.run().attempts) == ("SUCCESS", 1)


def test_a_run_that_is_taken_over_is_ended_where_it_is_replaced_and_disabled_then(
    scene: Scene,
) -> None:
    report = scene.house.configure()
    scene.killed_in_ask()
    scene.engine.in_look = [lambda: (scene.replace(report, pattern="a.csv"), scene.disable())]
    scene.house.work()
    assert (scene.run().state, scene.run().open) == ("FAILED", False)
    scene.ended_by_disabling()


NEW = (("date", "Tag"), ("n", "N"))


def test_a_report_that_is_replaced_within_the_look_is_made_as_it_is_now_only(scene: Scene) -> None:
    report = scene.house.configure()
    scene.engine.in_look = [lambda: scene.replace(report, headings=NEW)]
    scene.house.work()
    assert (scene.engine.looks, scene.engine.asked) == (2, [ON])
    assert (scene.run().state, scene.run().attempts) == ("SUCCESS", 1)
    file = scene.house.files.get("druid-reports/daily-2026-11-23.csv")
    assert file.startswith(b"Tag,N")


def test_what_a_replaced_report_waited_for_is_not_noted(scene: Scene) -> None:
    report = scene.house.configure()
    scene.engine.waits = {ON: "lag 5"}

    def meddle() -> None:
        scene.replace(report, headings=NEW)
        scene.engine.in_look = [replaced]

    def replaced() -> None:
        # the first look has ended
        run = scene.run()
        assert (run.state, run.waits_for, run.memory) == ("SUBMITTED", None, {})
        scene.engine.waits = {}

    scene.engine.in_look = [meddle]
    scene.house.work()
    assert scene.run().state == "SUCCESS"


def test_a_mistake_of_a_query_that_was_replaced_fails_nothing_before_it_begins(
    scene: Scene,
) -> None:
    report = scene.house.configure()

    def meddle() -> None:
        scene.replace(report, headings=NEW)
        raise FatalError("there is no column eidd")

    scene.engine.in_look = [meddle]
    scene.house.work()
    assert (scene.run().state, scene.run().attempts) == ("SUCCESS", 1)


def test_a_run_that_is_taken_over_is_made_by_the_new_report_where_it_is_replaced_then(
    scene: Scene,
) -> None:
    report = scene.house.configure()
    scene.killed_in_ask()
    asked = len(scene.engine.covered)
    scene.engine.in_look = [lambda: scene.replace(report, headings=NEW)]
    scene.house.work()
    scene.house.later(minutes=1)
    scene.house.work()
    assert scene.run().state == "SUCCESS"
    assert len(scene.engine.covered) == asked + 1
    assert scene.house.files.get("druid-reports/daily-2026-11-23.csv").startswith(b"Tag,N")


def test_an_engine_that_breaks_after_a_replacement_leaves_no_memory_of_it(scene: Scene) -> None:
    report = scene.house.configure()
    scene.engine.in_ask = [lambda: scene.replace(report, headings=NEW)]
    scene.engine.errors = [EngineAway("refused")]
    scene.house.work()
    assert (scene.run().waits_for, scene.run().memory) == ("refused", {})
    scene.house.later(minutes=1)
    scene.house.work()
    assert scene.house.files.get("druid-reports/daily-2026-11-23.csv").startswith(b"Tag,N")


def test_dates_that_became_others_within_the_look_are_the_ones_that_are_made(scene: Scene) -> None:
    scene.house.configure()
    scene.engine.in_look = [scene.recut]
    scene.house.work()
    assert scene.engine.covered == [(date(2026, 11, 20), ON)]


def test_what_was_asked_before_its_dates_became_others_is_not_published(scene: Scene) -> None:
    scene.house.configure()
    scene.engine.in_ask = [scene.recut]
    scene.house.work()
    assert (scene.run().state, scene.run().first_on) == ("RETRY", "2026-11-20")
    assert "it is made as it is now" in (scene.run().error or "")
    assert not scene.house.files.exists("druid-reports/daily-2026-11-23.csv")
    scene.house.later(minutes=1)
    scene.house.work()
    assert scene.engine.covered == [(date(2026, 11, 17), ON), (date(2026, 11, 20), ON)]
    assert (scene.run().state, scene.run().first_on) == ("SUCCESS", "2026-11-20")


def test_what_was_asked_before_a_replacement_is_not_published(scene: Scene) -> None:
    report = scene.house.configure()
    scene.engine.in_ask = [lambda: scene.replace(report, headings=NEW)]
    scene.house.work()
    assert scene.run().state == "RETRY"
    assert not scene.house.files.exists("druid-reports/daily-2026-11-23.csv")
    scene.house.later(minutes=1)
    scene.house.work()
    assert scene.run().state == "SUCCESS"
    assert scene.house.files.get("druid-reports/daily-2026-11-23.csv").startswith(b"Tag,N")


def test_a_plan_that_comes_after_the_disabling_adds_nothing(scene: Scene) -> None:
    report = scene.house.configure()
    scene.disable()
    with writing(scene.house.databases.control) as tx:
        assert not store.planned(tx, report, scene.house.clock.now())
    scene.enable()
    with reading(scene.house.databases.control) as conn:
        report = store.get(conn, "daily")
    with writing(scene.house.databases.control) as tx:
        assert store.planned(tx, report, scene.house.clock.now())


def test_disabling_comes_before_an_attempt_begins_or_after(scene: Scene) -> None:
    seen = []

    def disable() -> None:
        scene.disable()
        seen.append(scene.run().state)

    scene.house.configure()
    # its first change of a run is that it begins
    with scene.beside("UPDATE report_runs", disable):
        scene.house.work()
    assert seen in (["PROCESSING"], ["SUCCESS"])
    assert (scene.run().state, scene.run().open) == ("SUCCESS", False)


def test_disabling_comes_before_a_run_waits_again_or_after(scene: Scene) -> None:
    scene.house.configure()
    scene.engine.waits = {ON: "lag 5"}
    # of a look that found nothing
    with scene.beside("DELETE FROM tasks", scene.disable):
        scene.house.work()
    scene.ended_by_disabling()


def test_disabling_comes_before_a_run_that_lost_its_task_waits_again_or_after(
    scene: Scene,
) -> None:
    scene.house.configure()
    scene.killed_in_ask()
    with writing(scene.house.databases.control) as tx:
        tx.execute(update(tasks).values(state="released"))
    with scene.beside("UPDATE report_runs", scene.disable):
        scene.house.work()
    assert not scene.run().open


def test_what_is_made_again_while_it_is_disabled_is_ended_too(scene: Scene) -> None:
    scene.house.configure()
    scene.house.work()
    text = (
        '{"report_list": ["daily"], "reason": "a wrong week", "replay_interval": '
        '{"from": "2026-11-23", "to": "2026-11-23"}}'
    )
    with scene.beside("INSERT INTO report_runs", scene.disable):
        scene.people.regenerate(text)
    assert [(run.revision, run.open) for run in scene.house.runs()] == [(2, False), (1, False)]
