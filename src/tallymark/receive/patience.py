"""HTTP/1.1 with an end to its patience: uvicorn waits for ever for the rest of a request's head.

`uvicorn.Config(..., http=Patient)`. How long a body may take is the receiver's own business; what
is left of one that was refused is read for a while, so that its sender hears why, and no longer.
"""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

HEAD_S = 10.0
REST_S = 30.0


class Patient(H11Protocol):
    """A connection that is closed when no whole request comes for too long."""

    head_s = HEAD_S
    rest_s = REST_S

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._end: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._wait(self.head_s)

    def connection_lost(self, exc: Exception | None) -> None:
        self._wait(None)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._answering():
            self._wait(None)
        elif self._end is None:
            self._wait(self.head_s)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        # between two requests uvicorn's own keep-alive counts
        if not self._answering() and self.conn.their_state is h11.SEND_BODY:
            self._wait(self.rest_s)

    def _answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _wait(self, seconds: float | None) -> None:
        if self._end is not None:
            self._end.cancel()
        self._end = None if seconds is None else self.loop.call_later(seconds, self._give_up)

    def _give_up(self) -> None:
        self._end = None
        if self.transport.is_closing() or self._answering():
            return
        if self.conn.our_state is h11.IDLE:
            headers = [(b"connection", b"close"), (b"content-length", b"0")]
            for event in (
                h11.Response(status_code=408, headers=headers, reason=b"Request Timeout"),
                h11.EndOfMessage(),
            ):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()
