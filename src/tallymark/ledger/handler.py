"""What the worker asks of a kind of work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from tallymark.ledger.objects import Object
from tallymark.ledger.task import Task


@dataclass(frozen=True)
class Due:
    """What an object is due for now; none: it is not looked at again before `check_at`."""

    spans: Sequence[tuple[datetime | None, datetime | None]]
    check_at: datetime
    revision: int = 1
    """Of the first span, where a kind of work counts its own."""


class Handler(Protocol):
    """One kind of work."""

    def due(self, object: Object, now: datetime) -> Due:
        """What is due; it may write down what follows from the clock alone, and asks nobody."""
        ...

    def run(self, task: Task) -> None:
        """Do it, and end the task in the transaction that shows its results."""
        ...
