"""`POST /in/<path>/<source>`: the way in for everything that is pushed. Plain ASGI.

    token ▶ source ▶ length ▶ body (bounded, timed) ▶ inflate ▶ connector.records ▶ inbox ▶ 200

The answer is 2xx only after the records are durable. What cannot be taken as a whole is 4xx; a
record that cannot be read is taken and goes to quarantine later, because a shipper repeats a
refused request for ever.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, MutableMapping
from itertools import islice
from typing import Any

import orjson
from sqlalchemy.exc import SQLAlchemyError

from tallymark.clock import Clock
from tallymark.connectors import PushedConnector
from tallymark.errors import BadRequest, RetryableError
from tallymark.model import Received
from tallymark.receive.access import Access, Check
from tallymark.receive.answers import Refusal, Send, busy, refuse, respond
from tallymark.receive.body import (
    Gone,
    Limits,
    Receive,
    Room,
    TooBusy,
    TooLong,
    TooSlow,
    inflate,
    read,
)
from tallymark.receive.inbox import Inbox

Scope = MutableMapping[str, Any]

# what a connector may look at, and what an inbox row keeps
KEPT_HEADERS = ("content-type", "idempotency-key", "user-agent")
# up to this size a body is split on the event loop itself
SMALL_BYTES = 64 * 1024
BEARER = ((b"www-authenticate", b'Bearer realm="tallymark"'),)
CLOSE = ((b"connection", b"close"),)


class Receiver:
    """The ASGI application."""

    def __init__(
        self,
        inbox: Inbox,
        sources: Mapping[str, PushedConnector],
        check_token: Check,
        clock: Clock,
        limits: Limits | None = None,
    ) -> None:
        self._inbox = inbox
        self.sources = sources  # may be exchanged at any time: a request looks once
        self._clock = clock
        self._limits = limits or Limits()
        self._access = Access(check_token, clock)
        self._room = Room(self._limits.in_flight_bytes)
        # a body inflated and split weighs several times its size: few at once
        self._splitting = asyncio.Semaphore(2)
        self._requests = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._requests += 1
        try:
            answer = await self._answer(scope, receive)
        except Refusal as refusal:
            await refuse(send, refusal)
        except Gone:
            return
        else:
            await respond(send, 200, answer, b"application/json", ())
        finally:
            self._requests -= 1

    async def _answer(self, scope: Scope, receive: Receive) -> bytes:
        headers = {k.decode("latin-1").lower(): v.decode("latin-1") for k, v in scope["headers"]}
        name, connector = await self._admit(scope, headers)
        return await self._take(name, connector, headers, receive)

    async def _admit(self, scope: Scope, headers: Mapping[str, str]) -> tuple[str, PushedConnector]:
        """Everything that can be said before the body. Raises: Refusal."""
        if self._requests > self._limits.requests:
            raise busy("too many requests at once")
        try:
            allowed = await self._access.may_write(headers.get("authorization", ""))
        except SQLAlchemyError as error:
            raise busy("the database is not there") from error
        if not allowed:
            raise Refusal(401, "a token with the scope write is needed", BEARER)
        name, connector = self._source(scope)
        if scope["method"] != "POST":
            raise Refusal(405, "only POST is taken here", ((b"allow", b"POST"),))
        length = headers.get("content-length")
        if length is None and "transfer-encoding" not in headers:
            raise Refusal(411, "the request has no length")
        if length is not None and not length.isdecimal():
            raise Refusal(400, "Content-Length is not a number")
        if length is not None and int(length) > self._limits.body_bytes:
            # the server reads on and throws away, so that the sender can hear why
            raise Refusal(413, f"the body is longer than {self._limits.body_bytes} bytes")
        if headers.get("content-encoding", "identity").strip().lower() not in ("identity", "gzip"):
            raise Refusal(
                415, "the only Content-Encoding is gzip", ((b"accept-encoding", b"gzip"),)
            )
        return name, connector

    def _source(self, scope: Scope) -> tuple[str, PushedConnector]:
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        parts = path.removeprefix("/in").strip("/").split("/")
        connector = self.sources.get(parts[1]) if len(parts) == 2 else None
        if connector is not None and connector.path == parts[0]:
            return parts[1], connector
        raise Refusal(404, "no such source")

    async def _take(
        self, name: str, connector: PushedConnector, headers: Mapping[str, str], receive: Receive
    ) -> bytes:
        held = 0
        try:
            body = await read(receive, self._limits, self._room)
            held = len(body)
            records = await self._split(connector, body, headers)
            kept = {key: headers[key] for key in KEPT_HEADERS if key in headers}
            done = self._inbox.submit(name, self._clock.now(), kept, records)
            accepted = await asyncio.wrap_future(done)
        except TooLong as error:
            raise Refusal(413, str(error)) from error
        except TooSlow as error:
            raise Refusal(408, str(error), CLOSE) from error
        except BadRequest as error:
            raise Refusal(400, str(error)) from error
        except TooBusy as error:
            raise busy("too much is being received at once") from error
        except RetryableError as error:
            raise busy(str(error)) from error
        finally:
            self._room.give_back(held)
        return orjson.dumps({"accepted": accepted.new, "repeated": accepted.repeated})

    async def _split(
        self, connector: PushedConnector, body: bytes, headers: Mapping[str, str]
    ) -> list[Received]:
        packed = headers.get("content-encoding", "").strip().lower() == "gzip"
        if len(body) <= SMALL_BYTES and not packed:
            return _records(connector, body, headers, self._limits)
        async with self._splitting:
            return await asyncio.to_thread(
                _unpacked, connector, body, headers, self._limits, packed=packed
            )


def _unpacked(
    connector: PushedConnector,
    body: bytes,
    headers: Mapping[str, str],
    limits: Limits,
    *,
    packed: bool,
) -> list[Received]:
    plain = inflate(body, limits.body_bytes) if packed else body
    return _records(connector, plain, headers, limits)


def _records(
    connector: PushedConnector, body: bytes, headers: Mapping[str, str], limits: Limits
) -> list[Received]:
    records = list(islice(connector.records(body, headers), limits.records + 1))
    if len(records) > limits.records:
        raise TooLong(f"the body has more than {limits.records} records")
    return records
