"""What was under way when the process died, or when the vendor forgot where we were."""

from __future__ import annotations

import os
import signal
from datetime import UTC, datetime

import pytest

from tallymark_paged.vendor import Records
from tests.crash.conftest import MakeAt, MakeScene, Undisturbed
from tests.postgres import until
from tests.tools.procs import state

# after so many answered questions the next one is slow
IN_FLIGHT = {"gauge": 2, "series": 0, "paged": 4}


@pytest.mark.parametrize("kind", IN_FLIGHT)
def test_a_kill_repeats_at_most_the_request_in_flight(
    kind: str, make_scene: MakeScene, undisturbed: Undisturbed
) -> None:
    expected, answered = undisturbed(kind)
    scene = make_scene(kind)
    vendor, before = scene.vendor, IN_FLIGHT[kind]
    assert vendor is not None
    vendor.control(fault={"kind": "slow", "after": before, "times": 1, "seconds": 0.5})
    pid = scene.start()
    until(lambda: vendor.asked() == before + 1, 60)
    scene.zygote.kill(pid)
    scene.forget()
    assert scene.run() == 0, scene.logs()
    assert scene.outcome() == expected
    until(lambda: vendor.ended() == vendor.asked(), 10)
    assert vendor.answered() == answered + 1


def test_a_cursor_that_dies_while_the_process_is_down_starts_the_span_again(
    make_scene: MakeScene, undisturbed: Undisturbed
) -> None:
    expected, answered = undisturbed("paged")
    scene = make_scene("paged")
    assert scene.vendor is not None
    assert scene.run(step="poll.recorded", nth=5) == -9, scene.logs()
    scene.vendor.control(set={"cursors_die": True})
    assert scene.run() == 0, scene.logs()
    assert scene.outcome() == expected
    # the pages of the attempt whose cursor died stay on record, and are not used
    assert scene.vendor.answered() == answered + 5
    superseded = scene.select("SELECT count(*) FROM calls WHERE superseded > 0")
    assert superseded == [(5,)]


def test_a_cursor_that_dies_under_way_starts_the_span_again(
    make_scene: MakeScene, undisturbed: Undisturbed
) -> None:
    expected, answered = undisturbed("paged")
    scene = make_scene("paged")
    assert scene.vendor is not None
    scene.vendor.control(set={"dies_at": 7})
    assert scene.run() == 0, scene.logs()
    assert scene.outcome() == expected
    assert scene.vendor.answered() == answered + 7


def test_a_page_of_an_attempt_that_was_set_aside_is_not_taken_for_one_of_the_next(
    make_at: MakeAt, undisturbed: Undisturbed
) -> None:
    """The last page of the first attempt comes late, from a process that was stopped."""
    expected, _ = undisturbed("paged")
    scene = make_at("paged", None)
    vendor = scene.vendor
    assert vendor is not None
    slow = {"kind": "slow", "times": 1, "seconds": 0.7}
    vendor.control(fault=slow | {"after": 11})
    # it does not beat while it is stopped, whatever the moment
    stale = scene.start(
        env=scene.env | {"TALLYMARK_BEAT_S": "30", "TALLYMARK_CLAIM_TIMEOUT_S": "90"}
    )
    until(lambda: vendor.asked() == 12, 60)
    os.kill(stale, signal.SIGSTOP)
    until(lambda: state(stale) == "T" and vendor.ended() == 12, 10)
    vendor.control(clear=True, set={"cursors_die": True}, fault=slow | {"after": 1})
    heir = scene.start()
    until(lambda: vendor.asked() == 14, 60)
    scene.zygote.kill(heir)
    os.kill(stale, signal.SIGCONT)
    assert scene.zygote.ended(stale) == 0, scene.logs()
    assert scene.outcome() == expected


def test_every_record_of_overlapping_pages_has_its_last_version_once(
    make_scene: MakeScene,
) -> None:
    """Pages overlap, records at their edges share an instant, one changes while they are read."""
    scene = make_scene("paged")
    assert scene.vendor is not None
    assert scene.run() == 0, scene.logs()
    truth = Records(per_day=900, pages=12)
    expected = truth.expected("acme", day(17), day(20))
    assert len(expected) == 2700
    found = {row["id"]: row["value"] for row in scene.table()}
    assert found == expected
    assert len(scene.table()) == len(expected)
    assert scene.vendor.answered() == 12


def day(number: int) -> datetime:
    return datetime(2026, 11, number, tzinfo=UTC)
