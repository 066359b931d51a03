"""A flush on both databases: every row once in the lake, wherever it is cut short."""

from __future__ import annotations

import threading
from collections import Counter
from typing import Any

import orjson
import pytest
from sqlalchemy import text

from tallymark.ledger import objects
from tallymark.ledger.boots import Boot
from tallymark.ledger.claim import Claims
from tallymark.receive import stamped
from tallymark.receive.inbox import waiting
from tallymark.state.database import reading, writing
from tests.contract.receive.way import Way

STEPS = ["flush.stamped", "flush.archived", "flush.committed", "flush.deleted"]
COMMIT_STEPS = ["commit.files_written", "commit.committed"]


class Killed(BaseException):
    """The process ends here."""


def killer(step: str, times: int = 1) -> Any:
    left = [times]

    def reached(name: str) -> None:
        if name == step:
            left[0] -= 1
            if left[0] == 0:
                raise Killed(name)

    return reached


def line(rid: str, at: float = 1772452800, **more: object) -> bytes:
    return orjson.dumps({"rid": rid, "time": at, "uri": f"/{rid}", "ip": "203.0.113.9"} | more)


def stamp(way: Way, batch_id: int, n: int) -> None:
    with reading(way.databases.inbox) as conn:
        last = stamped.last_of_batch(conn, "site", n_rows=n, n_bytes=10**9)
    if last is not None:
        with writing(way.databases.inbox) as tx:
            stamped.stamp(tx, "site", batch_id, last)


def ids(way: Way) -> list[str]:
    return sorted(row["id"] for row in way.rows())


def test_pushed_lines_are_in_the_lake_and_no_longer_in_the_inbox(way: Way) -> None:
    way.push(line("a"), line("b"))
    way.clock.advance(60)
    way.flush()
    assert ids(way) == ["a", "b"]
    assert way.table("inbox") == []
    (batch,) = way.table("batches")
    (call,) = way.table("calls")
    assert (batch.rows, batch.first_page, batch.end_page) == (2, 0, 1)
    assert (batch.start_at, batch.end_at) == (None, None)
    assert {row["_batch"] for row in way.rows()} == {batch.id}
    assert {row["_page"] for row in way.rows()} == {call.id}
    assert [task.state for task in way.table("tasks")] == ["done"]


def test_the_archive_holds_what_was_sent_byte_for_byte(way: Way) -> None:
    odd = b'{"rid": "\xff\xfe'
    way.push(line("a"), odd, headers={"content-type": "application/x-ndjson"})
    way.clock.advance(60)
    way.flush()
    (call,) = way.table("calls")
    page = way.archive.get(call.archive_key)
    first, second = (orjson.loads(part) for part in page.body.splitlines())
    assert page.url == f"inbox:site/{way.table('batches')[0].id}"
    assert first["body"].encode() == line("a")
    assert first["headers"] == {"content-type": "application/x-ndjson"}
    assert second["body_base64"]


def test_lines_that_cannot_be_read_are_quarantined_once(way: Way) -> None:
    long = b"x" * 70_000
    late = line("late", at=1772452800 + 3 * 86_400)
    for _ in range(3):
        way.push(line("a"), long, b"torn {", late, line("old", at=10))
    way.clock.advance(60)
    way.flush()
    assert ids(way) == ["a"]
    reasons = sorted(row.reason for row in way.table("quarantine"))
    assert len(reasons) == 4
    assert {row.batch_id for row in way.table("quarantine")} == {way.table("batches")[0].id}
    assert max(len(row.text) for row in way.table("quarantine")) == 4096


def test_a_batch_without_a_readable_line_is_settled_as_well(way: Way) -> None:
    way.push(b"torn {")
    way.clock.advance(60)
    way.flush()
    assert way.rows() == []
    assert way.table("inbox") == []
    assert len(way.table("quarantine")) == 1
    assert [batch.rows for batch in way.table("batches")] == [0]


def test_lines_without_an_id_are_each_a_row(way: Way) -> None:
    same = b'1.2.3.4 - - [02/Mar/2026:12:00:00 +0000] "GET / HTTP/1.1" 200 1'
    way.push(same, same, same)
    way.clock.advance(60)
    way.flush()
    assert len(set(ids(way))) == 3


@pytest.mark.parametrize("step", STEPS + COMMIT_STEPS)
def test_a_flush_that_was_killed_is_finished_by_the_next_one(way: Way, step: str) -> None:
    way.push(line("a"), line("b"), b"torn {")
    way.clock.advance(60)
    with pytest.raises(Killed):
        way.flush(killer(step))
    way.push(line("b"), line("c"))
    way.clock.advance(60)
    way.flush()
    assert ids(way) == ["a", "b", "c"]
    assert way.table("inbox") == []
    assert len(way.table("quarantine")) == 1
    assert {task.state for task in way.table("tasks")} == {"done"}


@pytest.mark.parametrize("step", STEPS + COMMIT_STEPS)
def test_a_flush_that_is_killed_again_and_again_gets_there(way: Way, step: str) -> None:
    way.push(line("a"), line("b"))
    way.clock.advance(60)
    for _ in range(3):
        try:
            way.flush(killer(step))
        except Killed:
            way.push(line("a"), line("c"))
            way.clock.advance(60)
    way.clock.advance(60)
    way.flush()
    assert ids(way) == ["a", "b", "c"]
    assert way.table("inbox") == []


def test_a_kept_page_is_not_archived_again(way: Way) -> None:
    way.push(line("a"))
    way.clock.advance(60)
    for step in ("flush.archived", "commit.files_written"):
        with pytest.raises(Killed):
            way.flush(killer(step))
    way.flush()
    assert len(way.archive.find("archive/")) == 1
    assert len(way.table("calls")) == 1


def test_a_stale_owner_commits_nothing_and_loses_nothing(way: Way) -> None:
    way.push(line("a"), line("b"))
    way.clock.advance(60)
    (flush,) = _objects(way)
    stale = Boot(way.databases.control, way.home, way.clock)
    task = Claims(way.databases.control, stale, way.clock, 3.0).start(flush, None, None)
    assert task is not None
    goes_on = threading.Event()
    stopped = threading.Event()
    ended: list[str] = []

    def reached(step: str) -> None:
        if step == "flush.archived":
            stopped.set()
            goes_on.wait(30)

    def run() -> None:
        try:
            way.handler(reached).run(task)
        except Exception as error:  # noqa: BLE001
            ended.append(type(error).__name__)

    thread = threading.Thread(target=run)
    thread.start()
    assert stopped.wait(30)
    stale.close()
    way.flush()
    way.push(line("c"))
    goes_on.set()
    thread.join()
    way.clock.advance(60)
    way.flush()
    assert ended == ["ClaimLost"]
    assert ids(way) == ["a", "b", "c"]
    assert way.table("inbox") == []


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_an_insert_that_is_held_open_is_not_lost(way: Way) -> None:
    """Its id is lower than those that a flush takes meanwhile. SQLite has only one writer."""
    held = text(
        "INSERT INTO inbox (source, received_at, dedupe_id, headers, body)"
        " VALUES ('site', :at, 'held', '{}', :body)"
    )
    at = int(way.clock.now().timestamp() * 1_000_000)
    with way.databases.inbox.connect() as first:
        with first.begin():
            first.execute(held, {"at": at, "body": line("held")})
            way.push(line("a"), line("b"))
            way.clock.advance(60)
            way.flush()
            assert ids(way) == ["a", "b"]
    way.clock.advance(60)
    way.flush()
    assert ids(way) == ["a", "b", "held"]
    assert way.table("inbox") == []


def test_two_stamps_at_once_share_no_row(way: Way) -> None:
    way.push(*(line(f"{n}") for n in range(200)))
    start = threading.Barrier(4)

    def take(batch_id: int) -> None:
        start.wait()
        stamp(way, batch_id, 50 * batch_id)

    threads = [threading.Thread(target=take, args=(n,)) for n in range(1, 5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = Counter(row.stamp for row in way.table("inbox"))
    assert sum(found.values()) == 200
    assert None not in found


def test_a_batch_ends_at_a_number_of_rows_and_of_bytes(way: Way) -> None:
    way.push(*(line(f"{n}") for n in range(25)))
    way.clock.advance(60)
    way.flush(batch_rows=10)
    assert [batch.rows for batch in way.table("batches")] == [10, 10, 5]
    way.push(*(line(f"big-{n}", pad="x" * 10_000) for n in range(5)))
    way.clock.advance(60)
    way.flush(batch_bytes=15_000)
    assert [batch.rows for batch in way.table("batches")[3:]] == [2, 2, 1]


def test_one_row_larger_than_a_batch_goes_alone(way: Way) -> None:
    way.push(line("big", pad="x" * 10_000), line("small"))
    way.clock.advance(60)
    way.flush(batch_bytes=100)
    assert ids(way) == ["big", "small"]


def test_a_flush_is_due_after_its_time_or_by_number_or_when_one_was_cut_short(way: Way) -> None:
    (flush,) = _objects(way)
    handler = way.handler(flush_s=60, batch_rows=3)

    def due() -> int:
        return len(handler.due(flush, way.clock.now()).spans)

    assert due() == 0
    way.push(line("a"))
    assert due() == 0
    assert handler.due(flush, way.clock.now()).check_at > way.clock.now()
    way.push(line("b"), line("c"))
    assert due() == 1
    handler = way.handler(flush_s=60)
    assert due() == 0
    way.clock.advance(60)
    assert due() == 1
    way.clock.advance(-61)
    assert due() == 1, "the clock was set back: the row seems to come from the future"
    way.clock.advance(2)
    assert due() == 0
    stamp(way, 99, 1)
    assert due() == 1


def test_other_sources_rows_are_left_alone(way: Way) -> None:
    way.push(line("a"))
    records = list(way.connector.records(line("b"), {}))
    way.inbox.accept("other", way.clock.now(), {}, records)
    way.clock.advance(60)
    way.flush()
    with reading(way.databases.inbox) as conn:
        assert (waiting(conn, "site"), waiting(conn, "other")) == (0, 1)


def _objects(way: Way) -> list[objects.Object]:
    with reading(way.databases.control) as conn:
        return objects.load(conn)
