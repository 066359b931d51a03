"""A store that fails: what lies there is right or not there, and what is said is true."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tallymark.errors import CommitConflict, RetryableError
from tallymark.files import cloud
from tests.contract.files.faulty import Fault
from tests.contract.files.local import Write, ours
from tests.contract.files.place import Place, placed

LARGE_BYTES = 10 << 20
AFTER_IT_ARRIVED = ("lose", "hang", "late")
BEFORE_IT_ARRIVED = ("refuse", "halve")


@pytest.fixture(autouse=True)
def _soon_large(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cloud, "SMALL_BYTES", 1 << 20)
    monkeypatch.setattr(cloud, "UPLOAD_BYTES", 5 << 20)


@pytest.fixture(params=["s3", "azure"])
def place(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    hangs = "hang" in request.node.callspec.params.values()
    with placed(request.param, request, monkeypatch, wait_s=1 if hangs else 60) as found:
        yield found


def test_one_failure_is_nobodys_concern(place: Place, local: Write) -> None:
    seen = None
    for n, do in enumerate(("lose", "late", *BEFORE_IT_ARRIVED)):
        place.proxy.begin(Fault(do, "PUT", times=1))
        seen = place.through.publish("a/x", local(f"try{n}"), seen, ours)
        assert place.proxy.struck == 1
        assert place.past.stat("a/x") == seen
        assert place.past.get("a/x") == local(f"try{n}").read_bytes()


@pytest.mark.parametrize("do", [*AFTER_IT_ARRIVED, "deny"])
def test_a_put_that_arrived_though_nobody_said_so_is_a_success(
    place: Place, local: Write, do: str
) -> None:
    place.proxy.begin(Fault(do, "PUT"))
    done = place.through.publish("a/x", local("ours"), None, ours)
    assert place.proxy.struck > 0
    assert place.past.stat("a/x") == done
    assert place.past.get("a/x") == local("ours").read_bytes()


@pytest.mark.parametrize("do", BEFORE_IT_ARRIVED)
def test_a_put_that_did_not_arrive_leaves_what_was_there(
    place: Place, local: Write, do: str
) -> None:
    place.past.put("a/x", b"before")
    place.proxy.begin(Fault(do, "PUT"))
    with pytest.raises(RetryableError) as told:
        place.through.publish("a/x", local("ours"), place.past.stat("a/x"), ours)
    assert not isinstance(told.value, CommitConflict)
    with pytest.raises(RetryableError):
        place.through.publish("a/new", local("ours"), None, ours)
    assert place.past.get("a/x") == b"before"
    assert list(place.past.list("")) == ["a/x"]


def test_somebody_elses_put_is_not_taken_for_ours_when_an_answer_is_lost(
    place: Place, local: Write
) -> None:
    place.past.put("a/x", local("theirs").read_bytes())
    place.proxy.begin(Fault("lose", "PUT"))
    with pytest.raises(RetryableError):
        place.through.publish("a/x", local("ours"), None, ours)
    assert place.past.get("a/x") == local("theirs").read_bytes()


def test_what_nobody_can_look_at_is_tried_again_and_found(place: Place, local: Write) -> None:
    place.proxy.begin(Fault("late"))
    with pytest.raises(RetryableError):
        place.through.publish("a/x", local("ours"), None, ours)
    place.proxy.begin(None)
    assert place.past.get("a/x") == local("ours").read_bytes()
    there = place.through.stat("a/x")
    assert place.through.publish("a/x", local("late"), there, ours) == place.past.stat("a/x")


@pytest.mark.parametrize("do", ["lose", "late", *BEFORE_IT_ARRIVED])
def test_a_part_of_an_upload_that_fails_once_is_sent_again(
    place: Place, local: Write, do: str
) -> None:
    place.proxy.begin(Fault(do, place.part, after=1, times=1))
    done = place.through.publish("a/x", local("ours", LARGE_BYTES), None, ours)
    assert place.proxy.struck == 1
    assert place.past.stat("a/x") == done
    assert b"".join(place.past.chunks("a/x")) == local("ours", LARGE_BYTES).read_bytes()


@pytest.mark.parametrize("do", BEFORE_IT_ARRIVED)
def test_an_upload_that_is_not_ended_is_nowhere(place: Place, local: Write, do: str) -> None:
    place.past.put("a/x", b"before")
    for fault in (Fault(do, place.part, after=1), Fault(do, place.end, after=1)):
        # of S3 the first POST begins the upload
        after = fault.after if place.s3_data or fault.holds == place.part else 0
        place.proxy.begin(Fault(do, fault.holds, after))
        with pytest.raises(RetryableError):
            place.through.publish("a/x", local("ours", LARGE_BYTES), place.past.stat("a/x"), ours)
        assert place.proxy.struck > 0
        assert place.past.get("a/x") == b"before"
        if place.s3_data:
            left = [path.name for path in place.s3_data.rglob("*") if path.is_file()]
            assert left == ["x"]


@pytest.mark.parametrize("do", AFTER_IT_ARRIVED)
def test_an_upload_that_was_ended_though_nobody_said_so_is_a_success(
    place: Place, local: Write, do: str
) -> None:
    place.proxy.begin(Fault(do, place.end, after=1 if place.s3_data else 0))
    done = place.through.publish("a/x", local("ours", LARGE_BYTES), None, ours)
    assert place.proxy.struck > 0
    assert place.past.stat("a/x") == done
    assert b"".join(place.past.chunks("a/x")) == local("ours", LARGE_BYTES).read_bytes()


@pytest.mark.parametrize("do", ["cut", "refuse", "lose"])
def test_an_answer_that_is_cut_is_never_a_short_file(place: Place, local: Write, do: str) -> None:
    place.past.publish("a/x", local("ours", LARGE_BYTES), None, ours)
    place.proxy.begin(Fault(do, "GET", times=1))
    assert b"".join(place.through.chunks("a/x")) == local("ours", LARGE_BYTES).read_bytes()
    place.proxy.begin(Fault(do, "GET"))
    for read in (lambda: list(place.through.chunks("a/x")), lambda: [place.through.get("a/x")]):
        with pytest.raises(RetryableError):
            read()
    with pytest.raises(RetryableError):
        place.through.copy_if_absent("a/x", "b/x", ours)
    assert list(place.past.list("")) == ["a/x"]


def test_a_file_that_is_replaced_while_it_is_read_is_read_again(place: Place, local: Write) -> None:
    place.past.publish("a/x", local("one", LARGE_BYTES), None, ours)
    pieces = place.through.chunks("a/x")
    next(pieces)
    place.past.publish("a/x", local("two", LARGE_BYTES), place.past.stat("a/x"), ours)
    with pytest.raises(RetryableError, match="replaced while"):
        list(pieces)
