"""The schema of `engines`: each under its kind, with its settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tallymark.definitions.reader import Section, suggest
from tallymark.definitions.settings import read_settings
from tallymark.engines import Engine


@dataclass(frozen=True, slots=True)
class EngineSpec:
    """An engine that reports may ask; secrets are references, never values."""

    kind: str
    settings: Mapping[str, Any]


def engine(name: str, section: Section, kinds: Mapping[str, type[Engine]]) -> EngineSpec | None:
    """None where there is no such engine."""
    kind = kinds.get(name)
    if kind is None:
        told = f"unknown engine `{name}`: {suggest(name, tuple(kinds))}"
        section.problems.add(section.where, told)
        return None
    settings = read_settings(section, kind)
    section.done()
    return EngineSpec(kind=name, settings=settings)
