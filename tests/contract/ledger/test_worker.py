from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from sqlalchemy import insert, select, text

from tallymark.calendar.schedule import Schedule
from tallymark.clock import SystemClock
from tallymark.errors import ClaimLost, FatalError, RetryableError
from tallymark.ledger import claim, coverage, due, objects
from tallymark.ledger.boots import Boot
from tallymark.ledger.claim import Claims, Task
from tallymark.ledger.objects import Object
from tallymark.ledger.worker import Due, Worker
from tallymark.model import Covered, Period, Stream
from tallymark.state.database import reading, writing
from tallymark.state.schema import calls, tasks
from tests.clock import FakeClock
from tests.postgres import until

from .conftest import START, Ledger, at, spec

DAYS = Stream(name="orders", kind="series", fields=(), subject="s", key=("ts",), label="day")
STARS = Stream(name="stars", kind="gauge", fields=(), subject="s", key=("ts",))


@dataclass
class Vendor:
    """A handler that asks a vendor: `answers` are what its next calls raise, None: it answers."""

    ledger: Ledger
    stream: Stream = DAYS
    answers: list[Exception | None] = field(default_factory=list)
    asked: list[tuple[str, datetime | None, int]] = field(default_factory=list)
    then: Callable[[Task], None] = lambda task: None

    def due(self, object: Object, now: datetime) -> Due:
        with reading(self.ledger.engine) as conn:
            there = coverage.load(conn, object.id, object.settled_at)
        plan = due.plan(
            self.stream,
            Schedule.parse(object.every),
            start_at=object.settled_at,
            coverage=there,
            now=now,
            catch_up=object.catch_up,
            note=object.last_error or "nobody asked",
        )
        if plan.missing:
            with writing(self.ledger.engine) as tx:
                coverage.fill(tx, object.id, plan.missing)
        return Due([(s.start_at, s.end_at) for s in plan.spans], plan.check_at)

    def run(self, task: Task) -> None:
        self.asked.append((task.object.subject, task.start_at, task.claim_no))
        answer = self.answers.pop(0) if self.answers else None
        self.then(task)
        if answer is not None:
            raise answer
        assert task.start_at is not None
        assert task.end_at is not None
        now = self.ledger.clock.now()
        span = Period(task.start_at, task.end_at)
        with writing(self.ledger.engine) as tx:
            claim.check(tx, task)
            new = due.after_read(self.stream, Schedule.parse(task.object.every), span, now)
            coverage.write(tx, task.object.id, span.start_at, span.end_at, new)
            claim.end(tx, task, now)


def worker(ledger: Ledger, vendor: Vendor, claims: Claims | None = None) -> Worker:
    node = claims or ledger.node()
    return Worker(node, {"collect": vendor}, ledger.clock, beat_s=0.05, jitter=lambda: 1.0)


def load(ledger: Ledger) -> list[Covered]:
    with reading(ledger.engine) as conn:
        return coverage.load(conn, ledger.object().id)


def keep_page(ledger: Ledger, task: Task) -> None:
    with writing(ledger.engine) as tx:
        tx.execute(
            insert(calls).values(
                object_id=task.object.id, task_id=task.id, claim_no=task.claim_no,
                n=task.claim_no, url="u", status=200, bytes=1, archive_key="k",
                received_at=ledger.clock.now(),
            )
        )  # fmt: skip


def test_what_is_due_is_done_once_and_then_nothing_is_left(ledger: Ledger) -> None:
    ledger.clock.set(at(24 * 10 + 2))
    ledger.sync(spec("a"), spec("b"))
    vendor = Vendor(ledger)
    assert worker(ledger, vendor).run_until_idle()
    assert [a[:2] for a in vendor.asked] == [("a", START), ("b", START)]
    assert worker(ledger, vendor).run_until_idle()
    assert len(vendor.asked) == 2
    assert ledger.object().check_at == at(24 * 11)
    ledger.clock.set(at(24 * 11))
    assert worker(ledger, vendor).run_until_idle()
    assert [a[:2] for a in vendor.asked[2:]] == [("a", at(240)), ("b", at(240))]


def test_a_long_backfill_is_done_span_by_span(ledger: Ledger) -> None:
    ledger.clock.set(at(24 * 800))
    ledger.sync(spec())
    vendor = Vendor(ledger)
    assert worker(ledger, vendor).run_until_idle()
    assert len(vendor.asked) == 3
    assert load(ledger) == [Covered(START, at(24 * 800), "final")]


def test_a_gauge_that_was_down_for_seven_days_gets_one_call_and_names_its_hole(
    ledger: Ledger,
) -> None:
    ledger.clock.set(at(0.5))
    ledger.sync(spec(every="1h"))
    vendor = Vendor(ledger, STARS)
    assert worker(ledger, vendor).run_until_idle()
    ledger.clock.set(at(24 * 7 + 0.5))
    assert worker(ledger, vendor).run_until_idle()
    assert len(vendor.asked) == 2
    assert load(ledger) == [
        Covered(at(0), at(1), "final"),
        Covered(at(1), at(168), "missing", None, "nobody asked"),
        Covered(at(168), at(169), "final"),
    ]


def test_a_vendor_that_is_away_for_seven_days_is_asked_on_and_on_and_then_once(
    ledger: Ledger,
) -> None:
    ledger.clock.set(at(24 + 1))
    ledger.sync(spec())
    vendor = Vendor(ledger, answers=[RetryableError("503")] * 10_000)
    running = worker(ledger, vendor)
    while ledger.clock.now() < at(24 * 8):
        assert running.run_until_idle()
        assert ledger.object().check_at <= ledger.clock.now() + timedelta(hours=1)
        ledger.clock.advance_to(ledger.object().check_at)
    assert 7 * 24 <= len(vendor.asked) <= 7 * 24 + 20
    failing = ledger.object()
    assert failing.last_error == "503"
    assert failing.failing_since_at == at(25)
    assert failing.attempts == len(vendor.asked)
    assert set(ledger.states()) == {"released"}
    vendor.answers = []
    vendor.asked = []
    assert running.run_until_idle()
    assert [(a[1]) for a in vendor.asked] == [START]
    assert ledger.object().last_error is None
    assert load(ledger)[-1].end_at == at(24 * 8)


def test_a_gauge_whose_vendor_is_away_is_tried_within_its_period_only(ledger: Ledger) -> None:
    ledger.clock.set(at(0))
    ledger.sync(spec(every="1h"))
    vendor = Vendor(ledger, STARS, answers=[RetryableError("503")] * 10_000)
    running = worker(ledger, vendor)
    while ledger.clock.now() < at(3):
        assert running.run_until_idle()
        ledger.clock.advance_to(ledger.object().check_at)
    vendor.answers = []
    assert running.run_until_idle()
    assert load(ledger) == [
        Covered(at(0), at(3), "missing", None, "503"),
        Covered(at(3), at(4), "final"),
    ]


def test_a_task_with_kept_pages_waits_and_goes_on_in_the_same_task(ledger: Ledger) -> None:
    ledger.clock.set(at(24))
    ledger.sync(spec())
    vendor = Vendor(ledger, answers=[RetryableError("503", retry_after_s=30)])
    vendor.then = lambda task: keep_page(ledger, task)
    running = worker(ledger, vendor)
    assert running.run_until_idle()
    assert ledger.states() == ["waiting"]
    assert running.run_until_idle()
    ledger.clock.advance(30)
    assert running.run_until_idle()
    assert [a[2] for a in vendor.asked] == [1, 2]
    assert ledger.states() == ["done"]


def test_a_fatal_error_ends_the_span_which_is_retried_on_demand(ledger: Ledger) -> None:
    ledger.clock.set(at(24))
    ledger.sync(spec())
    vendor = Vendor(ledger, answers=[FatalError("no such package")])
    running = worker(ledger, vendor)
    assert running.run_until_idle()
    assert load(ledger) == [Covered(at(0), at(24), "failed", None, "no such package")]
    failing = ledger.object()
    assert (failing.last_error, failing.attempts) == ("no such package", 1)
    assert failing.advice
    ledger.clock.advance(3600)
    assert running.run_until_idle()
    assert len(vendor.asked) == 1
    with writing(ledger.engine) as tx:
        objects.retry(tx, failing.id, ledger.clock.now())
    assert running.run_until_idle()
    assert load(ledger) == [Covered(at(0), at(24), "final")]
    assert ledger.object().last_error is None


def test_a_fatal_error_of_a_gauge_is_tried_again_in_the_next_period(ledger: Ledger) -> None:
    ledger.clock.set(at(0.5))
    ledger.sync(spec(every="1h"))
    vendor = Vendor(ledger, STARS, answers=[FatalError("401")])
    running = worker(ledger, vendor)
    assert running.run_until_idle()
    assert load(ledger) == []
    assert ledger.object().check_at == at(1)
    ledger.clock.set(at(1))
    assert running.run_until_idle()
    assert [c.state for c in load(ledger)] == ["missing", "final"]
    assert load(ledger)[0].note == "401"


def test_an_unexpected_exception_is_logged_and_tried_again(
    ledger: Ledger, caplog: pytest.LogCaptureFixture
) -> None:
    ledger.clock.set(at(24))
    ledger.sync(spec())
    vendor = Vendor(ledger, answers=[ZeroDivisionError("oh")])
    with caplog.at_level(logging.WARNING):
        assert worker(ledger, vendor).run_until_idle()
    assert "ZeroDivisionError" in caplog.text
    assert "Traceback" in caplog.text
    assert ledger.object().last_error == "ZeroDivisionError: oh"
    ledger.clock.advance(2)
    assert worker(ledger, vendor).run_until_idle()
    assert ledger.object().last_error is None


def test_a_lost_claim_is_dropped_without_a_trace(ledger: Ledger) -> None:
    ledger.clock.set(at(24))
    ledger.sync(spec())
    vendor = Vendor(ledger)

    def lose(task: Task) -> None:
        with writing(ledger.engine) as tx:
            tx.execute(text("UPDATE tasks SET claim_no = claim_no + 1, state = 'released'"))

    vendor.then = lose
    vendor.answers = [ClaimLost()]
    running = worker(ledger, vendor)
    assert running._step(running._starts)
    assert ledger.object().last_error is None
    vendor.answers = [RetryableError("503")]
    assert running._step(running._starts)
    assert ledger.object().last_error is None
    assert ledger.states() == ["released", "released"]


def test_a_task_that_its_handler_leaves_open_is_ended(ledger: Ledger) -> None:
    @dataclass
    class Flush:
        rows: int = 3

        def due(self, object: Object, now: datetime) -> Due:
            return Due([(None, None)] if self.rows else [], now + timedelta(seconds=60))

        def run(self, task: Task) -> None:
            self.rows -= 1

    flush = Flush()
    ledger.sync(spec(kind="flush", every="1m"))
    assert Worker(ledger.node(), {"flush": flush}, ledger.clock).run_until_idle()
    assert (flush.rows, ledger.states()) == (0, ["done"] * 3)


def test_an_object_that_cannot_be_looked_at_holds_up_no_other(ledger: Ledger) -> None:
    ledger.clock.set(at(24))
    ledger.sync(spec("a", catch_up="sometimes"), spec("b"))
    vendor = Vendor(ledger)
    assert worker(ledger, vendor).run_until_idle()
    assert [a[0] for a in vendor.asked] == ["b"]
    assert "sometimes" in str(ledger.object("a").last_error)
    assert ledger.object("a").advice


def test_a_dead_nodes_task_is_taken_over_before_anything_new(ledger: Ledger) -> None:
    ledger.clock.set(at(24))
    ledger.sync(spec("a"), spec("b"))
    dead = ledger.node()
    assert dead.start(ledger.object("b"), at(0), at(24)) is not None
    dead.boot.close()
    vendor = Vendor(ledger)
    assert worker(ledger, vendor).run_until_idle()
    assert [(a[0], a[2]) for a in vendor.asked] == [("b", 2), ("a", 1)]


def test_idle_waits_for_the_judgement_on_an_owner_that_may_be_dead(ledger: Ledger) -> None:
    clock = SystemClock()
    ledger.clock = clock  # type: ignore[assignment]
    ledger.sync(spec(start_at=clock.now() - timedelta(days=2)))
    dead = Claims(ledger.engine, Boot(ledger.engine, ledger.home, clock), clock, 1)
    assert dead.start(ledger.object(), at(0), at(24)) is not None
    me = Claims(ledger.engine, Boot(ledger.engine, ledger.home, clock), clock, 1)
    vendor = Vendor(ledger)
    running = Worker(me, {"collect": vendor}, clock, beat_s=0.2)
    assert running.run_until_idle(deadline_s=20)
    assert vendor.asked[0][2] == 2
    dead.boot.let_go()
    me.boot.let_go()


def test_idle_gives_up_at_its_deadline(ledger: Ledger) -> None:
    ledger.sync(spec())
    other = ledger.node()
    assert other.start(ledger.object(), at(0), at(24)) is not None
    assert not worker(ledger, Vendor(ledger)).run_until_idle(deadline_s=0.6)


def test_more_objects_than_are_looked_at_at_once_are_all_done(ledger: Ledger) -> None:
    ledger.clock.set(at(24))
    ledger.sync(*(spec(f"{n:03}") for n in range(120)))
    vendor = Vendor(ledger)
    assert worker(ledger, vendor).run_until_idle()
    assert len(vendor.asked) == 120


def test_threads_share_the_work_and_stop_when_they_are_told(ledger: Ledger) -> None:
    ledger.clock.set(at(24))
    ledger.sync(*(spec(f"{n:03}") for n in range(40)))
    vendor = Vendor(ledger)
    busy = threading.Semaphore(0)
    at_once = threading.Barrier(2, timeout=10)

    def meet(task: Task) -> None:
        busy.release()
        if task.object.subject in ("000", "001"):
            at_once.wait()

    vendor.then = meet
    running = Worker(
        ledger.node(), {"collect": vendor}, ledger.clock, threads=2, beat_s=0.1, poll_s=0.05
    )
    stop = threading.Event()
    thread = threading.Thread(target=running.run, args=(stop,))
    thread.start()
    until(lambda: ledger.states().count("done") == 40, 30)
    stop.set()
    thread.join(10)
    assert not thread.is_alive()
    assert sorted(a[0] for a in vendor.asked) == [f"{n:03}" for n in range(40)]


def test_what_goes_ahead_does_not_wait_for_long_work(ledger: Ledger) -> None:
    ledger.clock.set(at(24))
    ledger.sync(spec("long"), spec("quick", kind="cube"))
    vendor = Vendor(ledger)
    quick_is_done = threading.Event()

    def wait_for_the_other(task: Task) -> None:
        if task.object.kind == "cube":
            quick_is_done.set()
        else:
            assert quick_is_done.wait(20)

    vendor.then = wait_for_the_other
    running = Worker(
        ledger.node(),
        {"collect": vendor, "cube": vendor},
        ledger.clock,
        threads=1,
        beat_s=0.1,
        poll_s=0.05,
        ahead=["cube"],
    )
    stop = threading.Event()
    thread = threading.Thread(target=running.run, args=(stop,))
    thread.start()
    until(lambda: ledger.states() == ["done", "done"], 30)
    stop.set()
    thread.join(10)


def test_clock_of_the_ledger_is_the_one_handed_in(clock: FakeClock, ledger: Ledger) -> None:
    ledger.clock.set(at(24))
    ledger.sync(spec())
    assert worker(ledger, Vendor(ledger)).run_until_idle()
    with reading(ledger.engine) as conn:
        assert conn.execute(select(tasks.c.ended_at)).scalar_one() == at(24)
