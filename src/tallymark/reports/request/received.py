"""The text of a request: JSON of a sound shape, or where it stops being that. Pure."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tallymark.errors import BadRequest, WrongField

LONGEST_BYTES = 1 << 20
DEEPEST = 60
ENVELOPE = ("id", "ver", "ts", "params")
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
    """What came: the request itself, without the envelope around it."""

    request: Mapping[str, Any]
    wrong: tuple[WrongField, ...]
    """Values that can neither be stored nor sent; names that stand twice in one object, of which
    only the last would count; names beside `request` that nobody reads."""


def read(text: str) -> Received:
    """The request of a text: plain, or as `request` of an envelope.

    In place of what is wrong in it stands something harmless, so that the rest can be looked at.
    Raises: BadRequest where it is no JSON, with line and column; where it is too large or deep.
    """
    if len(text.encode("utf-8", "surrogatepass")) > LONGEST_BYTES:
        raise BadRequest(f"the request is longer than {LONGEST_BYTES >> 20} MiB")
    twice: list[str] = []
    found = _parsed(text, twice)
    if not isinstance(found, dict):
        raise BadRequest("the request must be an object: { … }")
    told = "stands twice in one object: remove one"
    wrong = [WrongField(harmless(name), told) for name in dict.fromkeys(twice)]
    if "request" not in found:
        return Received(_sound(found, "", wrong), tuple(wrong))
    request = found.pop("request")
    if not isinstance(request, dict):
        raise BadRequest("`request` must be an object: { … }")
    unread = f"is not known here: beside `request` stand {', '.join(ENVELOPE)}"
    wrong += [WrongField(harmless(name), unread) for name in found if name not in ENVELOPE]
    _sound(found, "", wrong)
    return Received(_sound(request, "", wrong), tuple(wrong))


def envelope(text: str) -> Mapping[str, Any]:
    """What stands around a request, whatever is wrong with either; empty where there is none."""
    try:
        found = _parsed(text, [])
    except BadRequest:
        return {}
    return found if isinstance(found, dict) else {}


def harmless(text: str) -> str:
    """The text with a mark for each character that can neither be stored nor sent."""
    return _UNSOUND.sub("\ufffd", text)


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


def _sound(value: Any, path: str, wrong: list[WrongField], depth: int = 0) -> Any:
    """The value with something harmless in place of what can neither be stored nor sent."""
    if depth > DEEPEST:
        raise BadRequest(_TOO_DEEP)
    if isinstance(value, dict):
        return _sound_object(value, path, wrong, depth)
    if isinstance(value, list):
        return [_sound(one, f"{path}[{n}]", wrong, depth + 1) for n, one in enumerate(value)]
    if isinstance(value, str) and _UNSOUND.search(value):
        text = "holds a control character or half a character: remove it"
        wrong.append(WrongField(path, text))
        return harmless(value)
    if isinstance(value, float) and not math.isfinite(value):
        wrong.append(WrongField(path, "is no number that can be sent: write a finite one"))
        return 0
    if isinstance(value, int) and abs(value) >= 2**63:
        wrong.append(WrongField(path, "is beyond 64 bits: write it as a text"))
        return 0
    return value


def _sound_object(
    value: Mapping[str, Any], path: str, wrong: list[WrongField], depth: int
) -> dict[str, Any]:
    made = {}
    for name, one in value.items():
        if _UNSOUND.search(name):
            text = f"holds the name {name[:40]!r}, with a control or half a character"
            wrong.append(WrongField(path or "request", text))
        else:
            made[name] = _sound(one, f"{path}.{name}" if path else name, wrong, depth + 1)
    return made
