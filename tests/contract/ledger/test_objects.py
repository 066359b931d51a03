from __future__ import annotations

import pytest

from tallymark.errors import NotFound
from tallymark.ledger import claim, coverage, objects
from tallymark.ledger.objects import Object
from tallymark.model import Covered
from tallymark.state.database import reading, writing

from .conftest import START, Ledger, at, spec


def to_check(ledger: Ledger, limit: int = 10) -> list[Object]:
    with reading(ledger.engine) as conn:
        return objects.to_check(conn, ledger.clock.now(), limit, ["collect"])


def put_off(ledger: Ledger, seconds: float) -> None:
    now = ledger.clock.now()
    for one in ledger.objects():
        with writing(ledger.engine) as tx:
            objects.set_check_at(tx, one, now + seconds * objects.CLOCKS_DIFFER_BY / 60, now)


def test_objects_come_stop_and_come_back_with_their_history(ledger: Ledger) -> None:
    first = ledger.sync(spec("a"), spec("b"))
    assert [(o.subject, o.state) for o in first] == [("a", "active"), ("b", "active")]
    assert [o.state for o in ledger.sync(spec("a"))] == ["active", "removed"]
    assert [o.subject for o in to_check(ledger)] == ["a"]
    back = ledger.sync(spec("a"), spec("b"))
    assert [(o.id, o.state) for o in back] == [(o.id, "active") for o in first]


def test_an_object_is_what_names_it(ledger: Ledger) -> None:
    assert len(ledger.sync(spec("a"), spec("a", kind="flush"), spec("a", stream="other"))) == 3


def test_pausing_one_touches_no_other(ledger: Ledger) -> None:
    ledger.sync(spec("a"), spec("b"))
    put_off(ledger, 60)
    ledger.sync(spec("a", paused=True), spec("b"))
    assert to_check(ledger) == []
    ledger.sync(spec("a"), spec("b"))
    assert [o.subject for o in to_check(ledger)] == ["a"]


def test_a_new_schedule_is_looked_at_at_once_and_the_same_changes_nothing(ledger: Ledger) -> None:
    ledger.sync(spec())
    put_off(ledger, 3600)
    ledger.sync(spec())
    assert to_check(ledger) == []
    ledger.sync(spec(every="6h", catch_up="latest"))
    assert [(o.every, o.catch_up) for o in to_check(ledger)] == [("6h", "latest")]


def test_what_is_looked_at_longest_ago_comes_first_and_no_more_than_asked_for(
    ledger: Ledger,
) -> None:
    ledger.sync(spec("a"))
    ledger.clock.advance(1)
    ledger.sync(spec("a"), spec("b"), spec("c"))
    assert [o.subject for o in to_check(ledger, 2)] == ["a", "b"]


def test_an_object_with_a_task_in_work_is_not_looked_at(ledger: Ledger) -> None:
    ledger.sync(spec())
    node = ledger.node()
    task = node.start(ledger.object(), at(0), at(24))
    assert task is not None
    assert to_check(ledger) == []
    with writing(ledger.engine) as tx:
        claim.end(tx, task, ledger.clock.now())
    assert len(to_check(ledger)) == 1


def test_other_kinds_are_left_to_those_who_know_them(ledger: Ledger) -> None:
    ledger.sync(spec(kind="unknown"))
    assert to_check(ledger) == []


def test_an_object_is_not_looked_at_before_its_time(ledger: Ledger) -> None:
    ledger.sync(spec())
    put_off(ledger, 60)
    ledger.clock.advance(59)
    assert to_check(ledger) == []
    ledger.clock.advance(1)
    assert len(to_check(ledger)) == 1


def test_a_clock_that_stepped_back_stalls_no_object(ledger: Ledger) -> None:
    ledger.sync(spec())
    put_off(ledger, 3600)
    ledger.clock.step(-86_400)
    assert len(to_check(ledger)) == 1
    ledger.clock.step(86_400 - 30)
    assert to_check(ledger) == []


def test_putting_off_does_not_undo_what_somebody_else_has_asked_for(ledger: Ledger) -> None:
    seen = ledger.sync(spec())[0]
    ledger.clock.advance(1)
    ledger.sync(spec(every="6h"))
    now = ledger.clock.now()
    with writing(ledger.engine) as tx:
        objects.set_check_at(tx, seen, now + objects.CLOCKS_DIFFER_BY, now)
    assert len(to_check(ledger)) == 1


def test_an_object_can_be_asked_for_by_its_number(ledger: Ledger) -> None:
    one = ledger.sync(spec())[0]
    with reading(ledger.engine) as conn:
        assert objects.get(conn, one.id) == one
        with pytest.raises(NotFound):
            objects.get(conn, one.id + 1)


def test_an_earlier_start_is_due_and_a_later_one_is_not(ledger: Ledger) -> None:
    one = ledger.sync(spec())[0]
    with writing(ledger.engine) as tx:
        coverage.write(tx, one.id, at(0), at(48), [Covered(at(0), at(48), "final")])
    assert ledger.object().settled_at == at(48)
    ledger.sync(spec(start_at=at(-24)))
    assert ledger.object().settled_at == at(-24)
    ledger.sync(spec(start_at=at(24)))
    assert ledger.object().settled_at == at(48)
    ledger.sync(spec(start_at=at(72)))
    assert ledger.object().settled_at == at(72)


def test_retry_wakes_a_waiting_task(ledger: Ledger) -> None:
    ledger.sync(spec())
    node = ledger.node()
    task = node.start(ledger.object(), at(0), at(24))
    assert task is not None
    now = ledger.clock.now()
    with writing(ledger.engine) as tx:
        later = now + 60 * objects.CLOCKS_DIFFER_BY
        claim.wait(tx, task, claim.Failure(error="e", at=now, next_try_at=later))
    assert node.resume(now) is None
    with writing(ledger.engine) as tx:
        objects.retry(tx, task.object.id, now)
    assert node.resume(now) is not None
    assert ledger.object().start_at == START
