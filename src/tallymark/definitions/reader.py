"""YAML with its lines: a mapping that is asked for its keys, and tells every problem at once."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import yaml

from tallymark.definitions.nodes import Where, mend, name_of, plain

FIRST_AT = datetime(1980, 1, 1, tzinfo=UTC)
LAST_AT = datetime(2100, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Mistake:
    """Something wrong, and where."""

    file: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.text}"


@dataclass
class Problems:
    """What is wrong; gathered, so that one run names it all."""

    found: list[Mistake] = field(default_factory=list)

    def add(self, where: Where, text: str) -> None:
        self.found.append(Mistake(where.file, where.line, text))


@dataclass
class Section:
    """A mapping of a file. Keys that nobody asked for are reported by `done`."""

    node: yaml.MappingNode
    file: str
    problems: Problems
    asked: list[str] = field(default_factory=list)
    named_at: Where | None = None
    """Where the name stands that leads to it."""

    @property
    def where(self) -> Where:
        return self.named_at or Where(self.file, self.node.start_mark.line + 1)

    def keys(self) -> list[str]:
        return [name_of(key) for key, _ in self.node.value]

    def _node(self, key: str) -> yaml.Node | None:
        self.asked.append(key)
        for found, value in self.node.value:
            if found.value == key:
                return value  # type: ignore[no-any-return]
        return None

    def place(self, key: str) -> Where:
        for found, _ in self.node.value:
            if found.value == key:
                return Where(self.file, found.start_mark.line + 1)
        return self.where

    def value(self, key: str, default: Any = None) -> Any:
        """The plain value of a key; an empty one is as good as none."""
        node = self._node(key)
        if node is None:
            return default
        try:
            found = plain(node)
        except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
            reason = getattr(error, "problem", None) or error
            self.problems.add(self.place(key), f"`{key}` cannot be read: {reason}")
            return default
        return default if found is None else found

    def text(self, key: str, default: str | None = None) -> str:
        """A text that must be there unless a default is given."""
        found = self.value(key, default)
        if isinstance(found, int | float) and not isinstance(found, bool):
            return str(found)
        if not isinstance(found, str) or not found:
            text = f"`{key}` is missing" if found is None else f"`{key}` must be a text"
            self.problems.add(self.place(key), text)
            return default or ""
        return found

    def optional(self, key: str) -> str:
        """A text that may be missing: it is empty then."""
        return self.text(key) if key in self.keys() and self.value(key) is not None else ""

    def one_of(self, key: str, words: tuple[str, ...], default: str | None = None) -> str:
        found = self.text(key, default)
        if found and found not in words:
            self.problems.add(self.place(key), f"`{key}: {found}`: {suggest(found, words)}")
        return found

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts, or one text."""
        found = self.value(key, [])
        if isinstance(found, str):
            return (found,)
        if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
            self.problems.add(self.place(key), f"`{key}` must be a list of texts")
            return ()
        return tuple(found)

    def day(self, key: str) -> datetime:
        """A date, as midnight UTC, or an instant with its offset."""
        found = self.value(key)
        if isinstance(found, date) and not isinstance(found, datetime):
            found = datetime(found.year, found.month, found.day, tzinfo=UTC)
        if not isinstance(found, datetime) or found.tzinfo is None:
            text = f"`{key}` is missing" if found is None else f"`{key}` must be a date"
            self.problems.add(self.place(key), f"{text}, such as 2026-01-31")
            return FIRST_AT
        if not FIRST_AT <= found < LAST_AT:
            self.problems.add(self.place(key), f"`{key}` must lie between 1980 and 2099")
            return FIRST_AT
        return found.astimezone(UTC)

    def section(self, key: str) -> Section | None:
        """The mapping under a key; None where it is not there."""
        node = self._node(key)
        if node is None:
            return None
        if not isinstance(node, yaml.MappingNode):
            self.problems.add(self.place(key), f"`{key}` must be a mapping")
            return None
        return Section(node, self.file, self.problems, named_at=self.place(key))

    def sections(self, key: str) -> Iterator[tuple[str, Section]]:
        """The mappings under a key, by name."""
        node = self._node(key)
        if node is None:
            return
        if not isinstance(node, yaml.MappingNode):
            self.problems.add(self.place(key), f"`{key}` must be a mapping of names")
            return
        seen: set[str] = set()
        for key_node, child in node.value:
            name = name_of(key_node)
            if name in seen:
                continue  # told already
            seen.add(name)
            at = Where(self.file, key_node.start_mark.line + 1)
            if isinstance(child, yaml.MappingNode):
                yield name, Section(child, self.file, self.problems, named_at=at)
            else:
                self.problems.add(at, f"`{name}` must be a mapping")

    def items(self, key: str) -> Iterator[Section]:
        """The mappings of a list."""
        node = self._node(key)
        if node is None:
            return
        for child in node.value if isinstance(node, yaml.SequenceNode) else [node]:
            if isinstance(child, yaml.MappingNode):
                yield Section(child, self.file, self.problems)
            else:
                at = Where(self.file, child.start_mark.line + 1)
                self.problems.add(at, f"each of `{key}` must be a mapping")

    def done(self) -> None:
        """Report the keys that nobody knows."""
        known = tuple(dict.fromkeys(self.asked))
        for key in dict.fromkeys(self.keys()):
            if key not in known:
                self.problems.add(self.place(key), f"unknown key `{key}`: {suggest(key, known)}")


def suggest(word: str, known: tuple[str, ...]) -> str:
    """The nearest right word, or all of them."""
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    if close:
        return f"did you mean `{close[0]}`?"
    return f"known are {', '.join(sorted(known))}" if known else "there is none"


def _hint(error: yaml.MarkedYAMLError) -> str:
    # the two with which schedules begin: @daily and */20 6 * * *
    unquoted = error.context == "while scanning an alias" or "'@'" in (error.problem or "")
    return "; a text that begins with @ or * wants quotes" if unquoted else ""


def read_file(path: Path, problems: Problems) -> Section | None:
    """The top mapping of a file; None (and a problem) where there is none."""
    try:
        node = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        problems.add(Where(path.name, line), f"not YAML: {error.problem or error}{_hint(error)}")
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        problems.add(Where(path.name, 1), f"not YAML: {error}")
    except RecursionError:
        problems.add(Where(path.name, 1), "not a workspace: it is nested too deep")
    except OSError as error:
        problems.add(Where(path.name, 1), f"cannot be read: {error.strerror}")
    else:
        if isinstance(node, yaml.MappingNode):
            for where, text in mend(node, path.name):
                problems.add(where, text)
            return Section(node, path.name, problems)
        if node is not None:
            problems.add(Where(path.name, 1), "the file must be a mapping")
    return None
