"""Words that people write: the right one, or a refusal with the nearest right ones. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import TypeVar

from tallymark.errors import BadRequest

Name = TypeVar("Name", bound=str)


def named(text: str, known: Sequence[Name], what: str) -> Name:
    """The known name, capitals or not. Raises: BadRequest with the nearest right ones."""
    found = lookup(text, known)
    if found is None:
        raise BadRequest(f"there is no {what} {text!r}: {nearest(text, known)}")
    return found


def lookup(text: str, known: Sequence[Name]) -> Name | None:
    wanted = text.strip().lower()
    return next((name for name in known if name.lower() == wanted), None)


def nearest(text: str, known: Sequence[str]) -> str:
    """What is right instead: the nearest; of a few, or where none is near, all."""
    by_lower = {name.lower(): name for name in known}
    near = difflib.get_close_matches(text.strip().lower(), by_lower, n=3, cutoff=0.5)
    if near and len(known) > 3:
        return f"did you mean {' or '.join(by_lower[lower] for lower in near)}?"
    return f"there are {', '.join(known)}"
