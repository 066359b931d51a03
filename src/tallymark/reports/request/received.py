"""The text of a request: JSON of a sound shape, or where it stops being that. Pure."""

from __future__ import annotations

import json
import math
import re
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tallymark.errors import BadRequest, WrongField, WrongFields

LONGEST_BYTES = 1 << 20
DEEPEST = 60
# halves of a character and control characters can neither be stored nor be part of a name
_UNSOUND = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_HALF_QUOTED = re.compile(r'([A-Za-z_][\w.-]*)"')
_UNQUOTED = re.compile(r"([A-Za-z_][\w.-]*)\s*:")
_FIXED = {
    "Expecting value": "a value is wanted here: a text in quotes, a number, true, false, null, "
    "a list or an object",
    "Expecting ':' delimiter": "a colon is wanted here, between a name and its value",
    "Expecting ',' delimiter": "a comma is wanted here, or the end of the list or object",
    "Unterminated string starting at": "the text that begins here lacks its closing quote",
    "Invalid control character at": "a text goes on over the end of its line: it lacks its closing "
    "quote",
    "Extra data": "the request has ended already: remove what follows",
}


@dataclass(frozen=True, slots=True)
class Received:
    """What came: the request itself, and the envelope around it where there is one."""

    request: Mapping[str, Any]
    envelope: Mapping[str, Any] | None
    wrong: tuple[WrongField, ...]
    """The names that stand twice in one object, of which only the last would count."""


def read(text: str) -> Received:
    """The request of a text: plain, or as `request` of an envelope.

    Raises: BadRequest where it is no JSON, with line and column; where it is too large or deep;
    WrongFields where it holds what can neither be stored nor sent.
    """
    if len(text.encode("utf-8", "surrogatepass")) > LONGEST_BYTES:
        raise BadRequest(f"the request is longer than {LONGEST_BYTES >> 20} MiB")
    twice: list[str] = []
    found = _parsed(text, twice)
    if not isinstance(found, dict):
        raise BadRequest("the request must be an object: { … }")
    if unsound := list(_unsound(found)):
        raise WrongFields(unsound)
    told = "stands twice in one object: remove one"
    wrong = tuple(WrongField(name, told) for name in dict.fromkeys(twice))
    if "request" not in found:
        return Received(found, None, wrong)
    if not isinstance(found["request"], dict):
        raise BadRequest("`request` must be an object: { … }")
    return Received(found["request"], found, wrong)


def _parsed(text: str, twice: list[str]) -> Any:
    def whole(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) < len(pairs):
            times = Counter(name for name, _ in pairs)
            twice.extend(name for name, n in times.items() if n > 1)
        return made

    try:
        return json.loads(text.removeprefix("\ufeff"), object_pairs_hook=whole)
    except json.JSONDecodeError as error:
        raise BadRequest(f"the request is no JSON: {_where(error)}: {_in_words(error)}") from error
    except RecursionError as error:
        raise BadRequest(_TOO_DEEP) from error
    except ValueError as error:
        # of json's own: more digits than Python reads
        raise BadRequest("the request holds a number of thousands of digits") from error


_TOO_DEEP = f"the request is nested deeper than {DEEPEST} levels"


def _where(error: json.JSONDecodeError) -> str:
    return f"line {error.lineno}, column {error.colno}"


def _in_words(error: json.JSONDecodeError) -> str:
    rest = error.doc[error.pos :].lstrip()
    if not rest:
        return "it ends too early"
    if not error.msg.startswith("Expecting property name"):
        return _FIXED.get(error.msg, error.msg)
    if found := _HALF_QUOTED.match(rest):
        return f'the name {found[1]} lacks its opening quote: write "{found[1]}"'
    if found := _UNQUOTED.match(rest):
        return f'the name {found[1]} wants quotes: write "{found[1]}"'
    if rest.startswith("'"):
        return 'a name wants double quotes: "…"'
    return 'a name in quotes is wanted here ("…"); no comma stands before a closing brace'


def _unsound(request: Mapping[str, Any]) -> Iterator[WrongField]:
    """By a list of what is still to see, since what came may be nested as deep as it likes."""
    waiting: deque[tuple[str, Any, int]] = deque([("", request, 0)])
    while waiting:
        path, value, depth = waiting.popleft()
        if depth > DEEPEST:
            raise BadRequest(_TOO_DEEP)
        if isinstance(value, dict):
            for name, one in value.items():
                if _UNSOUND.search(name):
                    text = f"holds the name {name[:40]!r}, with a control or half a character"
                    yield WrongField(path or "request", text)
                    continue
                waiting.append((f"{path}.{name}" if path else name, one, depth + 1))
        elif isinstance(value, list):
            waiting.extend((f"{path}[{n}]", one, depth + 1) for n, one in enumerate(value))
        elif isinstance(value, str) and _UNSOUND.search(value):
            yield WrongField(path, "holds a control character or half a character: remove it")
        elif isinstance(value, float) and not math.isfinite(value):
            yield WrongField(path, "is no number that can be sent: write a finite one")
        elif isinstance(value, int) and abs(value) >= 2**63:
            yield WrongField(path, "is beyond 64 bits: write it as a text")
