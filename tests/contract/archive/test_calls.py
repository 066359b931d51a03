"""The record of requests, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from tallymark.archive import calls
from tallymark.errors import ClaimLost
from tallymark.ledger import objects
from tallymark.ledger.boots import Boot
from tallymark.ledger.claim import Claims
from tallymark.ledger.objects import ObjectSpec
from tallymark.ledger.task import Task
from tallymark.model import Page
from tallymark.state.database import Databases, reading, writing
from tallymark.state.schema import calls as call_rows
from tests.clock import FakeClock

START = datetime(2026, 3, 1, tzinfo=UTC)
URL = "https://api.example.com/records"


@dataclass
class Work:
    """A task in work, and another node that can take it over."""

    engine: Engine
    task: Task
    boot: Boot
    other: Claims

    def record(self, task: Task | None = None, **page: object) -> int:
        found = answered(**page)
        with writing(self.engine) as tx:
            return calls.record(tx, task or self.task, found, f"archive/{found.n}")

    def kept(self, *bounds: int) -> list[int]:
        with reading(self.engine) as conn:
            return [call.n for call in calls.kept(conn, self.task.id, *bounds)]

    def last(self, url: str = URL) -> tuple[str, str] | None:
        with reading(self.engine) as conn:
            return calls.last_for(conn, self.task.object.id, url)


def answered(**changes: object) -> Page:
    values: dict[str, object] = {"url": URL, "status": 200, "body": b"12345", "received_at": START}
    return Page(**(values | changes))  # type: ignore[arg-type]


@pytest.fixture
def work(databases: Databases, home: Path, clock: FakeClock) -> Iterator[Work]:
    engine = databases.control
    spec = ObjectSpec(
        kind="collect", source="s", stream="t", subject="a", every="1d", start_at=START
    )
    with writing(engine) as tx:
        objects.sync(tx, [spec], clock.now())
        (found,) = objects.load(tx)
    boots = [Boot(engine, home, clock) for _ in range(2)]
    one, other = (Claims(engine, boot, clock, 15) for boot in boots)
    task = one.start(found, START, clock.now())
    assert task is not None
    yield Work(engine, task, boots[0], other)
    for boot in boots:
        boot.let_go()


def test_a_call_says_what_it_was(work: Work) -> None:
    headers = {"etag": '"e"', "x-ratelimit-remaining": "4999"}
    call_id = work.record(headers=headers, cursor="2", n=0)
    work.record(headers={"x-ratelimit-remaining": "many"}, n=1, status=304, repeats="archive/0")
    with reading(work.engine) as conn:
        first, second = conn.execute(select(call_rows).order_by(call_rows.c.n)).all()
    assert (first.id, first.task_id, first.claim_no) == (call_id, work.task.id, 1)
    assert (first.url, first.status, first.bytes, first.quota_left) == (URL, 200, 5, 4999)
    assert (first.cursor, first.etag, first.received_at) == ("2", '"e"', START)
    assert (second.status, second.bytes, second.quota_left) == (304, 0, None)


def test_a_page_of_a_lost_claim_does_not_count(work: Work) -> None:
    work.record(n=0)
    work.boot.close()
    taken = work.other.take_over()
    assert taken is not None
    with pytest.raises(ClaimLost):
        work.record(n=1)
    with pytest.raises(ClaimLost), writing(work.engine) as tx:
        calls.supersede(tx, work.task)
    assert work.kept() == [0]
    work.record(taken, n=1)
    assert work.kept() == [0, 1]


def test_superseded_pages_stay_on_record_and_are_not_used(work: Work) -> None:
    for n in range(3):
        work.record(n=n, headers={"etag": f'"{n}"'})
    with writing(work.engine) as tx:
        calls.supersede(tx, work.task)
        assert calls.next_n(tx, work.task.id) == 3
    assert work.kept() == []
    assert work.last() is None
    work.record(n=3)
    work.record(n=4)
    assert work.kept() == [3, 4]
    with reading(work.engine) as conn:
        assert len(conn.execute(select(call_rows)).all()) == 5


def test_kept_pages_come_in_order_and_by_range(work: Work) -> None:
    for n in (2, 0, 3, 1):
        work.record(n=n)
    assert work.kept() == [0, 1, 2, 3]
    assert work.kept(1) == [1, 2, 3]
    assert work.kept(1, 3) == [1, 2]
    with reading(work.engine) as conn:
        assert calls.next_n(conn, work.task.id) == 4
        assert calls.next_n(conn, work.task.id + 1) == 0


def test_the_last_answer_of_an_address_names_the_body_behind_it(work: Work) -> None:
    assert work.last() is None
    work.record(n=0, headers={"etag": '"a"'})
    assert work.last() == ('"a"', "archive/0")
    work.record(n=1, status=304, headers={"etag": '"a"'}, repeats="archive/0")
    assert work.last() == ('"a"', "archive/0"), "a 304 leads to the page with the body"
    work.record(n=2, headers={"etag": '"b"'})
    assert work.last() == ('"b"', "archive/2")
    work.record(n=3)
    assert work.last() is None, "an answer without an ETag cannot be asked for conditionally"
    assert work.last("https://elsewhere.example") is None
