"""A request's body: read within its time, inflated within its size, in bounded memory."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

from tallymark.errors import BadRequest

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]

MIB = 1024 * 1024


@dataclass(frozen=True)
class Limits:
    """What one request, and all of them together, may take."""

    body_bytes: int = 10 * MIB
    """Before and after inflating."""
    records: int = 50_000
    body_s: float = 30
    in_flight_bytes: int = 32 * MIB
    """Bodies of all requests that are not answered yet."""
    requests: int = 1_000


class TooLong(BadRequest):
    """The body is too long."""


class TooSlow(BadRequest):
    """The body did not arrive in time."""


class TooBusy(Exception):
    """Too many bodies are held already."""


class Gone(Exception):
    """The sender went away in the middle of its request: nobody hears an answer."""


class Room:
    """Counts the bytes that all bodies hold together. Used by one event loop."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit_bytes = limit_bytes
        self._held_bytes = 0

    def take(self, n: int) -> None:
        """Raises: TooBusy."""
        if self._held_bytes + n > self._limit_bytes:
            raise TooBusy
        self._held_bytes += n

    def give_back(self, n: int) -> None:
        self._held_bytes -= n


async def read(receive: Receive, limits: Limits, room: Room) -> bytes:
    """The whole body; the caller gives its bytes back to the room.

    Raises: TooLong, TooSlow, TooBusy, Gone; nothing is held then.
    """
    pieces: list[bytes] = []
    held = 0
    try:
        async with asyncio.timeout(limits.body_s):
            while True:
                piece, more = await _piece(receive)
                room.take(len(piece))
                held += len(piece)
                pieces.append(piece)
                if held > limits.body_bytes:
                    raise TooLong(f"the body is longer than {limits.body_bytes} bytes")
                if not more:
                    return pieces[0] if len(pieces) == 1 else b"".join(pieces)
    except BaseException as error:
        room.give_back(held)
        if isinstance(error, TimeoutError):
            raise TooSlow(f"the body took longer than {limits.body_s:g} s") from error
        raise


async def _piece(receive: Receive) -> tuple[bytes, bool]:
    message = await receive()
    if message["type"] == "http.disconnect":
        raise Gone
    return message.get("body", b""), message.get("more_body", False)


def inflate(body: bytes, limit_bytes: int) -> bytes:
    """A gzip body, of one member or several, inflated.

    Raises: BadRequest when it is damaged or cut; TooLong past the limit, in bounded memory.
    """
    pieces: list[bytes] = []
    left = limit_bytes
    rest = body
    while rest:
        member = zlib.decompressobj(wbits=31)
        try:
            piece = member.decompress(rest, left + 1)
        except zlib.error as error:
            raise BadRequest(f"the body is not gzip: {error}") from error
        left -= len(piece)
        if left < 0:
            raise TooLong(f"the body is longer than {limit_bytes} bytes after inflating")
        if not member.eof:
            raise BadRequest("the body is not gzip: it is cut")
        pieces.append(piece)
        rest = member.unused_data
    if not body:
        raise BadRequest("the body is not gzip: it is empty")
    return b"".join(pieces)
