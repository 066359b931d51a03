"""Who refuses: Druid itself, or a stranger at its address. Pure.

While Druid is away an ingress answers in its place, with a status that would be a user's mistake.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tallymark.errors import EngineAway, Refused

_READ_BYTES = 2048
_WORDS = 60
"""So many characters of a stranger's text are enough to know who it is."""
_MARKUP = re.compile(r"<(head|style|script)\b.*?(</\1>|$)|<[^>]*(>|$)", re.DOTALL | re.IGNORECASE)


def druids_own(status: int, told: Mapping[str, Any]) -> bool:
    """Whether a body is one of those in which Druid refuses a query.

    Of a query that it cannot read Druid's router says no more than `{"error": "…"}`, with a 400;
    others answer with an `error` too, among more or with another status.
    """
    if status < 400:
        return False
    if isinstance(told.get("errorMessage"), str) or isinstance(told.get("errorClass"), str):
        return True
    return status == 400 and told.keys() == {"error"} and isinstance(told["error"], str)


def stranger(error: Refused) -> EngineAway:
    """No report's fault: all go on when Druid answers itself again."""
    words = _words(error.body)
    told = f" ({words})" if words else ""
    return EngineAway(
        f"{error}{told}, which is no answer of Druid's:"
        " look at the address, and at a proxy before it"
    )


def _words(body: bytes) -> str:
    """The first words of a text, of HTML those that are shown; empty: it is no text."""
    try:
        # a character may be cut at the end
        text = body[:_READ_BYTES].decode(errors="strict" if len(body) < _READ_BYTES else "ignore")
    except UnicodeDecodeError:
        return ""
    words = " ".join(_MARKUP.sub(" ", text).split())
    if not words.isprintable():
        return ""
    return words if len(words) <= _WORDS else f"{words[:_WORDS].rstrip()} …"
