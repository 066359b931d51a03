"""When the receivers listened, on both databases."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy.exc import SQLAlchemyError

from tallymark.receive.listening import Listening, Stretch, stretches
from tallymark.state.database import Databases, reading, writing
from tests.clock import FakeClock


def heard(databases: Databases, source: str = "site") -> list[Stretch]:
    with reading(databases.control) as conn:
        return stretches(conn, source)


def test_beats_that_follow_one_another_are_one_stretch(
    databases: Databases, clock: FakeClock
) -> None:
    listening, start = Listening(databases.control, clock, "boot"), clock.now()
    for _ in range(5):
        listening.beat(["site", "other"])
        clock.advance(5)
    assert heard(databases) == [(start, start + timedelta(seconds=20))]
    assert heard(databases) == heard(databases, "other")


def test_a_silence_begins_a_new_stretch(databases: Databases, clock: FakeClock) -> None:
    listening, start = Listening(databases.control, clock, "boot"), clock.now()
    for wait_s in (5, 10, 11, 5):
        listening.beat(["site"])
        clock.advance(wait_s)
    listening.beat(["site"])
    second = start + timedelta(seconds=26)
    assert heard(databases) == [
        (start, start + timedelta(seconds=15)),
        (second, second + timedelta(seconds=5)),
    ]


def test_a_source_that_was_left_out_was_not_listened_to(
    databases: Databases, clock: FakeClock
) -> None:
    listening = Listening(databases.control, clock, "boot")
    for sources in (["site", "other"], ["site"], ["site", "other"]):
        listening.beat(sources)
        clock.advance(5)
    assert len(heard(databases)) == 1
    assert len(heard(databases, "other")) == 2


def test_a_clock_that_is_set_is_not_a_stretch_of_listening(
    databases: Databases, clock: FakeClock
) -> None:
    listening, start = Listening(databases.control, clock, "boot"), clock.now()
    listening.beat(["site"])
    clock.advance(5)
    clock.step(86_400)
    listening.beat(["site"])
    assert heard(databases) == [(start, start), (clock.now(), clock.now())]
    clock.advance(5)
    listening.beat(["site"])
    clock.step(-3)
    clock.advance(1)
    listening.beat(["site"])
    assert len(heard(databases)) == 2
    clock.step(-3600)
    listening.beat(["site"])
    assert len(heard(databases)) == 3


def test_a_stopped_process_is_noticed_though_the_clock_was_set_back(
    databases: Databases, clock: FakeClock
) -> None:
    listening = Listening(databases.control, clock, "boot")
    listening.beat(["site"])
    clock.advance(3600)
    clock.step(-3595)
    listening.beat(["site"])
    assert len(heard(databases)) == 2


def test_receivers_that_take_turns_leave_no_gap(databases: Databases, clock: FakeClock) -> None:
    first = Listening(databases.control, clock, "first")
    second = Listening(databases.control, clock, "second")
    start = clock.now()
    for listening in (first, second, first, second, second):
        listening.beat(["site"])
        clock.advance(5)
    assert heard(databases) == [(start, start + timedelta(seconds=20))]


def test_a_beat_that_could_not_be_written_does_not_count(
    databases: Databases, clock: FakeClock
) -> None:
    listening, start = Listening(databases.control, clock, "boot"), clock.now()
    listening.beat(["site"])
    with writing(databases.control) as tx:
        tx.exec_driver_sql("ALTER TABLE listening RENAME TO away")
    for _ in range(3):
        clock.advance(5)
        with pytest.raises(SQLAlchemyError):
            listening.beat(["site"])
    with writing(databases.control) as tx:
        tx.exec_driver_sql("ALTER TABLE away RENAME TO listening")
    listening.beat(["site"])
    assert heard(databases) == [(start, start), (clock.now(), clock.now())]


def test_only_what_reaches_beyond_an_instant_is_asked_for(
    databases: Databases, clock: FakeClock
) -> None:
    listening = Listening(databases.control, clock, "boot")
    for _ in range(3):
        listening.beat(["site"])
        clock.advance(60)
    with reading(databases.control) as conn:
        assert len(stretches(conn, "site")) == 3
        assert len(stretches(conn, "site", clock.now() - timedelta(seconds=90))) == 1
