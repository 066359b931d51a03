"""The schemas of `metrics` and `boards`."""

from __future__ import annotations

import re
from collections.abc import Mapping

from tallymark.boards.define import BoardSpec, CardSpec
from tallymark.definitions.reader import Section, suggest
from tallymark.metrics.define import MetricSpec
from tallymark.model import Stream

MEASURE = re.compile(r"^(sum|count|min|max|last|increase)(?:\(([A-Za-z_][A-Za-z0-9_]*)\))?$")
CARDS = ("number", "line", "bar")


def metric(name: str, section: Section, streams: Mapping[str, Stream]) -> MetricSpec | None:
    """A metric; None (and the problems) where it cannot be understood."""
    stream_name = section.one_of("stream", tuple(streams))
    measure = section.text("measure")
    found = MEASURE.match(measure)
    if measure and found is None:
        text = (
            f"`measure: {measure}` is none of sum(x), count, min(x), max(x), last(x), increase(x)"
        )
        section.problems.add(section.place("measure"), text)
    where = _where(section)
    dimensions = section.texts("dimensions")
    title = section.text("title", name.replace("_", " ").capitalize())
    description = section.text("description", "-").removeprefix("-")
    unit = section.text("unit", "-").removeprefix("-")
    direction = section.one_of("direction", ("up", "down", "none"), "none")
    section.done()
    stream = streams.get(stream_name)
    if stream is None or found is None:
        return None
    aggregate, field = found.group(1), found.group(2)
    if not _measurable(section, stream, aggregate, field):
        return None
    fields = tuple(f.name for f in stream.fields)
    for key, word in [*(("dimensions", d) for d in dimensions), *(("where", w) for w, _ in where)]:
        if word not in fields:
            section.problems.add(section.place(key), f"`{key}: {word}`: {suggest(word, fields)}")
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
        where=where,
        dimensions=dimensions,
    )


def _where(section: Section) -> tuple[tuple[str, tuple[str | int | float | bool, ...]], ...]:
    found = section.value("where", {})
    if not isinstance(found, dict):
        section.problems.add(section.place("where"), "`where` must map fields to values")
        return ()
    return tuple(
        (str(key), tuple(value) if isinstance(value, list) else (value,))
        for key, value in found.items()
    )


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


def board(name: str, section: Section, metrics: Mapping[str, MetricSpec]) -> BoardSpec:
    cards = tuple(_card(card, metrics) for card in section.items("cards"))
    title = section.text("title", name.capitalize())
    section.done()
    return BoardSpec(name=name, title=title, cards=cards)


def _card(section: Section, metrics: Mapping[str, MetricSpec]) -> CardSpec:
    kind = section.one_of("kind", CARDS)
    name = section.one_of("metric", tuple(metrics))
    found = metrics.get(name)
    by = section.text("by", "-").removeprefix("-") or None
    if found and by and by not in found.dimensions:
        text = f"`by: {by}`: {suggest(by, found.dimensions) if found.dimensions else 'none'}"
        section.problems.add(section.place("by"), text)
    width = section.value("width", 3 if kind == "number" else 6)
    if not isinstance(width, int) or not 1 <= width <= 12:
        section.problems.add(section.place("width"), "`width` is a number of columns from 1 to 12")
        width = 6
    title = section.text("title", found.title if found else name or "-")
    section.done()
    return CardSpec(kind=kind, metric=name, title=title, by=by, width=width)  # type: ignore[arg-type]
