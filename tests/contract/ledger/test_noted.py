"""Tasks with a note: a person began them, and they are ended whatever became of their object."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import pytest

from tallymark.errors import FatalError, RetryableError
from tallymark.ledger import claim
from tallymark.ledger.boots import Boot
from tallymark.ledger.objects import Object
from tallymark.ledger.task import Task
from tallymark.ledger.worker import Due, Worker
from tallymark.state.database import writing

from .conftest import TIMEOUT_S, Ledger, spec


@dataclass
class Noted:
    """A handler that never finds anything due, and says what it was given to do."""

    ledger: Ledger
    answers: list[Exception] = field(default_factory=list)
    ran: list[tuple[str, str | None, int]] = field(default_factory=list)

    def due(self, object: Object, now: datetime) -> Due:
        return Due([], now.replace(year=now.year + 1))

    def run(self, task: Task) -> None:
        self.ran.append((task.object.kind, task.note, task.claim_no))
        if self.answers:
            raise self.answers.pop(0)
        with writing(self.ledger.engine) as tx:
            claim.end(tx, task, self.ledger.clock.now())


def work(ledger: Ledger, handler: Noted, **how: object) -> Worker:
    kinds = dict.fromkeys(("collect", "cube"), handler)
    return Worker(ledger.node(), kinds, ledger.clock, beat_s=0.05, jitter=lambda: 1.0, **how)  # type: ignore[arg-type]


def ended(ledger: Ledger, worker: Worker, stopped: Callable[[Boot], None], boot: Boot) -> None:
    """The boot dies; the worker sees it and does what it left."""
    stopped(boot)
    ledger.pass_time(TIMEOUT_S + 1, worker._claims)
    assert worker.run_until_idle(10)


@pytest.mark.parametrize("state", ["active", "paused", "removed"])
def test_a_noted_task_of_a_dead_owner_is_ended_whatever_its_object_is(
    state: str, ledger: Ledger, stopped: Callable[[Boot], None]
) -> None:
    wanted = [] if state == "removed" else [spec(paused=state == "paused")]
    ledger.sync(spec())
    ledger.sync(*wanted)
    owner = ledger.node()
    task = owner.start(ledger.object(), None, None, note="replay", states=(state,))
    assert task is not None
    handler = Noted(ledger)
    ended(ledger, work(ledger, handler), stopped, owner.boot)
    assert handler.ran == [("collect", "replay", 2)]
    assert ledger.states() == ["done"]
    assert ledger.object().state == state


def test_an_object_that_stopped_starts_nothing_without_being_asked(ledger: Ledger) -> None:
    ledger.sync(spec(paused=True))
    node = ledger.node()
    assert node.start(ledger.object(), None, None) is None
    assert node.start(ledger.object(), None, None, note="replay", states=("paused",)) is not None
    assert node.start(ledger.object(), None, None, note="replay", states=("paused",)) is None


def test_a_noted_task_waits_for_its_next_try_and_is_not_let_go(
    ledger: Ledger, stopped: Callable[[Boot], None]
) -> None:
    ledger.sync(spec())
    owner = ledger.node()
    owner.start(ledger.object(), None, None, note="replay")
    handler = Noted(ledger, [RetryableError("not now")])
    worker = work(ledger, handler)
    ended(ledger, worker, stopped, owner.boot)
    assert ledger.states() == ["waiting"]
    assert ledger.object().last_error == "not now"
    ledger.clock.advance(3600)
    assert worker.run_until_idle(10)
    assert [claim_no for _, _, claim_no in handler.ran] == [2, 3]
    assert ledger.states() == ["done"]
    assert ledger.object().last_error is None


def test_a_noted_task_that_cannot_be_done_fails_and_covers_nothing(
    ledger: Ledger, stopped: Callable[[Boot], None]
) -> None:
    ledger.sync(spec())
    owner = ledger.node()
    owner.start(ledger.object(), None, None, note="replay")
    handler = Noted(ledger, [FatalError("the archived page x is damaged")])
    ended(ledger, work(ledger, handler), stopped, owner.boot)
    assert ledger.states() == ["failed"]
    assert "x is damaged" in str(ledger.object().last_error)


def test_a_worker_that_starts_one_kind_still_ends_what_others_left(
    ledger: Ledger, stopped: Callable[[Boot], None]
) -> None:
    ledger.sync(spec(kind="cube", subject="c"), spec(kind="collect", subject="a"))
    owner = ledger.node()
    owner.start(ledger.object("c"), None, None)
    handler = Noted(ledger)
    worker = work(ledger, handler, starts=["collect"])
    ended(ledger, worker, stopped, owner.boot)
    assert handler.ran == [("cube", None, 2)]
    later = {o.kind: o.check_at > ledger.clock.now() for o in ledger.objects()}
    assert later == {"collect": True, "cube": False}, "what it does not start it does not look at"
