"""All that the web needs, built and handed over by wiring."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from starlette.types import ASGIApp

from tallymark.boards.board import BoardReader, Reads
from tallymark.boards.define import BoardSpec, Metric
from tallymark.boards.health import Health, Progress
from tallymark.boards.offer import Finest
from tallymark.clock import Clock
from tallymark.reports.service import Reports


class DeclaredMetric(Metric, Protocol):
    """What the API tells of a metric; `metrics.define.MetricSpec` is one."""

    @property
    def stream(self) -> str: ...


def _nothing_runs() -> Progress | None:
    return None


@dataclass(frozen=True, kw_only=True)
class Services:
    """Every callable may block: the web calls them in threads, never in the event loop."""

    clock: Clock
    reads: Reads
    metrics: Mapping[str, DeclaredMetric]
    dimensions: Mapping[str, tuple[str, ...]]
    """What each metric can be broken down and filtered by, its subject first."""
    boards: Mapping[str, BoardSpec]
    """In the order of the rail."""
    finest: Callable[[str], Finest]
    """A metric's finest grain, `boards.offer.finest` of its stream."""
    health: Callable[[Sequence[str]], Mapping[str, Health]]
    """How the collecting behind these metrics goes."""
    check_token: Callable[[str], str | None]
    """The scope of a token, `read`, `write` or `admin`; None: it is not one of ours."""
    reports: Reports
    ready: Callable[[], Sequence[str]]
    """Why it is not ready, each with what to do; empty: it is."""
    prometheus: Callable[[], bytes]
    notes: Callable[[], Sequence[str]] = field(default=tuple)
    """What a person should know though it is ready."""
    progress: Callable[[], Progress | None] = field(default=_nothing_runs)
    """The long first collection, while it runs."""
    receiver: ASGIApp | None = None
    """What answers below `/in/`."""

    @property
    def board_reader(self) -> BoardReader:
        return BoardReader(
            reads=self.reads,
            metrics=self.metrics,
            finest=self.finest,
            health=self.health,
        )
