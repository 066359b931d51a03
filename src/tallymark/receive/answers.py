"""What the receiver answers: JSON, or a problem (RFC 9457)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import orjson

from tallymark.receive.body import Message

Send = Callable[[Message], Awaitable[None]]
Headers = tuple[tuple[bytes, bytes], ...]

TITLES = {
    400: "Bad Request",
    401: "Unauthorized",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    411: "Length Required",
    413: "Content Too Large",
    415: "Unsupported Media Type",
    503: "Service Unavailable",
}


@dataclass
class Refusal(Exception):
    """An answer other than 200."""

    status: int
    detail: str
    headers: tuple[tuple[bytes, bytes], ...] = ()


def busy(detail: str) -> Refusal:
    return Refusal(503, detail, ((b"retry-after", b"1"),))


async def refuse(send: Send, refusal: Refusal) -> None:
    problem = {
        "type": "about:blank",
        "title": TITLES[refusal.status],
        "status": refusal.status,
        "detail": refusal.detail,
    }
    body = orjson.dumps(problem)
    await respond(send, refusal.status, body, b"application/problem+json", refusal.headers)


async def respond(send: Send, status: int, body: bytes, kind: bytes, more: Headers) -> None:
    headers = [
        (b"content-type", kind),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        *more,
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
