"""A worker for somebody who watches reports being made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from tallymark.ledger.handler import Due, Handler
from tallymark.ledger.objects import Object
from tallymark.ledger.task import Task
from tallymark.ledger.worker import Worker
from tallymark.reports.store import KIND
from tallymark.wiring.node import Node


@dataclass(frozen=True)
class Watched:
    """A handler that tells after each task."""

    handler: Handler
    told: Callable[[], None]

    def due(self, object: Object, now: datetime) -> Due:
        return self.handler.due(object, now)

    def run(self, task: Task) -> None:
        self.handler.run(task)
        self.told()


def reporter(node: Node, told: Callable[[], None]) -> Worker:
    """It starts nothing but reports, and ends what others left; `told` after each of its tasks."""
    handlers = {**node.handlers, KIND: Watched(node.handlers[KIND], told)}
    return Worker(node.claims, handlers, node.clock, beat_s=node.config.beat_s, starts=[KIND])
