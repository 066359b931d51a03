"""The inbox on both databases: durable before it answers, each id once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, select

from tallymark.errors import RetryableError
from tallymark.model import Received
from tallymark.receive.group import ID_CHARS, Accepted
from tallymark.receive.inbox import Inbox, first_waiting_at, waiting
from tallymark.state import schema
from tallymark.state.database import Databases, reading, writing
from tests.clock import FakeClock


@pytest.fixture
def inbox(databases: Databases, clock: FakeClock) -> Iterator[Inbox]:
    opened = Inbox(databases.inbox, clock, forget_every_s=0)
    yield opened
    opened.close()


def lines(*ids: str | None) -> list[Received]:
    return [Received(f"line {name}".encode(), name) for name in ids]


def rows(databases: Databases, source: str = "site") -> list[Any]:
    query = select(schema.inbox).where(schema.inbox.c.source == source).order_by(schema.inbox.c.id)
    with reading(databases.inbox) as conn:
        return list(conn.execute(query))


def test_a_record_is_there_when_it_is_acknowledged(
    inbox: Inbox, databases: Databases, clock: FakeClock
) -> None:
    accepted = inbox.accept("site", clock.now(), {"content-type": "text/plain"}, lines("a"))
    (row,) = rows(databases)
    assert accepted == Accepted(new=1, repeated=0)
    assert (row.received_at, row.dedupe_id, row.headers, row.body, row.stamp) == (
        clock.now(),
        "a",
        {"content-type": "text/plain"},
        b"line a",
        None,
    )


def test_an_id_is_taken_once_in_one_request_in_the_next_and_in_each_source(
    inbox: Inbox, databases: Databases, clock: FakeClock
) -> None:
    assert inbox.accept("site", clock.now(), {}, lines("a", "b", "a")) == Accepted(2, 1)
    assert inbox.accept("site", clock.now(), {}, lines("b", "c")) == Accepted(1, 1)
    assert inbox.accept("other", clock.now(), {}, lines("a")) == Accepted(1, 0)
    assert [row.dedupe_id for row in rows(databases)] == ["a", "b", "c"]


def test_records_without_an_id_are_kept_each_time(
    inbox: Inbox, databases: Databases, clock: FakeClock
) -> None:
    for _ in range(2):
        assert inbox.accept("site", clock.now(), {}, lines(None, None)) == Accepted(2, 0)
    assert len(rows(databases)) == 4


@pytest.mark.parametrize("odd", ["x" * (ID_CHARS + 1), "nul\0", "sur\udce4", "line\nbreak"])
def test_an_odd_id_tells_a_repeat_as_well(inbox: Inbox, clock: FakeClock, odd: str) -> None:
    body = [Received(b"line", odd)]
    assert inbox.accept("site", clock.now(), {}, body) == Accepted(1, 0)
    assert inbox.accept("site", clock.now(), {}, body) == Accepted(0, 1)


def test_bytes_come_back_as_they_were_sent(
    inbox: Inbox, databases: Databases, clock: FakeClock
) -> None:
    everything = bytes(range(256))
    inbox.accept("site", clock.now(), {"x": "\x00ÿ'\""}, [Received(everything, None)])
    (row,) = rows(databases)
    assert row.body == everything
    assert row.headers == {"x": "\x00ÿ'\""}


def test_the_same_request_a_hundred_times_in_parallel_is_taken_once(
    inbox: Inbox, databases: Databases, clock: FakeClock
) -> None:
    def send(_: int) -> Accepted:
        return inbox.accept("site", clock.now(), {}, lines("a", "b"))

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(send, range(100)))
    clock.advance(4 * 86_400)
    answers.append(send(0))
    assert sum(answer.new for answer in answers) == 2
    assert sum(answer.repeated for answer in answers) == 200
    assert len(rows(databases)) == 2


def test_two_receivers_take_an_id_once_between_them(databases: Databases, clock: FakeClock) -> None:
    both = [Inbox(databases.inbox, clock, linger_s=0) for _ in range(2)]
    ids = [f"id-{n}" for n in range(200)]

    def send(n: int) -> int:
        shuffled = ids[n * 7 :] + ids[: n * 7]
        return both[n % 2].accept("site", clock.now(), {}, lines(*shuffled)).new

    with ThreadPoolExecutor(8) as pool:
        new = sum(pool.map(send, range(24)))
    for inbox in both:
        inbox.close()
    assert new == 200
    assert len(rows(databases)) == 200


def test_requests_that_wait_together_share_a_transaction(
    databases: Databases, clock: FakeClock
) -> None:
    commits: list[object] = []
    event.listen(databases.inbox, "commit", commits.append)
    inbox = Inbox(databases.inbox, clock, linger_s=0.2)
    futures = [inbox.submit("site", clock.now(), {}, lines(f"{n}")) for n in range(50)]
    assert [future.result().new for future in futures] == [1] * 50
    inbox.close()
    assert len(commits) <= 2


def test_ids_are_remembered_a_week_back_from_the_last_request_before(
    inbox: Inbox, clock: FakeClock
) -> None:
    inbox.accept("site", clock.now(), {}, lines("last batch"))
    clock.advance(9 * 86_400)
    # an outage of nine days: the shipper repeats what it had no answer for
    assert inbox.accept("site", clock.now(), {}, lines("last batch")).repeated == 1
    clock.advance(60)
    inbox.accept("site", clock.now(), {}, lines("next"))
    # the writer forgets after it has answered
    inbox.accept("site", clock.now(), {}, [])
    inbox.accept("site", clock.now(), {}, [])
    assert inbox.accept("site", clock.now(), {}, lines("last batch")).new == 1


def test_what_is_too_old_goes_in_small_bites(databases: Databases, clock: FakeClock) -> None:
    inbox = Inbox(databases.inbox, clock, forget_every_s=0)
    old = clock.now()
    with writing(databases.inbox) as tx:
        tx.execute(
            schema.seen.insert(),
            [{"source": "site", "dedupe_id": f"{n}", "accepted_at": old} for n in range(2_500)],
        )
    clock.advance(30 * 86_400)
    left = []
    for _ in range(5):
        inbox.accept("site", clock.now(), {}, [])
        with reading(databases.inbox) as conn:
            left.append(len(conn.execute(select(schema.seen.c.dedupe_id)).all()))
    inbox.close()
    assert left[-1] <= 500 + 1_000
    # one bite a request, at the latest during the next one
    assert all(2_500 - there <= 1_000 * n for n, there in enumerate(left, 1))


def test_a_request_that_cannot_be_written_is_refused_and_the_next_one_is_taken(
    databases: Databases, clock: FakeClock
) -> None:
    inbox = Inbox(databases.inbox, clock)
    with writing(databases.inbox) as tx:
        tx.exec_driver_sql("ALTER TABLE inbox RENAME TO away")
    with pytest.raises(RetryableError):
        inbox.accept("site", clock.now(), {}, lines("a"))
    with writing(databases.inbox) as tx:
        tx.exec_driver_sql("ALTER TABLE away RENAME TO inbox")
    assert inbox.writable()
    assert inbox.accept("site", clock.now(), {}, lines("a")) == Accepted(1, 0)
    inbox.close()


def test_one_request_at_fault_does_not_take_the_others_with_it(
    databases: Databases, clock: FakeClock
) -> None:
    inbox = Inbox(databases.inbox, clock, linger_s=0.2)
    good = inbox.submit("site", clock.now(), {}, lines("a"))
    bad = inbox.submit("site", clock.now(), {}, [Received({"no": "bytes"}, "b")])  # type: ignore[arg-type]
    other = inbox.submit("site", clock.now(), {}, lines("c"))
    assert (good.result().new, other.result().new) == (1, 1)
    with pytest.raises(RetryableError):
        bad.result()
    inbox.close()
    assert [row.dedupe_id for row in rows(databases)] == ["a", "c"]


def test_too_much_that_waits_is_refused_with_a_time_to_wait(
    databases: Databases, clock: FakeClock
) -> None:
    inbox = Inbox(databases.inbox, clock, linger_s=0.3, waiting_bytes=10_000)
    first = inbox.submit("site", clock.now(), {}, [Received(b"x" * 9_000, "a")])
    with pytest.raises(RetryableError) as refused:
        inbox.submit("site", clock.now(), {}, [Received(b"x" * 9_000, "b")])
    assert refused.value.retry_after_s is not None
    assert first.result().new == 1
    assert inbox.accept("site", clock.now(), {}, [Received(b"x" * 90_000, "b")]).new == 1
    inbox.close()


def test_closing_writes_what_was_taken_and_refuses_the_rest(
    databases: Databases, clock: FakeClock
) -> None:
    inbox = Inbox(databases.inbox, clock, linger_s=0.1)
    futures = [inbox.submit("site", clock.now(), {}, lines(f"{n}")) for n in range(20)]
    inbox.close()
    inbox.close()
    assert all(future.done() for future in futures)
    assert len(rows(databases)) == 20
    with pytest.raises(RetryableError):
        inbox.accept("site", clock.now(), {}, lines("late"))


def test_a_caller_who_goes_away_cancels_nothing(databases: Databases, clock: FakeClock) -> None:
    inbox = Inbox(databases.inbox, clock, linger_s=0.1)
    future = inbox.submit("site", clock.now(), {}, lines("a"))
    assert not future.cancel()
    inbox.close()
    assert len(rows(databases)) == 1


def test_a_naive_instant_is_refused(inbox: Inbox) -> None:
    with pytest.raises(ValueError, match="no time zone"):
        inbox.accept("site", datetime(2026, 1, 1), {}, lines("a"))  # noqa: DTZ001


def test_what_waits_and_since_when(inbox: Inbox, databases: Databases, clock: FakeClock) -> None:
    with reading(databases.inbox) as conn:
        assert waiting(conn, "site") == 0
        assert first_waiting_at(conn, "site") is None
    first = clock.now()
    for _ in range(3):
        inbox.accept("site", clock.now(), {}, lines(None))
        clock.advance(60)
    inbox.accept("other", first - timedelta(hours=1), {}, lines(None))
    with reading(databases.inbox) as conn:
        assert waiting(conn, "site") == 3
        assert waiting(conn, "site", limit=2) == 2
        assert first_waiting_at(conn, "site") == first


def test_writes_from_many_threads_are_each_there(
    inbox: Inbox, databases: Databases, clock: FakeClock
) -> None:
    def send(name: str) -> None:
        for n in range(20):
            assert inbox.accept("site", clock.now(), {}, lines(f"{name}-{n}")).new == 1

    threads = [threading.Thread(target=send, args=(f"{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {row.dedupe_id for row in rows(databases)} == {
        f"{name}-{n}" for name in range(8) for n in range(20)
    }
