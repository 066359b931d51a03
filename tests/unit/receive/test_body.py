"""Inflating within a size, and reading within a time."""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import Sequence

import pytest

from tallymark.errors import BadRequest
from tallymark.receive.body import (
    Gone,
    Limits,
    Message,
    Room,
    TooBusy,
    TooLong,
    TooSlow,
    inflate,
    read,
)


def test_gzip_is_inflated() -> None:
    assert (
        inflate(gzip.compress(b"one") + gzip.compress(b"") + gzip.compress(b"two"), 6) == b"onetwo"
    )


def test_a_body_is_inflated_up_to_its_limit_and_no_further() -> None:
    assert len(inflate(gzip.compress(b"x" * 100), 100)) == 100
    with pytest.raises(TooLong):
        inflate(gzip.compress(b"x" * 101), 100)
    with pytest.raises(TooLong):
        inflate(gzip.compress(b"x" * 60) * 2, 100)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"plain",
        zlib.compress(b"zlib, not gzip"),
        gzip.compress(b"x" * 1000, mtime=0)[:20],
        gzip.compress(b"x", mtime=0) + b"\0",
    ],
)
def test_damaged_gzip_is_refused(body: bytes) -> None:
    with pytest.raises(BadRequest) as refused:
        inflate(body, 10_000)
    assert not isinstance(refused.value, TooLong)


class Sender:
    """Hands out pieces; after them nothing comes, or the connection is closed."""

    def __init__(self, pieces: Sequence[bytes], *, ends: bool = True, closes: bool = False) -> None:
        self._pieces = list(pieces)
        self._ends = ends
        self._closes = closes

    async def __call__(self) -> Message:
        if self._pieces:
            body = self._pieces.pop(0)
            more = bool(self._pieces) or not self._ends
            return {"type": "http.request", "body": body, "more_body": more}
        if self._closes:
            return {"type": "http.disconnect"}
        await asyncio.sleep(60)
        raise AssertionError("nobody waits that long")


def test_a_body_is_put_together_and_its_bytes_are_held() -> None:
    room = Room(5)
    assert asyncio.run(read(Sender([b"on", b"", b"e"]), Limits(), room)) == b"one"
    with pytest.raises(TooBusy):
        room.take(3)
    room.give_back(3)
    room.take(5)


@pytest.mark.parametrize(
    ("sender", "error"),
    [
        (Sender([b"x" * 60, b"x" * 60]), TooLong),
        (Sender([b"x"], ends=False), TooSlow),
        (Sender([b"x"], ends=False, closes=True), Gone),
    ],
)
def test_nothing_is_held_after_a_body_that_fails(sender: Sender, error: type[Exception]) -> None:
    room = Room(130)
    with pytest.raises(error):
        asyncio.run(read(sender, Limits(body_bytes=100, body_s=0.05), room))
    room.take(130)


def test_a_body_for_which_there_is_no_room_is_refused() -> None:
    room = Room(130)
    room.take(100)
    with pytest.raises(TooBusy):
        asyncio.run(read(Sender([b"x" * 20, b"x" * 20]), Limits(), room))
    room.take(30)
