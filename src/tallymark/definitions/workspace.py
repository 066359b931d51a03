"""A workspace as a whole: all YAML files of its folder, checked together."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tallymark.boards.define import BoardSpec
from tallymark.calendar.periods import Calendar
from tallymark.connectors import Connector
from tallymark.definitions import metrics as schema
from tallymark.definitions.calendar import calendar
from tallymark.definitions.engines import EngineSpec, engine
from tallymark.definitions.reader import Mistake, Problems, Section, read_file
from tallymark.definitions.sources import source
from tallymark.definitions.stores import StoreSpec, store
from tallymark.engines import discover
from tallymark.errors import ConfigError
from tallymark.metrics.define import MetricSpec, dimensions
from tallymark.model import SourceSpec, Stream

TOP = ("calendar", "sources", "metrics", "boards", "engines", "stores")
# a name stands in addresses, in folders and in the names of tables
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}")


class Mistakes(ConfigError):
    """The workspace has mistakes."""

    def __init__(self, found: Sequence[Mistake]) -> None:
        super().__init__("\n".join(str(one) for one in found))
        self.found = tuple(found)


@dataclass(frozen=True)
class Workspace:
    """Everything that a workspace defines."""

    calendar: Calendar
    sources: Mapping[str, SourceSpec]
    metrics: Mapping[str, MetricSpec]
    boards: Mapping[str, BoardSpec]
    engines: Mapping[str, EngineSpec] = field(default_factory=dict)
    """Who answers reports, by kind; those that need no settings are there without being named."""
    stores: Mapping[str, StoreSpec] = field(default_factory=dict)
    """Where reports' files may go besides the lake."""

    def plain(self) -> dict[str, Any]:
        """As JSON, for the revision in the database; it holds references, never secrets."""
        found = asdict(self)
        for spec in found["sources"].values():
            for stream in spec["streams"]:
                stream["start_at"] = stream["start_at"].isoformat()
        return found


def load(folder: Path, connectors: Mapping[str, type[Connector]]) -> Workspace:
    """Read and check all `*.yaml` of a folder.

    Raises: Mistakes with every one of them; ConfigError where there is nothing to read.
    """
    problems = Problems()
    if not folder.is_dir():
        raise ConfigError(
            f"there is no workspace at {folder}: make the folder, or give --workspace"
        )
    files = [path for path in sorted(folder.iterdir()) if _is_yaml(path)]
    if not files:
        raise ConfigError(f"there is no YAML file in {folder}: put one there, or give --workspace")
    tops = [top for path in files if (top := read_file(path, problems))]
    workspace = _workspace(tops, connectors, problems)
    if problems.found:
        raise Mistakes(problems.found)
    return workspace


def fingerprint(folder: Path) -> str:
    """Another one where the content of the files that `load` reads is another.

    What cannot be read counts as empty: `load` says why.
    """
    found = hashlib.sha256()
    try:
        paths = [path for path in sorted(folder.iterdir()) if _is_yaml(path)]
    except OSError:
        return ""
    for path in paths:
        with suppress(OSError):
            content = path.read_bytes()
            found.update(f"{path.name}\0{len(content)}\0".encode() + content)
    return found.hexdigest()


def _is_yaml(path: Path) -> bool:
    # an editor's own files begin with a dot
    return path.suffix in (".yaml", ".yml") and not path.name.startswith(".")


def streams_of(
    sources: Mapping[str, SourceSpec], connectors: Mapping[str, type[Connector]]
) -> dict[str, Stream]:
    """The declared streams by their full name, `github.repositories`."""
    found = {}
    for spec in sources.values():
        known = {s.name: s for s in connectors[spec.connector].streams}
        for stream in spec.streams:
            found[f"{spec.name}.{stream.name}"] = known[stream.name]
    return found


def _workspace(
    tops: list[Section], connectors: Mapping[str, type[Connector]], problems: Problems
) -> Workspace:
    sources: dict[str, SourceSpec] = {}
    metrics: dict[str, MetricSpec] = {}
    boards: dict[str, BoardSpec] = {}
    for name, part in _named(tops, "sources", problems):
        sources[name] = source(name, part, connectors)
    known = {k: v for k, v in sources.items() if v.connector in connectors}
    streams = streams_of(known, connectors)
    offered: dict[str, tuple[str, tuple[str, ...] | None]] = {}
    for name, part in _named(tops, "metrics", problems):
        if found := schema.metric(name, part, streams):
            metrics[name] = found
            offered[name] = found.title, dimensions(found, streams[found.stream])
        else:
            offered[name] = name, None
    for name, part in _named(tops, "boards", problems):
        boards[name] = schema.board(name, part, offered)
    cut = calendar(tops)
    engines, stores = _engines(tops, problems), _stores(tops, problems)
    for top in tops:
        top.asked.extend(TOP)
        top.done()
    return Workspace(
        calendar=cut,
        sources=sources,
        metrics=metrics,
        boards=boards,
        engines=engines,
        stores=stores,
    )


def _engines(tops: list[Section], problems: Problems) -> dict[str, EngineSpec]:
    parts = _named(tops, "engines", problems)
    kinds = discover() if parts else {}
    return {name: spec for name, part in parts if (spec := engine(name, part, kinds))}


def _stores(tops: list[Section], problems: Problems) -> dict[str, StoreSpec]:
    parts = _named(tops, "stores", problems)
    return {name: spec for name, part in parts if (spec := store(name, part))}


def _named(tops: list[Section], kind: str, problems: Problems) -> list[tuple[str, Section]]:
    found: dict[str, Section] = {}
    for top in tops:
        for name, part in top.sections(kind):
            if not NAME.fullmatch(name):
                text = f"`{name}`: a name has up to 63 letters (a to z), digits, _ and -"
                problems.add(part.where, text)
            elif name in found:
                problems.add(part.where, f"`{name}` stands at {found[name].where} already")
            else:
                found[name] = part
    return list(found.items())
