"""What a native query sorts and cuts its rows by: each name must be one that it yields. Pure.

Druid takes a `having` over what no aggregation yields (it keeps no row, or every one), and of a
sort by such a name it says no more than a Java class.
"""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any

from tallymark.engines.druid.parts import Looked, near

_COMPARED = {"equalTo": "aggregation", "greaterThan": "aggregation", "lessThan": "aggregation"}
_COMPARED["dimSelector"] = "dimension"


def look_order(found: Looked, query: Mapping[str, Any], yielded: Set[str], path: str) -> None:
    """`yielded`: the names of dimensions, aggregations and post-aggregations."""
    limit = query.get("limitSpec")
    if isinstance(limit, Mapping):
        for place, one in found.listed(limit.get("columns"), f"{path}.limitSpec.columns"):
            name = one.get("dimension") if isinstance(one, Mapping) else one
            _known(found, name, yielded, place)
    if query.get("having") is not None:
        _having(found, query["having"], yielded, f"{path}.having")
    if "metric" in query:
        _metric(found, query["metric"], yielded, f"{path}.metric")


def _having(found: Looked, value: Any, yielded: Set[str], path: str) -> None:
    kind = value.get("type") if isinstance(value, Mapping) else None
    if kind in ("and", "or"):
        for place, one in found.listed(value.get("havingSpecs"), f"{path}.havingSpecs"):
            _having(found, one, yielded, place)
    elif kind == "not":
        _having(found, value.get("havingSpec"), yielded, f"{path}.havingSpec")
    elif not isinstance(kind, str):
        found.say(path, "a having is an object with a `type`, such as 'greaterThan'")
    elif kind in _COMPARED:
        _known(found, value.get(_COMPARED[kind]), yielded, f"{path}.{_COMPARED[kind]}")


def _metric(found: Looked, value: Any, yielded: Set[str], path: str) -> None:
    """A name, or `numeric` and `inverted` around one; a sort by the dimension has none."""
    if isinstance(value, Mapping):
        if value.get("type") in ("numeric", "inverted"):
            _metric(found, value.get("metric"), yielded, f"{path}.metric")
    else:
        _known(found, value, yielded, path)


def _known(found: Looked, name: Any, yielded: Set[str], path: str) -> None:
    if not isinstance(name, str):
        found.say(path, "the name of a column of the answer belongs here")
    elif name not in yielded:
        found.say(path, f"the query yields no {name!r}{near(name, yielded)}")
