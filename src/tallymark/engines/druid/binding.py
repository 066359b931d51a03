"""SQL with `:from` and `:to`: they become `?`, wherever they do not stand in something else. Pure.

A `:from` in a string, a quoted name or a comment is text. The rest of the statement is not
understood, only what would let it be another one: a second statement, a foreign parameter. Right
behind a text stands no parameter: `JSON_OBJECT('a':b)`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

BOUND = ("from", "to")

_TOKEN = re.compile(
    r"""
    (?P<skipped> '(?:[^']|'')*' | "(?:[^"]|"")*" | `(?:[^`]|``)*`
               | (?:--|//)[^\r\n]* | /\*.*?\*/ | :: )
  | (?P<open>    ['"`] | /\* )
  | (?P<name>    (?<!'):[A-Za-z_][A-Za-z0-9_]* )
  | (?P<word>    [A-Za-z_][A-Za-z0-9_$]* )
  | (?P<other>   [?;] )
    """,
    re.VERBOSE | re.DOTALL,
)
_OPENED = {"'": "a text", '"': "a quoted name", "`": "a quoted name", "/*": "a comment"}


@dataclass(frozen=True, slots=True)
class Bound:
    """The statement as it is sent, and the name of each `?` in turn."""

    text: str
    names: tuple[str, ...]
    wrong: tuple[str, ...]
    """Everything that is wrong with it."""


def bind(sql: str) -> Bound:
    text = _without_end(sql)
    found = list(_tokens(text))
    names = tuple(token[1:] for kind, token in found if kind == "name" and token[1:] in BOUND)
    wrong = [*_first_word(found), *_refused(found)]
    wrong += [
        f"`:{name}` has to stand in it, where the interval {says}: `__time {sign} :{name}`"
        for name, says, sign in (("from", "begins", ">="), ("to", "ends", "<"))
        if name not in names
    ]
    sent = _TOKEN.sub(lambda m: "?" if m["name"] and m["name"][1:] in BOUND else m[0], text)
    return Bound(sent, names, tuple(dict.fromkeys(wrong)))


def _without_end(sql: str) -> str:
    """One `;` at the very end ends nothing more; Druid does not take it."""
    stripped = sql.rstrip()
    return stripped.removesuffix(";")


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    for match in _TOKEN.finditer(text):
        yield str(match.lastgroup), match[0]


def _first_word(found: list[tuple[str, str]]) -> Iterator[str]:
    first = next((token for kind, token in found if kind == "word"), "nothing")
    if first.upper() not in ("SELECT", "WITH"):
        yield f"it begins with {first}: only SELECT, or WITH … SELECT, is asked"


def _refused(found: list[tuple[str, str]]) -> Iterator[str]:
    for kind, token in found:
        if kind == "name" and token[1:] not in BOUND:
            yield f"there is no `{token}`: only `:from` and `:to` are bound"
        elif token == "?" and kind == "other":
            yield "a `?` cannot be bound: write `:from` and `:to`"
        elif token == ";" and kind == "other":
            yield "one statement is asked: take the `;` out of it"
        elif kind == "open":
            yield f"{_OPENED[token]} is opened by {token} and not closed"
