"""What the web gets of one workspace. All of it is made anew when the workspace changes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tallymark.boards.health import Progress
from tallymark.boards.offer import Finest, finest
from tallymark.calendar.schedule import Schedule
from tallymark.metrics.define import dimensions
from tallymark.receive.http import Receiver
from tallymark.state import tokens
from tallymark.web.services import Services
from tallymark.wiring.health import health, prometheus
from tallymark.wiring.node import Node


def services(
    node: Node,
    receiver: Receiver,
    *,
    ready: Callable[[], Sequence[str]],
    notes: Callable[[], Sequence[str]],
    progress: Callable[[], Progress | None],
) -> Services:
    """Bound to this node alone: a request has one workspace from its beginning to its end."""
    control, metrics = node.databases.control, node.workspace.metrics
    return Services(
        clock=node.clock,
        reads=node.series,
        metrics=metrics,
        dimensions={m.name: dimensions(m, node.streams[m.stream]) for m in metrics.values()},
        boards=node.workspace.boards,
        finest=lambda metric: _finest(node, metric),
        health=lambda names: health(control, metrics, names),
        check_token=lambda token: tokens.check(control, token),
        reports=node.reporting.service,
        ready=ready,
        notes=notes,
        prometheus=lambda: prometheus(node.databases),
        progress=progress,
        receiver=receiver,
    )


def _finest(node: Node, metric: str) -> Finest:
    name = node.workspace.metrics[metric].stream
    stream = node.streams[name]
    source, _, stream_name = name.partition(".")
    declared = node.workspace.sources[source].streams
    every = next(s.every for s in declared if s.name == stream_name)
    return finest(stream, Schedule.parse(every, stream.zone).step_s)
