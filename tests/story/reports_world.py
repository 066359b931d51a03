"""An installation that asks the stand-in of Druid, and a look at its runs and files."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import text

from tallymark.state.database import reading
from tests.report_world import Tree, configure, read, regenerate, spec, tree
from tests.servers.standin import StandIn
from tests.servers.standin_data import Data
from tests.story.installation import Installation, MakeInstallation, StoryClock

WORKSPACE = """
engines:
  druid: {broker: "${DRUID}", coordinator: "${DRUID}"}
"""
START = datetime(2026, 11, 10, 2, tzinfo=UTC)  # half past seven in Kolkata
FIRST = date(2026, 11, 9)
"""The end date that is due at the start."""


class Following(Data):
    """All events up to what a clock shows, and segments of the days of UTC that have ended."""

    to_at = property(lambda self: self.clock.at, lambda self, at: None)  # type: ignore[assignment]

    def __init__(self, clock: StoryClock) -> None:
        self.clock = clock
        super().__init__()


@dataclass
class ReportStory:
    """The reports of an installation."""

    installation: Installation
    druid: StandIn

    @property
    def data(self) -> Data:
        return self.druid.data

    def configure(self, report_id: str, **more: Any) -> None:
        databases, now = self.installation.running.databases, self.installation.clock.at
        configure(databases, report_id, spec(report_id, FIRST, **more), now)

    def regenerate(self, report_id: str) -> None:
        regenerate(self.installation.running.databases, self.installation.clock.at, report_id)

    def select(self, query: str) -> list[tuple[Any, ...]]:
        with reading(self.installation.running.databases.control) as conn:
            return [tuple(row) for row in conn.execute(text(query))]

    def states(self) -> dict[str, int]:
        """How many runs of all reports are in which state."""
        return dict(self.select("SELECT state, count(*) FROM report_runs GROUP BY state"))  # type: ignore[arg-type]

    def last(self) -> dict[str, Any]:
        """The run that was made last."""
        columns = "end_on, revision, state, open, attempts, error, advice, waits_for, rows, sha256"
        (row,) = self.select(f"SELECT {columns} FROM report_runs ORDER BY id DESC LIMIT 1")
        return dict(zip(columns.split(", "), row, strict=True))

    def objects(self) -> Tree:
        return tree(self.installation.home / "lake" / "reports")

    def files(self) -> dict[str, Any]:
        """All files in the lake's store, by their paths; read as JSON."""
        return read(self.objects()).files


def report_story(make: MakeInstallation, more: str = "", **how: Any) -> ReportStory:
    """`more`: what else stands in the workspace."""
    druid, clock = StandIn(), StoryClock(START)
    druid.data = Following(clock)
    return ReportStory(make(clock, WORKSPACE + more, {"DRUID": druid}, **how), druid)
