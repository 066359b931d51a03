"""A ledger of its own for each test, and other nodes beside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from tallymark.ledger import objects
from tallymark.ledger.boots import Boot
from tallymark.ledger.claim import Claims
from tallymark.ledger.objects import Object, ObjectSpec
from tallymark.state.database import Databases, reading, writing
from tallymark.state.schema import tasks
from tests.clock import FakeClock

START = datetime(2026, 3, 1, tzinfo=UTC)
TIMEOUT_S = 15.0


def at(hours: float) -> datetime:
    return START + timedelta(hours=hours)


def spec(subject: str = "a", **changes: object) -> ObjectSpec:
    values: dict[str, object] = {
        "kind": "collect", "source": "shop", "stream": "orders", "subject": subject,
        "every": "1d", "start_at": START,
    }  # fmt: skip
    return ObjectSpec(**(values | changes))  # type: ignore[arg-type]


@dataclass
class Ledger:
    """One database, as several nodes see it."""

    engine: Engine
    home: Path
    clock: FakeClock
    boots: list[Boot] = field(default_factory=list)

    def node(self) -> Claims:
        boot = Boot(self.engine, self.home, self.clock)
        self.boots.append(boot)
        return Claims(self.engine, boot, self.clock, TIMEOUT_S)

    def sync(self, *wanted: ObjectSpec) -> list[Object]:
        with writing(self.engine) as tx:
            objects.sync(tx, wanted, self.clock.now())
        return self.objects()

    def objects(self, **which: str) -> list[Object]:
        with reading(self.engine) as conn:
            return objects.load(conn, **which)  # type: ignore[arg-type]

    def object(self, subject: str = "a") -> Object:
        return self.objects(subject=subject)[0]

    def states(self) -> list[str]:
        with reading(self.engine) as conn:
            return list(conn.execute(select(tasks.c.state).order_by(tasks.c.id)).scalars())

    def pass_time(self, seconds: float, *observers: Claims, beats: tuple[Boot, ...] = ()) -> None:
        """Let time pass second by second, in which the observers look and the boots beat."""
        for _ in range(int(seconds)):
            self.clock.advance(1)
            for boot in beats:
                boot.beat()
            for claims in observers:
                claims.observe()


@pytest.fixture
def ledger(databases: Databases, home: Path, clock: FakeClock) -> Iterator[Ledger]:
    made = Ledger(databases.control, home, clock)
    yield made
    for boot in made.boots:
        boot.let_go()


@pytest.fixture
def stopped(databases: Databases) -> Callable[[Boot], None]:
    """Make a boot silent as SIGKILL does: on SQLite the system lets go of its lock."""

    def kill(boot: Boot) -> None:
        boot.let_go()

    return kill
