"""What every request and answer passes: only loopback names, and headers that forbid the rest."""

from __future__ import annotations

import re

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tallymark.web.problems import problem

# A page of another site can make a browser send requests here under a name of its own (DNS
# rebinding); it cannot make it send one of these.
LOOPBACK = re.compile(r"(?:127\.0\.0\.1|localhost|\[::1\])(?::\d{1,5})?", re.IGNORECASE)

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; "
        "object-src 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class OnlyLoopback:
    """Answers 400 without a `Host`, 421 for one that is not a loopback name."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        host = Headers(scope=scope).get("host", "")
        if LOOPBACK.fullmatch(host):
            await self._app(scope, receive, send)
            return
        detail = "Call it as 127.0.0.1, localhost or [::1]."
        answer = (
            problem(421, f"This server is not {host[:100]!r}. {detail}")
            if host
            else problem(400, f"The request has no Host header. {detail}")
        )
        await answer(scope, receive, send)


class SafeHeaders:
    """Adds HEADERS to every answer, and forbids to keep what says nothing about keeping."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-cache")
            await send(message)

        await self._app(scope, receive, with_headers)
