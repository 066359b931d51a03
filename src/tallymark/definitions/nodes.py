"""YAML's nodes: what is wrong with them before anybody asks what they mean."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

# halves of a character and control characters can neither be stored nor shown
UNSOUND = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")
TEXT, MAP, LIST = (f"tag:yaml.org,2002:{name}" for name in ("str", "map", "seq"))


@dataclass(frozen=True)
class Where:
    """A place in a file."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


def name_of(key: yaml.Node) -> str:
    return key.value if isinstance(key, yaml.ScalarNode) else "?"


def plain(node: yaml.Node) -> Any:
    """Dates, numbers and texts as YAML means them.

    Raises: YAMLError, ValueError, TypeError for what is none; RecursionError.
    """
    loader = yaml.SafeLoader("")
    try:
        return loader.construct_document(node)
    finally:
        loader.dispose()


def mend(top: yaml.Node, file: str) -> Iterator[tuple[Where, str]]:
    """What is wrong wherever it stands; a scalar that is not what it looks like becomes a text."""
    seen: set[int] = set()
    waiting = [top]
    while waiting:
        node = waiting.pop()
        if id(node) in seen:
            continue  # an alias, perhaps of what it stands in
        seen.add(id(node))
        if isinstance(node, yaml.CollectionNode) and node.tag not in (MAP, LIST):
            yield Where(file, node.start_mark.line + 1), f"unknown tag {node.tag}"
            node.tag = MAP if isinstance(node, yaml.MappingNode) else LIST
        if isinstance(node, yaml.MappingNode):
            for line, text in _keys(node):
                yield Where(file, line), text
            waiting += [part for pair in node.value for part in pair]
        elif isinstance(node, yaml.SequenceNode):
            waiting += node.value
        elif problem := _scalar(node):
            yield Where(file, node.start_mark.line + 1), problem


def _keys(node: yaml.MappingNode) -> Iterator[tuple[int, str]]:
    seen: set[str] = set()
    for key, _ in node.value:
        line, name = key.start_mark.line + 1, name_of(key)
        if not isinstance(key, yaml.ScalarNode):
            yield line, "a key must be a text"
        elif name in seen:
            yield line, f"`{name}` stands here twice"
        seen.add(name)


def _scalar(node: yaml.Node) -> str:
    if UNSOUND.search(node.value):
        node.value = UNSOUND.sub("?", node.value)
        return "a text holds a character that cannot be stored"
    try:
        plain(node)
    except (yaml.YAMLError, ValueError, TypeError, OverflowError, AttributeError):
        # 2026-13-45 looks like a date: whoever asked for a date will say so
        told = "" if node.tag.startswith("tag:yaml.org,2002:") else f"unknown tag {node.tag}"
        node.tag = TEXT
        return told
    return ""
