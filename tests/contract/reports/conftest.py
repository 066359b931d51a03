"""A generator on each database, a folder as its store, and an engine that tells what it is told."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from tallymark.calendar.periods import Calendar
from tallymark.engines import Around, Checked, Memory, Query, Readiness, Rows, Window
from tallymark.files.local import LocalFiles
from tallymark.ledger.boots import Boot
from tallymark.ledger.claim import Claims
from tallymark.ledger.worker import Worker
from tallymark.reports import runs, store
from tallymark.reports.define import ReportSpec
from tallymark.reports.due import calendar_of, planned_before
from tallymark.reports.parts import Parts
from tallymark.reports.run import Generator
from tallymark.reports.runs import Run
from tallymark.reports.store import Configured, Report
from tallymark.state.database import Databases, reading, writing
from tests.clock import FakeClock

NOW = datetime(2026, 11, 24, 9, 30, tzinfo=UTC)
CALENDAR = Calendar("Asia/Kolkata")


@dataclass
class Told:
    """Answers the dates of its window; `away`, `waits` and `errors` are what a test makes of it."""

    kind = "told"
    always = False
    away: Exception | None = None
    waits: dict[date, str] = field(default_factory=dict)
    """What is not there yet, by end date."""
    errors: list[Exception | None] = field(default_factory=list)
    states: list[str] = field(default_factory=list)
    asked: list[date] = field(default_factory=list)
    windows: list[Window] = field(default_factory=list)
    looks: int = 0
    rows: int = 2

    def addresses(self) -> list[str]:
        return []

    def check(self, query: Query, availability: str, window: Window, around: Around) -> Checked:
        return Checked()

    def ready(self, query: Query, availability: str, window: Window, around: Around) -> Readiness:
        self.looks += 1
        if self.away is not None:
            raise self.away
        around.memory["looks"] = str(int(around.memory.get("looks", "0")) + 1)
        return Readiness(
            waits_for=self.waits.get(window.end_on, ""), warnings=("one day is empty",)
        )

    def state(self, query: Query, window: Window, around: Around) -> str:
        return self.states.pop(0) if self.states else ""

    def ask(self, query: Query, window: Window, around: Around) -> Iterator[Rows]:
        self.asked.append(window.end_on)
        self.windows.append(window)
        error = self.errors.pop(0) if self.errors else None
        yield Rows(("date", "n"), [(str(window.end_on), n) for n in range(self.rows)])
        if error is not None:
            raise error


@dataclass
class House:
    """One process that makes reports."""

    databases: Databases
    home: Path
    clock: FakeClock
    engine: Told = field(default_factory=Told)

    @property
    def files(self) -> LocalFiles:
        return LocalFiles(self.home / "reports")

    @property
    def generator(self) -> Generator:
        parts = Parts(
            database=self.databases.control,
            engines={"told": self.engine},
            stores={"": self.files},
            around=Around(http=None, metrics=None, memory=Memory()),  # type: ignore[arg-type]
            calendar=CALENDAR,
            clock=self.clock,
            scratch=self.home / "scratch",
        )
        return Generator(parts)

    def configure(self, name: str = "daily", **values: Any) -> Report:
        given: dict[str, Any] = {
            "report_name": name,
            "engine": "told",
            "frequency": "DAILY 06:00",
            "interval": "LAST_7_DAYS",
            "output_format": "csv",
            "headings": (("date", "day"), ("n", "N")),
        }
        spec = ReportSpec(**(given | values))
        now = self.clock.now()
        before = planned_before(spec, calendar_of(spec, CALENDAR), now)
        new = Configured(
            spec=spec, config="{}", warnings=(), unchecked=False, location="file:///x/druid-reports"
        )
        with writing(self.databases.control) as tx:
            return store.insert_report(tx, name, new, before, now)

    @cached_property
    def boot(self) -> Boot:
        return Boot(self.databases.control, self.home, self.clock)

    @cached_property
    def worker(self) -> Worker:
        claims = Claims(self.databases.control, self.boot, self.clock, 3.0)
        return Worker(claims, {"report": self.generator}, self.clock, jitter=lambda: 0.0)

    def work(self) -> None:
        assert self.worker.run_until_idle(60)

    def later(self, **by: float) -> None:
        self.clock.advance(timedelta(**by).total_seconds())

    def runs(self, report_id: str = "daily") -> list[Run]:
        with reading(self.databases.control) as conn:
            return runs.of_report(conn, report_id)

    def states(self, report_id: str = "daily") -> dict[str, str]:
        return {run.end_on: run.state for run in reversed(self.runs(report_id))}


@pytest.fixture
def house(databases: Databases, home: Path) -> Iterator[House]:
    made = House(databases, home, FakeClock(NOW))
    yield made
    made.boot.close()
