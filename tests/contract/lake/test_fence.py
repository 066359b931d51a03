"""A stale owner commits nothing, though PyIceberg repeats a refused commit by itself."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert, update

from tallymark.errors import ClaimLost, CommitConflict
from tallymark.lake import commit
from tallymark.lake.commit import Committed, Finish
from tallymark.state.database import Databases, reading, writing
from tallymark.state.schema import counters
from tests.lakes import TestLake, at

SPAN = (at(0), at(24))


def claimed_by(owner: int) -> Finish:
    """A claim of one row: `take` moves it, a commit checks it in its transaction."""

    def finish(tx: Connection, committed: Committed) -> None:
        mine = update(counters).where(counters.c.name == "claim", counters.c.value == owner)
        if tx.execute(mine.values(value=owner)).rowcount != 1:
            raise ClaimLost

    return finish


def take(lake: TestLake, owner: int) -> None:
    with writing(lake.engine) as tx:
        tx.execute(update(counters).where(counters.c.name == "claim").values(value=owner))


@pytest.fixture
def claim(lake: TestLake) -> None:
    with writing(lake.engine) as tx:
        tx.execute(insert(counters).values(name="claim", value=1))


class Between:
    """Does something between "files written" and the transaction, once each."""

    def __init__(self, *acts: object) -> None:
        self.acts = list(acts)
        self.seen: list[str] = []

    def __call__(self, step: str) -> None:
        self.seen.append(step)
        if step == "commit.files_written" and self.acts:
            act = self.acts.pop(0)
            assert callable(act)
            act()


@pytest.mark.usefixtures("claim")
def test_an_owner_whose_claim_was_taken_between_files_and_commit_commits_nothing(
    lake: TestLake, databases: Databases, home: Path
) -> None:
    def taken_over() -> None:
        take(lake, 2)
        lake.put(2, [(at(1), "a", 10)], span=SPAN, finish=claimed_by(2))

    stale = TestLake(databases, home, Between(taken_over))
    with pytest.raises(ClaimLost):
        stale.put(1, [(at(1), "a", 10)], span=SPAN, finish=claimed_by(1))
    assert lake.read() == [(at(1), "a", 10)]
    assert lake.table().scan().to_arrow()["_batch"].to_pylist() == [2]


@pytest.mark.usefixtures("claim")
def test_the_claim_is_checked_again_when_pyiceberg_repeats_the_commit(
    lake: TestLake, databases: Databases, home: Path
) -> None:
    lake.put(8, [(at(3), "b", 1)])

    def somebody_else_commits() -> None:
        lake.put(9, [(at(2), "b", 1)])

    between = Between(somebody_else_commits, lambda: take(lake, 2))
    stale = TestLake(databases, home, between)
    with pytest.raises(ClaimLost):
        stale.put(1, [(at(1), "a", 10)], span=SPAN, finish=claimed_by(1))
    assert between.acts == []
    assert lake.read() == [(at(2), "b", 1), (at(3), "b", 1)]


def test_a_commit_that_lost_the_race_lands_once_and_says_what_it_became(
    lake: TestLake, databases: Databases, home: Path
) -> None:
    lake.put(8, [(at(3), "b", 1)])
    between = Between(lambda: lake.put(9, [(at(2), "b", 1)]))
    done = TestLake(databases, home, between).put(1, [(at(1), "a", 10)], span=SPAN)
    assert lake.read() == [(at(1), "a", 10), (at(2), "b", 1), (at(3), "b", 1)]
    assert lake.head()[1:] == (done.snapshot_id, done.seq)
    assert lake.table().current_snapshot().snapshot_id == done.snapshot_id
    assert between.seen == ["commit.files_written"] * 2 + ["commit.committed"]


def test_a_restatement_that_met_another_commit_starts_again(
    lake: TestLake, databases: Databases, home: Path
) -> None:
    lake.put(1, [(at(1), "a", 10), (at(2), "a", 11)], span=SPAN)

    def same_file_rewritten() -> None:
        lake.put(3, [(at(2), "a", 12)], replaces=(1,), span=(at(2), at(3)))

    other = TestLake(databases, home, Between(same_file_rewritten))
    other.put(2, [(at(1), "a", 9)], replaces=(1,), span=(at(1), at(2)))
    assert lake.read() == [(at(1), "a", 9), (at(2), "a", 12)]


def test_two_who_make_the_table_at_once_make_one(
    lake: TestLake, databases: Databases, home: Path
) -> None:
    start = threading.Barrier(4)
    lakes = [TestLake(databases, home) for _ in range(4)]

    def put(n: int) -> None:
        start.wait()
        lakes[n].put(n + 1, [(at(n), "a", n)])

    run([threading.Thread(target=put, args=(n,)) for n in range(4)])
    assert lake.read() == [(at(n), "a", n) for n in range(4)]


def test_who_loses_again_and_again_gives_up_as_retryable(
    lake: TestLake, databases: Databases, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commit, "ATTEMPTS", 2)
    lake.put(1, [(at(1), "a", 0)], span=SPAN)
    batch = [1]

    def rewritten() -> None:
        batch.append(batch[-1] + 1)
        lake.put(batch[-1], [(at(1), "a", batch[-1])], replaces=(batch[-2],), span=SPAN)

    other = TestLake(databases, home, Between(rewritten, rewritten, rewritten))
    with pytest.raises(CommitConflict):
        other.put(90, [(at(1), "a", 90)], replaces=(1, 2, 3, 4), span=SPAN)
    assert lake.read() == [(at(1), "a", batch[-1])]


def test_sixteen_writers_at_once_lose_and_double_nothing(
    lake: TestLake, databases: Databases, home: Path
) -> None:
    # four lakes know nothing of each other, as four processes do; four threads share each
    lakes = [TestLake(databases, home) for _ in range(4)]
    lake.put(1000, [(at(23), "z", 0)])
    landed: list[int] = []

    def recorded(batch_id: int) -> Finish:
        def finish(tx: Connection, committed: Committed) -> None:
            tx.execute(insert(counters).values(name=f"batch {batch_id}", value=committed.rows))

        return finish

    def write(n: int) -> None:
        for k in range(2):
            batch_id = 2 * n + k
            readings = [(at(k), f"r{n}", batch_id), (at(k + 4), f"r{n}", batch_id)]
            lakes[n % 4].put(batch_id, readings, finish=recorded(batch_id))
            landed.append(batch_id)

    run([threading.Thread(target=write, args=(n,)) for n in range(16)])
    assert sorted(landed) == list(range(32))
    found = lake.table().scan().to_arrow()["_batch"].to_pylist()
    assert sorted(found) == sorted([*range(32), *range(32), 1000])
    with reading(lake.engine) as conn:
        assert len(list(conn.execute(counters.select()))) == 32
    assert len(set(lake.marks())) == 5
    assert lake.head()[1] == lake.table().current_snapshot().snapshot_id


def test_a_step_without_a_table_commit_checks_the_claim_too(lake: TestLake) -> None:
    lake.put(1, [(at(1), "a", 1)], span=SPAN)
    with pytest.raises(ClaimLost):
        lake.put(2, [(at(1), "a", 1)], replaces=(1,), span=SPAN, finish=claimed_by(7))
    with pytest.raises(ClaimLost):
        lake.put(3, [], finish=claimed_by(7))


def run(threads: list[threading.Thread]) -> None:
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
