"""What recurs in a workspace: one object a subject, inbox, table and cube. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from tallymark.connectors import Connector
from tallymark.definitions.workspace import Workspace, streams_of
from tallymark.ledger.objects import ObjectSpec
from tallymark.metrics.define import cube_specs
from tallymark.model import SourceSpec, Stream, StreamSpec


def object_specs(
    workspace: Workspace, connectors: Mapping[str, type[Connector]]
) -> Iterator[ObjectSpec]:
    """All objects that a workspace wants in the ledger."""
    streams = streams_of(workspace.sources, connectors)
    for source in workspace.sources.values():
        for spec in source.streams:
            stream = streams[f"{source.name}.{spec.name}"]
            yield from _collected(source, spec, stream)
            yield _duty("maintain", source, spec)
    for name in cube_specs(workspace.metrics.values(), streams):
        source_name, _, stream_name = name.partition(".")
        source = workspace.sources[source_name]
        spec = next(s for s in source.streams if s.name == stream_name)
        yield _duty("cube", source, spec)


def _collected(source: SourceSpec, spec: StreamSpec, stream: Stream) -> Iterator[ObjectSpec]:
    if stream.kind == "push":
        # what is pushed is still taken: it waits in the inbox
        yield replace(_duty("flush", source, spec), paused=bool(spec.paused))
        return
    for subject in spec.subjects:
        yield ObjectSpec(
            kind="collect",
            source=source.name,
            stream=spec.name,
            subject=subject,
            every=spec.every,
            catch_up=spec.catch_up,
            start_at=spec.start_at,
            paused=subject in spec.paused,
        )


def _duty(kind: str, source: SourceSpec, spec: StreamSpec) -> ObjectSpec:
    """Work that follows from what was collected; its subject is the stream as a whole."""
    return ObjectSpec(
        kind=kind,
        source=source.name,
        stream=spec.name,
        subject=source.name,
        every="1d" if kind == "maintain" else "1m",
        start_at=spec.start_at,
    )
