"""What a value looks like as a part of an object's path. Pure.

Stores, file systems and proxies disagree about everything but the unreserved characters of
RFC 3986, so a value keeps those and has its other bytes percent-encoded. A value never makes a
folder of its own, nor an empty part, nor a step upwards.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

import orjson

UNKNOWN = "unknown"
"""The folder of null. A text `unknown` falls on the same path, and shares its file."""
EMPTY = "(empty)"
"""The folder of an empty text: no other value has it, since parentheses are encoded."""
BACKUP = "backup"
KEPT = (".query.json", ".manifest.json")
"""How the files end that stand beside a report's own."""
VALUE_BYTES = 200
GROUP_BYTES = 440
"""All folders of a combination together: with a file name and a prefix it is still a key."""
GROUP_FIELDS = 16
_DIGEST_CHARS = 16


def group_path(values: Sequence[Any]) -> str:
    """A folder a value: `in.ekstep/0a%2F1`."""
    texts = [value_text(value) for value in values]
    path = "/".join(encoded(text) for text in texts)
    if len(path) > GROUP_BYTES:
        path = "/".join(encoded(text, GROUP_BYTES // len(texts) - 1) for text in texts)
    return apart(path + "/")[:-1]


def value_text(value: Any) -> str:
    """A value of an answer as text: null is `unknown`, true is `true`, a list is its JSON."""
    if isinstance(value, str):
        return value
    if value is None:
        return UNKNOWN
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    return orjson.dumps(value).decode()


def encoded(text: str, most_bytes: int = VALUE_BYTES) -> str:
    """A text as one part of a path; a longer one is cut, and told apart by a digest of it all."""
    if text == "":
        return EMPTY
    if text in (".", ".."):
        return text.replace(".", "%2E")
    whole = quote(text, safe="", errors="surrogatepass")
    if len(whole) <= most_bytes:
        return whole
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGEST_CHARS]
    cut = whole[: most_bytes - _DIGEST_CHARS - 1]
    # not within an escape
    if "%" in cut[-2:]:
        cut = cut[: cut.rindex("%")]
    return f"{cut}-{digest}"


def apart(path: str) -> str:
    """The path, kept apart from backups, queries and manifests.

    Values may spell what only we may write; one letter is then encoded that no value has encoded.
    """
    first, slash, rest = path.partition("/")
    if slash and first.lower() == BACKUP:
        path = f"%{ord(first[0]):X}{first[1:]}/{rest}"
    for kept in KEPT:
        if path.lower().endswith(kept):
            path = f"{path[: -len(kept)]}%2E{path[-len(kept) + 1 :]}"
    return path


def key_below(prefix: str, path: str) -> str:
    """Where a store has what lies below a report's prefix; there may be none."""
    return f"{prefix}/{path}" if prefix else path
