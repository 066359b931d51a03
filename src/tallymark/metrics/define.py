"""What a metric is, and which cubes stand behind the metrics of a workspace. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from tallymark.model import Aggregate, CubeSpec, Measure, Stream

MetricAggregate = Aggregate | Literal["increase"]
Direction = Literal["up", "down", "none"]
Where = tuple[tuple[str, tuple[str | int | float | bool, ...]], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricSpec:
    """A named measure of a stream; boards, the API and the CLI all use the same one."""

    name: str
    title: str
    stream: str
    """`source.stream`, such as `github.repositories`."""
    aggregate: MetricAggregate
    field: str | None = None
    """None only for `count`."""
    description: str = ""
    unit: str = ""
    direction: Direction = "none"
    """Which way is good."""
    where: Where = ()
    dimensions: tuple[str, ...] = ()
    """What it can be broken down and filtered by, beside the subject."""


def cube_specs(metrics: Iterable[MetricSpec], streams: Mapping[str, Stream]) -> dict[str, CubeSpec]:
    """The cubes that answer these metrics, by stream: all their dimensions and measures in one."""
    wanted: dict[str, list[MetricSpec]] = {}
    for metric in metrics:
        wanted.setdefault(metric.stream, []).append(metric)
    return {name: _cube(name, streams[name], found) for name, found in sorted(wanted.items())}


def measure(metric: MetricSpec, stream: Stream) -> Measure:
    """The cube's column behind a metric; metrics that mean the same share one.

    `increase` has none of its own: it is derived from `last` when it is read.
    """
    aggregate: Aggregate = "last" if metric.aggregate == "increase" else metric.aggregate
    where = tuple(sorted((name, tuple(sorted(values, key=repr))) for name, values in metric.where))
    name = f"{aggregate}_{metric.field}" if metric.field else aggregate
    if where:
        name = f"{name}_{hashlib.sha256(json.dumps(where).encode()).hexdigest()[:8]}"
    types = {field.name: field.type for field in stream.fields}
    double = aggregate != "count" and types.get(metric.field or "") == "double"
    return Measure(name, aggregate, metric.field, where, "double" if double else "long")


def dimensions(metric: MetricSpec, stream: Stream) -> tuple[str, ...]:
    """What a metric can be broken down and filtered by; the subject comes first."""
    return (stream.subject, *(d for d in metric.dimensions if d != stream.subject))


def _cube(name: str, stream: Stream, metrics: list[MetricSpec]) -> CubeSpec:
    others = {d for metric in metrics for d in metric.dimensions} - {stream.subject}
    measures = {measure(metric, stream) for metric in metrics}
    return CubeSpec(
        name=name,
        dimensions=(stream.subject, *sorted(others)),
        measures=tuple(sorted(measures, key=lambda m: m.name)),
        label=stream.label,
    )
