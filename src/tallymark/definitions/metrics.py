"""The schemas of `metrics` and `boards`."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Any, get_args

from tallymark.boards.define import RANGES, BoardSpec, CardKind, CardSpec
from tallymark.calendar.overlays import ALIGNS, OVERLAYS
from tallymark.definitions.reader import Section, suggest
from tallymark.metrics.define import MetricSpec
from tallymark.model import GRAINS, FieldType, Stream

MEASURE = re.compile(r"(sum|count|min|max|last|increase)(?:\(([A-Za-z_][A-Za-z0-9_]*)\))?")
CARDS: tuple[str, ...] = get_args(CardKind)
FITS: Mapping[FieldType, tuple[type, ...]] = {
    "text": (str,),
    "long": (int,),
    "double": (int, float),
    "boolean": (bool,),
    "instant": (),
}
Wanted = tuple[tuple[str, tuple[str | int | float | bool, ...]], ...]


def metric(name: str, section: Section, streams: Mapping[str, Stream]) -> MetricSpec | None:
    """A metric; None (and the problems) where it cannot be understood."""
    stream_name = section.one_of("stream", tuple(streams))
    measure = section.text("measure")
    found = MEASURE.fullmatch(measure)
    if measure and found is None:
        text = (
            f"`measure: {measure}` is none of sum(x), count, min(x), max(x), last(x), increase(x)"
        )
        section.problems.add(section.place("measure"), text)
    where = section.value("where", {})
    dimensions = section.texts("dimensions")
    title = section.text("title", name.replace("_", " ").capitalize())
    description, unit = section.optional("description"), section.optional("unit")
    direction = section.one_of("direction", ("up", "down", "none"), "none")
    section.done()
    stream = streams.get(stream_name)
    if stream is None or found is None:
        return None
    aggregate, field = found.group(1), found.group(2)
    wanted = _where(section, where, stream)
    _dimensions(section, dimensions, stream)
    if not _measurable(section, stream, aggregate, field):
        return None
    return MetricSpec(
        name=name,
        title=title,
        description=description,
        unit=unit,
        direction=direction,  # type: ignore[arg-type]
        stream=stream_name,
        aggregate=aggregate,  # type: ignore[arg-type]
        field=field,
        where=wanted,
        dimensions=dimensions,
    )


def _dimensions(section: Section, dimensions: tuple[str, ...], stream: Stream) -> None:
    fields = tuple(f.name for f in stream.fields)
    place = section.place("dimensions")
    for name in dict.fromkeys(dimensions):
        if name not in fields:
            section.problems.add(place, f"`dimensions: {name}`: {suggest(name, fields)}")
        elif dimensions.count(name) > 1:
            section.problems.add(place, f"`dimensions: {name}` stands there twice")


def _where(section: Section, wanted: Any, stream: Stream) -> Wanted:
    place = section.place("where")
    if not isinstance(wanted, dict):
        section.problems.add(place, "`where` must map fields to values")
        return ()
    types = {field.name: field.type for field in stream.fields}
    found = []
    for key, value in wanted.items():
        values = value if isinstance(value, list) else [value]
        if key not in types:
            section.problems.add(place, f"`where: {key}`: {suggest(str(key), tuple(types))}")
        elif not values or not all(_fits(one, types[key]) for one in values):
            text = f"`where: {key}` needs values of its type, {types[key]}"
            section.problems.add(place, text)
        else:
            found.append((str(key), tuple(values)))
    return tuple(found)


def _fits(value: Any, type_: FieldType) -> bool:
    if isinstance(value, bool) or type_ == "boolean":
        return isinstance(value, bool) and type_ == "boolean"
    if isinstance(value, int | float) and (not math.isfinite(value) or abs(value) >= 2**63):
        return False
    return isinstance(value, FITS[type_])


def _measurable(section: Section, stream: Stream, aggregate: str, field: str | None) -> bool:
    place = section.place("measure")
    if aggregate == "count":
        if field is not None:
            section.problems.add(place, "`count` counts rows: it takes no field")
        return field is None
    numbers = tuple(f.name for f in stream.fields if f.type in ("long", "double"))
    if field not in numbers:
        text = f"`{aggregate}` needs a number of {stream.name}: {suggest(field or '', numbers)}"
        section.problems.add(place, text)
        return False
    if stream.kind == "gauge" and aggregate == "sum":
        section.problems.add(place, f"a reading of {field} is never summed over time: use last")
        return False
    return True


Offered = Mapping[str, tuple[str, tuple[str, ...] | None]]
"""Every metric with its title and what it can be broken down by; None: it is wrong itself."""


def board(name: str, section: Section, offered: Offered) -> BoardSpec:
    cards = tuple(_card(card, offered) for card in section.items("cards"))
    title = section.text("title", name.capitalize())
    range_ = section.one_of("range", RANGES, "28d")
    grain = section.one_of("grain", GRAINS, "day")
    compare = section.texts("compare")
    for overlay in compare:
        if overlay not in OVERLAYS:
            text = f"`compare: {overlay}`: {suggest(overlay, OVERLAYS)}"
            section.problems.add(section.place("compare"), text)
    align = section.one_of("align", ALIGNS, "date")
    section.done()
    return BoardSpec(
        name=name,
        title=title,
        cards=cards,
        range=range_,  # type: ignore[arg-type]
        grain=grain,  # type: ignore[arg-type]
        compare=tuple(dict.fromkeys(compare)),  # type: ignore[arg-type]
        align=align,  # type: ignore[arg-type]
    )


def _card(section: Section, offered: Offered) -> CardSpec:
    kind = section.one_of("kind", CARDS)
    name = section.one_of("metric", tuple(offered))
    metric_title, dimensions = offered.get(name, (name or "-", None))
    by = section.optional("by") or None
    if by and kind == "number":
        section.problems.add(section.place("by"), "a number card shows one number: remove `by`")
    elif by and dimensions is not None and by not in dimensions:
        section.problems.add(section.place("by"), f"`by: {by}`: {suggest(by, dimensions)}")
    width = section.value("width", 3 if kind == "number" else 6)
    if type(width) is not int or not 2 <= width <= 12:
        section.problems.add(section.place("width"), "`width` is a number of columns from 2 to 12")
        width = 6
    title = section.text("title", metric_title)
    section.done()
    return CardSpec(kind=kind, metric=name, title=title, by=by, width=width)  # type: ignore[arg-type]
