"""What is wrong with the filters and aggregations of a native query, by our own list. Pure.

Each mistake has the path at which it stands: `query_json.filter.fields[0].dimension`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from typing import Any

from tallymark.engines import Output
from tallymark.engines.druid.shapes import (
    AGGREGATORS,
    FILTERS,
    FUNCTIONS,
    INSTEAD,
    NUMBERS,
    POST_AGGREGATORS,
    READS_A_FIELD,
    Needed,
)
from tallymark.errors import WrongField

_COLUMN_OF_A_FILTER = ("dimension", "column")


@dataclass(slots=True)
class Looked:
    """What was found in a query."""

    output: Output | None = None
    """None: it is too wrong to say."""
    wrong: list[WrongField] = field(default_factory=list)
    unknown: list[WrongField] = field(default_factory=list)
    """Types that are not listed: wrong unless Druid takes them."""
    warnings: list[str] = field(default_factory=list)
    columns: list[tuple[str, str]] = field(default_factory=list)
    """Path and name of each column that is read."""
    numbers: set[str] = field(default_factory=set)
    """Paths of those that are read as numbers."""

    def say(self, path: str, text: str) -> None:
        self.wrong.append(WrongField(path, text))

    def read(self, path: str, column: Any) -> None:
        """A column is read, by its name or by an object that says more of it."""
        while isinstance(column, Mapping):
            key = "delegate" if "delegate" in column else "dimension"
            path, column = f"{path}.{key}", column.get(key)
        if isinstance(column, str) and column:
            self.columns.append((path, column))
        else:
            self.say(path, "the name of a column belongs here")

    def typed(self, value: Any, path: str, kind: str, known: Needed) -> str | None:
        """The type of an object; None: it is not known, nothing can be said of the rest."""
        name = value.get("type") if isinstance(value, Mapping) else None
        if not isinstance(name, str):
            self.say(path, f"{kind} is an object with a `type`, such as {next(iter(known))!r}")
            return None
        if name not in known:
            text = f"Druid has no {kind.partition(' ')[2]} {name!r}{near(name, known)}"
            self.unknown.append(WrongField(f"{path}.type", text))
            return None
        for needed in known[name]:
            there = needed in value or INSTEAD.get(needed) in value
            if not there or (needed == "name" and not isinstance(value["name"], str)):
                self.say(f"{path}.{needed}", f"`{name}` needs `{needed}`{_misplaced(value)}")
        return name

    def listed(self, value: Any, path: str) -> Iterator[tuple[str, Any]]:
        """The path and the value of each element."""
        if value is None:
            return
        if not isinstance(value, list):
            self.say(path, "a list belongs here")
            return
        for place, one in enumerate(value):
            yield f"{path}[{place}]", one


def near(name: str, known: Iterable[str]) -> str:
    """`: did you mean 'filter'?`, or nothing."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.7)
    return f": did you mean {close[0]!r}?" if close else ""


def look_filter(found: Looked, value: Any, path: str) -> None:
    kind = found.typed(value, path, "a filter", FILTERS)
    if kind is None:
        return
    for inner, one in found.listed(value.get("fields"), f"{path}.fields"):
        look_filter(found, one, inner)
    if "field" in value:
        look_filter(found, value["field"], f"{path}.field")
    for key in _COLUMN_OF_A_FILTER:
        if key in value:
            found.read(f"{path}.{key}", value[key])
    for inner, one in found.listed(value.get("dimensions"), f"{path}.dimensions"):
        found.read(inner, one)


def look_aggregation(found: Looked, value: Any, path: str) -> None:
    kind = found.typed(value, path, "an aggregation", AGGREGATORS)
    if kind is None and isinstance(value, Mapping) and not isinstance(value.get("name"), str):
        found.say(f"{path}.name", "an aggregation needs a name of its own")
    if kind == "count":
        if "fieldName" in value:
            found.warnings.append(f"{path}: `count` counts rows and ignores its `fieldName`")
    elif kind == "filtered":
        if "filter" in value:
            look_filter(found, value["filter"], f"{path}.filter")
        if "aggregator" in value:
            look_aggregation(found, value["aggregator"], f"{path}.aggregator")
    elif kind is not None and kind != "grouping":
        if "fieldName" in value:
            found.read(f"{path}.fieldName", value["fieldName"])
        if kind.startswith(NUMBERS):
            found.numbers.add(f"{path}.fieldName")
        for key in ("fields", "fieldNames"):
            for inner, one in found.listed(value.get(key), f"{path}.{key}"):
                found.read(inner, one)


def look_post_aggregation(found: Looked, value: Any, path: str, named: Set[str]) -> None:
    """`named`: what it can read: dimensions, aggregations, earlier post-aggregations."""
    kind = found.typed(value, path, "a post-aggregation", POST_AGGREGATORS)
    if kind is None:
        return
    if kind == "arithmetic" and "fn" in value and value["fn"] not in FUNCTIONS:
        found.say(f"{path}.fn", f"one of {' '.join(FUNCTIONS)}")
    read = value.get("fieldName") if kind in READS_A_FIELD else None
    if read is not None and not (isinstance(read, str) and read in named):
        said = f"no aggregation is named {read!r}{near(str(read), named)}"
        found.say(f"{path}.fieldName", f"{said}; add it to `aggregations`")
    if isinstance(value.get("field"), Mapping):
        look_post_aggregation(found, value["field"], f"{path}.field", named)
    for inner, one in found.listed(value.get("fields"), f"{path}.fields"):
        look_post_aggregation(found, one, inner, named)


def _misplaced(value: Mapping[str, Any]) -> str:
    """The founding sample names its columns by `name` and `fieldName`, as aggregations do."""
    if "fieldName" in value and "dimension" not in value and value.get("type") in FILTERS:
        return "; a filter has no `name` and no `fieldName`"
    return ""
