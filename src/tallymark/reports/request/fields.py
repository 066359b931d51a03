"""A mapping that is asked for its fields, and tells every mistake at once. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, TypeVar

from tallymark.calendar.names import lookup, nearest
from tallymark.errors import BadRequest, ConfigError, WrongField

LONGEST_TEXT = 200
LONGEST_QUERY = 200_000
MOST_NAMES = 1_000
LINES = re.compile(r"[\t\n\r\x85\u2028\u2029]")
SEVERAL_LINES = "goes over several lines or holds a tab"
Found = TypeVar("Found")


@dataclass
class Fields:
    """The fields of one object; null is as good as not given. `done` tells those nobody knows."""

    given: Mapping[str, Any]
    under: str = ""
    """The name that leads to it, with a dot behind."""
    wrong: list[WrongField] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def value(self, name: str) -> Any:
        self.asked.append(name)
        return self.given.get(name)

    def blame(self, name: str, text: str) -> None:
        self.wrong.append(WrongField(f"{self.under}{name}", text))

    def text(self, name: str, right: str = "", *, longest: int = LONGEST_TEXT) -> str:
        """A text that must be there; empty (and a mistake) where it is not. `right`: what is."""
        found = self.value(name)
        if found is None or found == "":
            self.blame(name, f"is missing{right and f': {right}'}")
            return ""
        if not isinstance(found, str) or not found.strip():
            self.blame(name, f"must be a text{right and f': {right}'}")
            return ""
        if len(found) > longest:
            self.blame(name, f"is longer than {longest} characters")
            return ""
        if longest < LONGEST_QUERY and LINES.search(found):
            self.blame(name, SEVERAL_LINES)
            return ""
        return found.strip()

    def optional(self, name: str, right: str = "", *, longest: int = LONGEST_TEXT) -> str:
        """A text that may be missing: it is empty then."""
        if self.value(name) is None:
            return ""
        return self.text(name, right, longest=longest)

    def one_of(self, name: str, known: Sequence[str], what: str) -> str:
        """One of the known words, capitals or not; it must be there."""
        found = self.text(name, f"one of {', '.join(known)}")
        if not found:
            return ""
        named = lookup(found, known)
        if named is None:
            self.blame(name, f"there is no {what} {found!r}: {nearest(found, known)}")
        return named or ""

    def flag(self, name: str) -> bool:
        found = self.value(name)
        if found is not None and not isinstance(found, bool):
            self.blame(name, "must be true or false")
        return found is True

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts, or one text with commas; empty where it is missing."""
        found = self.value(name)
        if isinstance(found, str):
            found = [part.strip() for part in found.split(",")]
        if found is None:
            return ()
        if not isinstance(found, list) or not all(isinstance(one, str) and one for one in found):
            self.blame(name, "must be a list of names")
            return ()
        if len(found) > MOST_NAMES:
            self.blame(name, f"has more than {MOST_NAMES:,} names")
            return ()
        for one in sorted({one for one in found if found.count(one) > 1}):
            self.blame(name, f"names {one!r} twice")
        return tuple(dict.fromkeys(found))

    def date(self, name: str) -> str:
        """`2026-11-21`; empty (and a mistake) for anything else."""
        found = self.text(name, "a date such as 2026-11-21")
        if not found:
            return ""
        try:
            # only this form: others would be other texts for one date
            if date.fromisoformat(found).isoformat() == found:
                return found
        except ValueError:
            pass
        self.blame(name, f"{found!r} is no date: write it as 2026-11-21")
        return ""

    def read(self, name: str, reading: Callable[[], Found]) -> Found | None:
        """What a reading yields; None, and what it raises as a mistake, where it refuses."""
        try:
            return reading()
        except (BadRequest, ConfigError) as error:
            self.blame(name, str(error))
            return None

    def section(self, name: str, right: str = "an object: { … }") -> Fields | None:
        """The object under a name; None where it is not there. Its mistakes are told here."""
        found = self.value(name)
        if found is None:
            return None
        if not isinstance(found, dict):
            self.blame(name, f"must be {right}")
            return None
        return Fields(found, f"{self.under}{name}.", self.wrong)

    def done(self) -> None:
        """Tell the names that nobody asked for."""
        known = tuple(dict.fromkeys(self.asked))
        for name in self.given:
            if name not in known:
                self.blame(name, f"is not known here: {nearest(name, known)}")
