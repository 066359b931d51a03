from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import event, insert, select, update

from tallymark.errors import ClaimLost
from tallymark.ledger import claim, coverage, objects
from tallymark.ledger.claim import MAX_DEATHS, Claims, Task
from tallymark.ledger.failure import Failure
from tallymark.ledger.task import read_task
from tallymark.model import Covered
from tallymark.state.database import reading, writing
from tallymark.state.schema import calls, tasks

from .conftest import START, TIMEOUT_S, Ledger, at, spec


def start(claims: Claims, ledger: Ledger, subject: str = "a") -> Task:
    task = claims.start(ledger.object(subject), at(0), at(24))
    assert task is not None
    return task


def failure(ledger: Ledger, in_s: float = 60) -> Failure:
    now = ledger.clock.now()
    return Failure(error="503", at=now, next_try_at=now + in_s * objects.CLOCKS_DIFFER_BY / 60)


def is_sqlite(ledger: Ledger) -> bool:
    return ledger.engine.dialect.name == "sqlite"


def die(claims: Claims, ledger: Ledger) -> None:
    """What a SIGKILL leaves: no beat, and on SQLite a free lock."""
    claims.boot.let_go()


def after_timeout(ledger: Ledger, *observers: Claims) -> None:
    for claims in observers:
        claims.observe()
    ledger.pass_time(TIMEOUT_S + 1, *observers)


def test_one_span_of_an_object_is_in_work_at_a_time(ledger: Ledger) -> None:
    ledger.sync(spec("a"), spec("b"))
    one, two = ledger.node(), ledger.node()
    assert start(one, ledger).claim_no == 1
    assert two.start(ledger.object("a"), at(24), at(48)) is None
    assert two.start(ledger.object("b"), at(0), at(24)) is not None


def test_a_span_is_not_claimed_by_somebody_who_read_the_coverage_before_it_was_done(
    ledger: Ledger,
) -> None:
    ledger.sync(spec())
    seen = ledger.object()
    one, two = ledger.node(), ledger.node()
    task = start(one, ledger)
    with writing(ledger.engine) as tx:
        coverage.write(tx, seen.id, at(0), at(24), [Covered(at(0), at(24), "final")])
        claim.end(tx, task, ledger.clock.now())
    assert two.start(seen, at(0), at(24)) is None
    assert two.start(ledger.object(), at(24), at(48)) is not None


def test_paused_and_removed_objects_are_not_claimed(ledger: Ledger) -> None:
    seen = ledger.sync(spec())[0]
    node = ledger.node()
    ledger.sync(spec(paused=True))
    assert node.start(seen, at(0), at(24)) is None
    ledger.sync()
    assert node.start(seen, at(0), at(24)) is None


def test_a_task_that_ends_clears_its_objects_failures(ledger: Ledger) -> None:
    ledger.sync(spec())
    node = ledger.node()
    task = start(node, ledger)
    with writing(ledger.engine) as tx:
        claim.release(tx, task, failure(ledger))
    failing = ledger.object()
    assert (failing.attempts, failing.last_error) == (1, "503")
    assert failing.failing_since_at == ledger.clock.now()
    since = failing.failing_since_at
    ledger.clock.advance(60)
    task = start(node, ledger)
    with writing(ledger.engine) as tx:
        claim.release(tx, task, failure(ledger))
    assert ledger.object().failing_since_at == since
    assert ledger.object().attempts == 2
    task = start(node, ledger)
    with writing(ledger.engine) as tx:
        claim.end(tx, task, ledger.clock.now())
    well = ledger.object()
    assert (well.attempts, well.last_error, well.failing_since_at) == (0, None, None)
    assert ledger.states() == ["released", "released", "done"]


def test_a_waiting_task_is_resumed_by_one_node_when_its_time_has_come(ledger: Ledger) -> None:
    ledger.sync(spec())
    one, two = ledger.node(), ledger.node()
    task = start(one, ledger)
    with writing(ledger.engine) as tx:
        claim.wait(tx, task, failure(ledger, 60))
    assert two.resume(ledger.clock.now()) is None
    ledger.clock.advance(60)
    task = two.resume(ledger.clock.now())
    assert task is not None
    assert (task.claim_no, task.owner, task.start_at) == (2, two.boot.id, at(0))
    assert one.resume(ledger.clock.now()) is None


def test_an_earlier_claim_of_the_same_node_is_stale_as_well(ledger: Ledger) -> None:
    ledger.sync(spec())
    node = ledger.node()
    earlier = start(node, ledger)
    with writing(ledger.engine) as tx:
        claim.wait(tx, earlier, failure(ledger, 0))
    assert node.resume(ledger.clock.now()) is not None
    with pytest.raises(ClaimLost), writing(ledger.engine) as tx:
        claim.check(tx, earlier)


def test_a_waiting_task_does_not_stall_when_the_clock_steps_back(ledger: Ledger) -> None:
    ledger.sync(spec())
    node = ledger.node()
    task = start(node, ledger)
    with writing(ledger.engine) as tx:
        claim.wait(tx, task, failure(ledger, 60))
    ledger.clock.step(-86_400)
    assert node.resume(ledger.clock.now()) is not None


def test_a_waiting_task_of_a_paused_object_waits(ledger: Ledger) -> None:
    ledger.sync(spec())
    node = ledger.node()
    task = start(node, ledger)
    with writing(ledger.engine) as tx:
        claim.wait(tx, task, failure(ledger, 0))
    ledger.sync(spec(paused=True))
    assert node.resume(ledger.clock.now()) is None
    ledger.sync(spec())
    assert node.resume(ledger.clock.now()) is not None


def test_a_removed_object_takes_its_open_task_with_it(ledger: Ledger) -> None:
    ledger.sync(spec())
    task = start(ledger.node(), ledger)
    ledger.sync()
    assert ledger.states() == ["released"]
    with pytest.raises(ClaimLost), writing(ledger.engine) as tx:
        claim.check(tx, task)


def test_nobody_takes_from_an_owner_that_beats(ledger: Ledger) -> None:
    ledger.sync(spec())
    one, two = ledger.node(), ledger.node()
    start(one, ledger)
    for _ in range(60):
        ledger.pass_time(1, two, beats=(one.boot,))
        assert two.take_over() is None


def test_nobody_steals_from_itself(ledger: Ledger) -> None:
    ledger.sync(spec())
    node = ledger.node()
    start(node, ledger)
    after_timeout(ledger, node)
    after_timeout(ledger, node)
    assert node.take_over() is None


def test_a_claim_whose_answer_was_lost_is_claimed_again(ledger: Ledger) -> None:
    ledger.sync(spec("a"), spec("b"))
    node, other = ledger.node(), ledger.node()
    lost, in_work = start(node, ledger, "a"), start(node, ledger, "b")
    assert other.claim_lost(set()) is None
    assert node.claim_lost({lost.id, in_work.id}) is None
    again = node.claim_lost({in_work.id})
    assert again is not None
    assert (again.id, again.claim_no, again.deaths) == (lost.id, 2, 0)
    with pytest.raises(ClaimLost), writing(ledger.engine) as tx:
        claim.check(tx, lost)


def test_a_restarted_node_is_somebody_else_and_takes_over_its_own_task(ledger: Ledger) -> None:
    ledger.sync(spec())
    before = ledger.node()
    task = start(before, ledger)
    die(before, ledger)
    after = ledger.node()
    assert after.boot.id != before.boot.id
    after_timeout(ledger, after)
    taken = after.take_over()
    assert taken is not None
    assert (taken.id, taken.claim_no, taken.deaths) == (task.id, 2, 1)


def test_a_silent_owner_is_dead_after_the_time_out_and_not_before(ledger: Ledger) -> None:
    """The lock is held: a stopped process (SIGSTOP) keeps it."""
    ledger.sync(spec())
    one, two = ledger.node(), ledger.node()
    start(one, ledger)
    two.observe()
    ledger.pass_time(TIMEOUT_S - 1, two)
    assert two.take_over() is None
    ledger.pass_time(1, two)
    assert two.take_over() is not None


def test_on_sqlite_an_owner_without_its_lock_is_dead_at_once(ledger: Ledger) -> None:
    ledger.sync(spec())
    one, two = ledger.node(), ledger.node()
    start(one, ledger)
    one.boot.let_go()
    assert (two.take_over() is not None) == is_sqlite(ledger)


def test_an_owner_that_ended_cleanly_is_dead_at_once_and_its_task_is_not_to_blame(
    ledger: Ledger,
) -> None:
    ledger.sync(spec())
    one, two = ledger.node(), ledger.node()
    start(one, ledger)
    one.boot.close()
    taken = two.take_over()
    assert taken is not None
    assert taken.deaths == 0


def test_two_nodes_do_not_both_take_over(ledger: Ledger) -> None:
    ledger.sync(spec())
    one, two, three = ledger.node(), ledger.node(), ledger.node()
    start(one, ledger)
    after_timeout(ledger, two, three)
    assert two.take_over() is not None
    assert three.take_over() is None


def test_after_losing_the_database_a_node_waits_one_time_out(ledger: Ledger) -> None:
    ledger.sync(spec())
    one, two = ledger.node(), ledger.node()
    start(one, ledger)
    after_timeout(ledger, two)
    two.lost_database()
    assert two.take_over() is None
    ledger.pass_time(TIMEOUT_S - 1, two)
    assert two.take_over() is None
    ledger.pass_time(2, two)
    assert two.take_over() is not None


def test_a_node_that_was_stopped_itself_judges_nobody_when_it_goes_on(ledger: Ledger) -> None:
    ledger.sync(spec())
    one, two = ledger.node(), ledger.node()
    start(one, ledger)
    two.observe()
    ledger.clock.advance(3600)
    assert two.take_over() is None


def test_a_clock_that_steps_frees_no_claim_and_stalls_none(ledger: Ledger) -> None:
    ledger.sync(spec())
    one, two = ledger.node(), ledger.node()
    start(one, ledger)
    two.observe()
    for step_s in (3600, -7200, 86_400 * 365, -86_400 * 700):
        ledger.clock.step(step_s)
        ledger.pass_time(1, two)
        assert two.take_over() is None
    ledger.pass_time(TIMEOUT_S - 4, two)
    assert two.take_over() is not None


def test_the_permission_to_steal_ends_with_a_beat(ledger: Ledger) -> None:
    """Two nodes that both lost the database and came back must not rob each other."""
    ledger.sync(spec())
    one, two = ledger.node(), ledger.node()
    start(one, ledger)
    after_timeout(ledger, two)
    one.boot.beat()
    assert two.take_over() is None


def test_a_beat_that_comes_between_judgement_and_claim_keeps_the_task(ledger: Ledger) -> None:
    if is_sqlite(ledger):
        return  # there nobody can beat inside another's transaction
    ledger.sync(spec())
    one, two = ledger.node(), ledger.node()
    start(one, ledger)
    after_timeout(ledger, two)
    beaten: list[str] = []

    def beat_first(_conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("UPDATE tasks") and not beaten:
            beaten.append(statement)
            one.boot.beat()

    event.listen(ledger.engine, "before_cursor_execute", beat_first)
    try:
        assert two.take_over() is None
    finally:
        event.remove(ledger.engine, "before_cursor_execute", beat_first)
    assert beaten
    with writing(ledger.engine) as tx:
        claim.check(tx, ledger_task(ledger, one))


def ledger_task(ledger: Ledger, claims: Claims) -> Task:
    with reading(ledger.engine) as conn:
        task = read_task(conn, conn.execute(select(tasks.c.id)).scalar_one())
    assert task.owner == claims.boot.id
    return task


def test_a_stale_owner_can_write_nothing(ledger: Ledger) -> None:
    ledger.sync(spec())
    one, two = ledger.node(), ledger.node()
    stale = start(one, ledger)
    after_timeout(ledger, two)
    fresh = two.take_over()
    assert fresh is not None
    for write in (
        lambda tx: claim.check(tx, stale),
        lambda tx: claim.note(tx, stale, "x"),
        lambda tx: claim.end(tx, stale, ledger.clock.now()),
        lambda tx: claim.wait(tx, stale, failure(ledger)),
        lambda tx: claim.release(tx, stale, failure(ledger)),
        lambda tx: claim.fail(tx, stale, failure(ledger), settle=True),
    ):
        with pytest.raises(ClaimLost), writing(ledger.engine) as tx:
            write(tx)
    assert one.reload(stale) is None
    one.finish(stale)
    assert ledger.states() == ["running"]
    with writing(ledger.engine) as tx:
        claim.check(tx, fresh)
        claim.note(tx, fresh, "stamp 7")
    assert two.reload(fresh).note == "stamp 7"  # type: ignore[union-attr]


def test_a_task_that_kills_its_process_is_dead_lettered_after_its_attempts(
    ledger: Ledger,
) -> None:
    ledger.sync(spec())
    node = ledger.node()
    start(node, ledger)
    for death in range(1, MAX_DEATHS + 1):
        die(node, ledger)
        node = ledger.node()
        after_timeout(ledger, node)
        task = node.take_over()
        assert (task is None) == (death == MAX_DEATHS)
    assert ledger.states() == ["failed"]
    failed = ledger.object()
    assert "died 5 times" in str(failed.last_error)
    assert failed.advice
    assert failed.settled_at == at(24)
    with reading(ledger.engine) as conn:
        assert [c.state for c in coverage.load(conn, failed.id)] == ["failed"]
    with writing(ledger.engine) as tx:
        objects.retry(tx, failed.id, ledger.clock.now())
    again = ledger.object()
    assert (again.last_error, again.settled_at, again.attempts) == (None, START, 0)
    assert start(node, ledger).deaths == 0


def test_a_flush_that_kills_its_process_is_held_back_for_an_hour(ledger: Ledger) -> None:
    ledger.sync(spec())
    node = ledger.node()
    assert node.start(ledger.object(), None, None) is not None
    with writing(ledger.engine) as tx:
        tx.execute(update(tasks).values(deaths=MAX_DEATHS - 1))
    die(node, ledger)
    other = ledger.node()
    after_timeout(ledger, other)
    assert other.take_over() is None
    with reading(ledger.engine) as conn:
        assert objects.to_check(conn, ledger.clock.now(), 9, ["collect"]) == []
    assert (ledger.object().check_at - ledger.clock.now()).total_seconds() == 3600


def test_a_claim_that_kept_a_page_was_not_killed_by_its_task(ledger: Ledger) -> None:
    ledger.sync(spec())
    node = ledger.node()
    task = start(node, ledger)
    for n in range(10):
        keep_page(ledger, task, n)
        die(node, ledger)
        node = ledger.node()
        after_timeout(ledger, node)
        taken = node.take_over()
        assert taken is not None
        task = taken
        assert task.deaths == 1


def keep_page(ledger: Ledger, task: Task, n: int) -> None:
    with writing(ledger.engine) as tx:
        tx.execute(
            insert(calls).values(
                object_id=task.object.id, task_id=task.id, claim_no=task.claim_no, n=n,
                url="u", status=200, bytes=1, archive_key="k", received_at=ledger.clock.now(),
            )
        )  # fmt: skip


def test_a_node_knows_whom_it_cannot_judge_yet(ledger: Ledger) -> None:
    ledger.sync(spec())
    one, two = ledger.node(), ledger.node()
    assert not two.undecided()
    start(one, ledger)
    assert two.undecided()
    two.observe()
    assert two.undecided()
    ledger.pass_time(1, two, beats=(one.boot,))
    assert not two.undecided()
    ledger.pass_time(TIMEOUT_S + 1, two)
    assert two.undecided()
    assert two.take_over() is not None
    assert not two.undecided()


def test_a_refused_check_undoes_what_the_transaction_wrote(ledger: Ledger) -> None:
    ledger.sync(spec())
    one, two = ledger.node(), ledger.node()
    stale = start(one, ledger)
    after_timeout(ledger, two)
    assert two.take_over() is not None
    with pytest.raises(ClaimLost):
        write_then_check(ledger, stale)
    with reading(ledger.engine) as conn:
        assert conn.execute(select(tasks.c.note)).scalar() is None


def write_then_check(ledger: Ledger, task: Task) -> None:
    with writing(ledger.engine) as tx:
        tx.execute(update(tasks).values(note="written"))
        claim.check(tx, task)
