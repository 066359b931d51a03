"""YAML with its lines: a mapping that is asked for its keys, and tells every problem at once."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import yaml


@dataclass
class Problems:
    """What is wrong, each with file and line; gathered, so that one run names them all."""

    lines: list[str] = field(default_factory=list)

    def add(self, where: Where, text: str) -> None:
        self.lines.append(f"{where}: {text}")


@dataclass(frozen=True)
class Where:
    """A place in a file."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


class _Plain(yaml.SafeLoader):
    """Dates and numbers as YAML means them."""


@dataclass
class Section:
    """A mapping of a file. Keys that nobody asked for are reported by `done`."""

    node: yaml.MappingNode
    file: str
    problems: Problems
    asked: list[str] = field(default_factory=list)

    @property
    def where(self) -> Where:
        return Where(self.file, self.node.start_mark.line + 1)

    def keys(self) -> list[str]:
        return [str(key.value) for key, _ in self.node.value]

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
        """The plain value of a key."""
        node = self._node(key)
        return default if node is None else plain(node)

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
        if isinstance(found, datetime) and found.tzinfo is not None:
            return found.astimezone(UTC)
        if isinstance(found, date) and not isinstance(found, datetime):
            return datetime(found.year, found.month, found.day, tzinfo=UTC)
        text = f"`{key}` is missing" if found is None else f"`{key}` must be a date"
        self.problems.add(self.place(key), f"{text}, such as 2026-01-31")
        return datetime(1980, 1, 1, tzinfo=UTC)

    def section(self, key: str) -> Section | None:
        """The mapping under a key; None where it is not there."""
        node = self._node(key)
        if node is None:
            return None
        if not isinstance(node, yaml.MappingNode):
            self.problems.add(self.place(key), f"`{key}` must be a mapping")
            return None
        return Section(node, self.file, self.problems)

    def sections(self, key: str) -> Iterator[tuple[str, Section]]:
        """The mappings under a key, by name."""
        node = self._node(key)
        if node is None:
            return
        if not isinstance(node, yaml.MappingNode):
            self.problems.add(self.place(key), f"`{key}` must be a mapping of names")
            return
        for name, child in node.value:
            if isinstance(child, yaml.MappingNode):
                yield str(name.value), Section(child, self.file, self.problems)
            else:
                at = Where(self.file, name.start_mark.line + 1)
                self.problems.add(at, f"`{name.value}` must be a mapping")

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
        seen: set[str] = set()
        for key in self.keys():
            if key in seen:
                self.problems.add(self.place(key), f"`{key}` stands here twice")
            elif key not in known:
                self.problems.add(self.place(key), f"unknown key `{key}`: {suggest(key, known)}")
            seen.add(key)


def suggest(word: str, known: tuple[str, ...]) -> str:
    """The nearest right word, or all of them."""
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f"did you mean `{close[0]}`?" if close else f"known are {', '.join(sorted(known))}"


def read_file(path: Path, problems: Problems) -> Section | None:
    """The top mapping of a file; None (and a problem) where there is none."""
    try:
        node = yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        problems.add(Where(path.name, line), f"not YAML: {error.problem}")
        return None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        problems.add(Where(path.name, 1), f"not YAML: {error}")
        return None
    if node is None:
        return None
    if not isinstance(node, yaml.MappingNode):
        problems.add(Where(path.name, 1), "the file must be a mapping")
        return None
    return Section(node, path.name, problems)


def plain(node: yaml.Node) -> Any:
    loader = _Plain("")
    try:
        return loader.construct_document(node)
    finally:
        loader.dispose()
