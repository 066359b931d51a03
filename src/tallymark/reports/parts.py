"""What runs are made with; built by wiring."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Engine as Database

from tallymark.calendar.periods import Calendar
from tallymark.clock import Clock
from tallymark.engines import Around, Engine
from tallymark.files import Files
from tallymark.ledger.task import Task, still_ours
from tallymark.model import Reached, nobody
from tallymark.state.database import reading


@dataclass(frozen=True, kw_only=True)
class Parts:
    """Of one node and one workspace."""

    database: Database
    engines: Mapping[str, Engine]
    """By kind."""
    stores: Mapping[str, Files]
    """By name; the empty one is the lake's."""
    around: Around
    calendar: Calendar
    clock: Clock
    scratch: Path
    """Where answers are written before they are put."""
    reached: Reached = nobody

    def still_ours(self, task: Task) -> None:
        """Raises: ClaimLost."""
        with reading(self.database) as conn:
            still_ours(conn, task)
