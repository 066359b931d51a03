"""Request bodies as text: what is stored as it was received must not pass through a parser."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request
from starlette.exceptions import HTTPException

from tallymark.errors import BadRequest
from tallymark.reports.request.received import LONGEST_BYTES


async def body_bytes(request: Request) -> bytes:
    """Raises: HTTPException 413 before it is read to its end."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > LONGEST_BYTES:
            raise HTTPException(413, f"A request holds {LONGEST_BYTES >> 20} MiB at most.")
    return bytes(body)


Body = Annotated[bytes, Depends(body_bytes)]


def body_text(body: Body) -> str:
    """Raises: BadRequest where it is no UTF-8."""
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise BadRequest(f"the request is no UTF-8 at byte {error.start}") from error


Text = Annotated[str, Depends(body_text)]
