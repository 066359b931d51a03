"""Requests to an ASGI application in this process, without a socket."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx


class Client:
    """What an application answers; an error that it raises is an answer too."""

    def __init__(self, app: Any, base_url: str = "http://127.0.0.1:8000") -> None:
        self._app = app
        self._base_url = base_url

    def get(self, url: str, **known: Any) -> httpx.Response:
        return asyncio.run(self._send("GET", url, **known))

    def post(self, url: str, **known: Any) -> httpx.Response:
        return asyncio.run(self._send("POST", url, **known))

    def patch(self, url: str, **known: Any) -> httpx.Response:
        return asyncio.run(self._send("PATCH", url, **known))

    async def _send(self, method: str, url: str, **known: Any) -> httpx.Response:
        transport = httpx.ASGITransport(self._app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=self._base_url) as client:
            return await client.request(method, url, **known)
