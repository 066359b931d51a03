"""Which tokens may write, remembered for a few seconds."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable

from tallymark.clock import Clock
from tallymark.state.tokens import Scope, allows

TOKEN_S = 5.0
TOKENS = 1_000

Check = Callable[[str], Scope | None]
"""The scope of a token; it may ask a database."""


class Access:
    """Remembers for a few seconds which tokens may write: a look-up a request would be too many."""

    def __init__(self, check: Check, clock: Clock) -> None:
        self._check = check
        self._clock = clock
        self._known: dict[bytes, float] = {}

    async def may_write(self, authorization: str) -> bool:
        """Raises: what `check` raises, when it cannot be known now."""
        kind, _, token = authorization.partition(" ")
        token = token.strip()
        if kind.lower() != "bearer" or not token:
            return False
        name, now_s = hashlib.sha256(token.encode()).digest(), self._clock.monotonic()
        if self._known.get(name, -1.0) > now_s:
            return True
        scope = await asyncio.to_thread(self._check, token)
        if scope is None or not allows(scope, "write"):
            return False
        if len(self._known) >= TOKENS:
            self._known.clear()
        self._known[name] = now_s + TOKEN_S
        return True
