"""The worker of a process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tallymark.clock import Clock
from tallymark.config import Config
from tallymark.ledger.claim import Claims
from tallymark.ledger.worker import Handler, Worker

AHEAD = ("cube", "flush")
"""What people wait for: quick, and never behind a long collection or report."""


def build_worker(
    config: Config,
    claims: Claims,
    handlers: Mapping[str, Handler],
    clock: Clock,
    starts: Sequence[str] | None = None,
) -> Worker:
    """As the settings say; `starts`: of which kinds it starts what is due, by default all."""
    return Worker(
        claims,
        handlers,
        clock,
        config.worker_threads,
        beat_s=config.beat_s,
        starts=starts,
        ahead=AHEAD,
    )
