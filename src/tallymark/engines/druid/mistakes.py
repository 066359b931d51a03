"""What is wrong with a native query by itself, before Druid is asked: every mistake at once. Pure.

query ▶ its own fields ▶ granularity ▶ dimensions, filter, aggregations, post-aggregations
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tallymark.calendar.periods import Calendar
from tallymark.engines import DATE
from tallymark.engines.druid.granularity import ALL, PERIODS, Cut, cut
from tallymark.engines.druid.native import (
    KINDS,
    OUR_CONTEXT,
    aggregation_name,
    dimension_name,
    output,
)
from tallymark.engines.druid.order import look_order
from tallymark.engines.druid.parts import (
    Looked,
    look_aggregation,
    look_filter,
    look_post_aggregation,
    near,
)
from tallymark.engines.druid.shapes import DIMENSIONS, FIELDS, NEEDED
from tallymark.engines.druid.sources import inner_queries, names

HERE = "query_json"
DEEPEST = 64
_GRANULARITIES = (
    f"all, none, {', '.join(PERIODS)}, or an object such as"
    ' {"type": "period", "period": "P1D"} or {"type": "duration", "duration": 3600000}'
)


def look(query: Mapping[str, Any], calendar: Calendar) -> Looked:
    found = Looked()
    kind = query.get("queryType")
    if _deeper(query, DEEPEST):
        found.say(HERE, f"it is nested deeper than {DEEPEST} levels")
    elif kind not in KINDS:
        found.say(f"{HERE}.queryType", f"one of {', '.join(KINDS)}, not {kind!r}")
    else:
        _fields(found, kind, query)
        here = _granularity(found, kind, query, calendar)
        _source(found, query.get("dataSource"), calendar)
        _parts(found, {name: query[name] for name in query if name in FIELDS[kind]})
        if not found.wrong:
            found.output = output(query, here)
            _columns_differ(found)
    return found


def _deeper(value: Any, levels: int) -> bool:
    inner = value.values() if isinstance(value, Mapping) else value
    if not isinstance(value, Mapping | list):
        return False
    return levels == 0 or any(_deeper(one, levels - 1) for one in inner)


def _fields(found: Looked, kind: str, query: Mapping[str, Any]) -> None:
    for name in NEEDED[kind]:
        if not query.get(name):
            found.say(f"{HERE}.{name}", f"`{kind}` needs `{name}`")
    for name in query:
        if name not in FIELDS[kind]:
            like = near(name, FIELDS[kind])
            text = f"`{kind}` has no `{name}`{like}"
            if like:
                found.say(f"{HERE}.{name}", text)
            else:
                found.warnings.append(f"{HERE}.{name}: {text}: it is ignored")
    if "intervals" in query:
        found.warnings.append(f"{HERE}.intervals: ignored, the report's own interval is asked for")
    context = query.get("context", {})
    if not isinstance(context, Mapping):
        found.say(f"{HERE}.context", "an object belongs here")
        return
    found.warnings.extend(
        f"{HERE}.context.{name}: ignored, it would change the form of the answer"
        for name in context
        if name in OUR_CONTEXT
    )


def _granularity(found: Looked, kind: str, query: Mapping[str, Any], calendar: Calendar) -> Cut:
    if kind == "scan":
        return ALL
    here = cut(query.get("granularity", "all"), calendar)
    if here is None:
        found.say(f"{HERE}.granularity", f"one of {_GRANULARITIES}")
        return ALL
    own = here.sent.get("timeZone", "UTC") if isinstance(here.sent, Mapping) else calendar.zone
    if here.grain is not None and own != calendar.zone:
        found.warnings.append(
            f"{HERE}.granularity: cut in {own}, not in {calendar.zone}: a run fails whose buckets"
            f" are none of the report's"
        )
    return here


def _source(found: Looked, source: Any, calendar: Calendar) -> None:
    if not any(names(source)):
        found.say(f"{HERE}.dataSource", "the name of a data source belongs here")
    for query in inner_queries(source):
        inner = cut(query.get("granularity", "all"), calendar)
        if inner is None or (inner.dated and inner.grain is None):
            found.say(
                f"{HERE}.dataSource.query.granularity",
                "of an inner query: all, hour, day, week, month, quarter or year",
            )


def _parts(found: Looked, query: Mapping[str, Any]) -> None:
    """What the query reads and yields, in the order in which one may read the other."""
    named: set[str] = set()
    dimensions = [*found.listed(query.get("dimensions"), f"{HERE}.dimensions")]
    if "dimension" in query:
        dimensions.append((f"{HERE}.dimension", query["dimension"]))
    for path, one in dimensions:
        found.read(path, one)
        kind = one.get("type", "default") if isinstance(one, Mapping) else "default"
        if kind not in DIMENSIONS:
            # Druid takes it for a plain one
            known = f"one of {', '.join(DIMENSIONS)}"
            found.say(f"{path}.type", f"{known}, not {kind!r}")
        named.add(dimension_name(one))
    for path, one in found.listed(query.get("columns"), f"{HERE}.columns"):
        found.read(path, one if isinstance(one, str) else None)
    if query.get("filter") is not None:
        look_filter(found, query["filter"], f"{HERE}.filter")
    for path, one in found.listed(query.get("aggregations"), f"{HERE}.aggregations"):
        look_aggregation(found, one, path)
        if isinstance(one, Mapping):
            named.add(aggregation_name(one))
    for path, one in found.listed(query.get("postAggregations"), f"{HERE}.postAggregations"):
        look_post_aggregation(found, one, path, named)
        if isinstance(one, Mapping) and one.get("name") and isinstance(one["name"], str):
            named.add(one["name"])
        else:
            found.say(f"{path}.name", "a post-aggregation needs a name of its own")
    look_order(found, query, named, HERE)
    virtual = found.listed(query.get("virtualColumns"), f"{HERE}.virtualColumns")
    made = {_virtual(found, path, one) for path, one in virtual}
    found.columns = [(path, name) for path, name in found.columns if name not in made]


def _virtual(found: Looked, path: str, one: Any) -> str:
    # of a nested field it is the `outputName`
    name = one.get("outputName", one.get("name")) if isinstance(one, Mapping) else None
    if isinstance(name, str) and name:
        return name
    found.say(f"{path}.name", "a virtual column needs a name of its own")
    return ""


def _columns_differ(found: Looked) -> None:
    columns = found.output.columns if found.output else ()
    for name in sorted({name for name in columns if columns.count(name) > 1}):
        why = ": it is the bucket's" if name == DATE and columns[0] == DATE else ""
        found.say(HERE, f"two columns are named {name!r}{why}")
    if not columns:
        found.say(HERE, "it yields no column: add an aggregation")
