"""A long answer in parts: cut where a part can be parsed by itself, never believed if torn. Pure.

A raw newline never stands within a JSON string. Nor does `},{"name`: its quote would have to end
the string, and no letter follows an end. A value may hold such objects itself; what lies before
them is then no JSON, and is read together with the next part.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from tallymark.errors import FatalError, RetryableError

PART_BYTES = 1024 * 1024
MOST_BYTES = 256 * 1024 * 1024
"""Of one element: more than this is not held."""

TORN = "Druid's answer was torn: it does not end as it should"
_TOO_LARGE = "a row of Druid's answer is too large to be read"


def array_parts(pieces: Iterator[bytes], first_name: str) -> Iterator[list[Any]]:
    """The elements of one JSON array of objects whose first name is known.

    Raises: RetryableError where it does not end as an array does.
    """
    unread, opening = b"", b""
    for part, last in _parts(pieces, b'},{"%s"' % first_name.encode()):
        # a part brings the array's own bracket only if it is the first
        unread = unread + b"," + part if unread else opening + part
        try:
            elements: list[Any] = orjson.loads(unread if last else unread + b"]")
        except orjson.JSONDecodeError:
            if last:
                raise RetryableError(TORN) from None
            if len(unread) > MOST_BYTES:
                raise FatalError(_TOO_LARGE) from None
            continue
        if not isinstance(elements, list):
            raise RetryableError(TORN)
        yield elements
        unread, opening = b"", b"["


def line_parts(pieces: Iterator[bytes]) -> Iterator[list[Any]]:
    """The rows of an answer of one JSON array a line.

    Raises: RetryableError where the empty line is not there that says: this was all.
    """
    for part, last in _parts(pieces, b"]\n["):
        if last and not part.endswith(b"]\n\n"):
            raise RetryableError(TORN)
        try:
            rows: list[Any] = orjson.loads(b"[" + part.rstrip().replace(b"\n", b",") + b"]")
        except orjson.JSONDecodeError:
            raise RetryableError(TORN) from None
        yield rows


def _parts(pieces: Iterator[bytes], boundary: bytes) -> Iterator[tuple[bytes, bool]]:
    """Parts of about `PART_BYTES`, and whether one is the last. A boundary's first byte ends a
    part, its second lies between, and the others begin the next."""
    held, wanted = bytearray(), PART_BYTES
    for piece in pieces:
        held += piece
        if len(held) < wanted:
            continue
        at = held.rfind(boundary)
        if at < 0 and len(held) > MOST_BYTES:
            raise FatalError(_TOO_LARGE)
        if at < 0:
            # looked for again only when there is twice as much, or a long row costs its square
            wanted = 2 * len(held)
            continue
        yield bytes(held[: at + 1]), False
        del held[: at + 2]
        wanted = max(PART_BYTES, 2 * len(held))
    yield bytes(held), True
