"""Upkeep is work of the ledger, under a claim: every day for a table that grows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from tallymark.lake.upkeep import Upkeep
from tallymark.ledger import objects
from tallymark.ledger.boots import Boot
from tallymark.ledger.claim import Claims
from tallymark.ledger.objects import ObjectSpec
from tallymark.ledger.worker import Worker
from tallymark.state.database import Databases, reading, writing
from tallymark.state.schema import tasks
from tests.lakes import TABLE, TestLake, at


class Kept:
    """A worker that does upkeep and nothing else, on a clock that is set."""

    def __init__(self, lake: TestLake, databases: Databases, home: Path) -> None:
        self.lake, self.clock, self.engine = lake, lake.clock, databases.control
        self.boot = Boot(self.engine, home, self.clock)
        claims = Claims(self.engine, self.boot, self.clock, 3.0)
        handlers = {"maintain": Upkeep(lake.lake, self.clock)}
        self.worker = Worker(claims, handlers, self.clock, threads=1)
        source, _, stream = TABLE.partition(".")
        spec = ObjectSpec(
            kind="maintain",
            source=source,
            stream=stream,
            subject=source,
            every="1d",
            start_at=at(0),
        )
        with writing(self.engine) as tx:
            objects.sync(tx, [spec], self.clock.now())

    def done_after(self, **passed: float) -> list[str]:
        """How all tasks so far have ended, once that much time has passed."""
        self.clock.advance(timedelta(**passed).total_seconds())
        assert self.worker.run_until_idle()
        with reading(self.engine) as conn:
            return list(conn.execute(select(tasks.c.state)).scalars())


@pytest.fixture
def kept(lake: TestLake, databases: Databases, home: Path) -> Iterator[Kept]:
    made = Kept(lake, databases, home)
    yield made
    made.boot.close()


def test_a_table_that_is_not_there_yet_needs_no_upkeep(kept: Kept) -> None:
    assert kept.done_after(days=1) == []


def test_a_table_is_kept_up_under_a_claim_and_then_left_alone(kept: Kept) -> None:
    kept.lake.put(1, [(at(1), "a", 1)])
    kept.lake.put(2, [(at(2), "a", 2)])
    assert kept.done_after(hours=30) == ["done"]
    assert len(list(kept.lake.table().scan().plan_files())) == 1
    # its own commit is no reason to come again
    assert kept.done_after(days=30) == ["done"]


def test_a_busy_table_is_kept_up_every_day_and_a_quiet_one_now_and_then(kept: Kept) -> None:
    kept.lake.put(1, [(at(1), "a", 1)])
    assert kept.done_after(hours=30) == ["done"]
    kept.lake.put(2, [(at(2), "a", 2)])
    assert kept.done_after(days=2) == ["done"]
    assert kept.done_after(days=6) == ["done"] * 2
    for n in range(3, 30):
        kept.lake.put(n, [(at(n % 20), "a", n)])
    assert kept.done_after(days=2) == ["done"] * 3
