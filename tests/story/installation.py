"""An installation in this process, beside its simulated vendors; one clock moves them all."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from tallymark.calendar.periods import Calendar
from tallymark.config import load as load_config
from tallymark.connectors import Connector, discover
from tallymark.definitions.workspace import load as load_workspace
from tallymark.demo.vendors.server import VendorServer
from tallymark.metrics.answer import Bucket, Series, SeriesQuery
from tallymark.model import Grain
from tallymark.receive.inbox import Inbox
from tallymark.receive.listening import Listening
from tallymark.wiring.node import Node

KEY = "q7Wm2Zx9Lr4Tn8Vb3Kd6Hs1Jf5Gp0YcXu"
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


class StoryClock:
    """Shows what it is set to, for the program and for its vendors alike; waits take real time."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return time.monotonic()

    def advance(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@dataclass
class Installation:
    """A home with its workspace, its database and its vendors; `node` runs between start and stop.

    `vendors` by the name that the workspace refers to: `${GITHUB}` is the address of `GITHUB`.
    """

    home: Path
    database_url: str | None
    clock: StoryClock
    workspace: str
    vendors: Mapping[str, VendorServer]
    connectors: dict[str, type[Connector]] = field(default_factory=discover)
    node: Node | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    """More of the environment."""

    def __post_init__(self) -> None:
        for vendor in self.vendors.values():
            vendor.start()
        self.start()

    @property
    def running(self) -> Node:
        assert self.node is not None, "it is stopped"
        return self.node

    @property
    def env(self) -> dict[str, str]:
        """The settings; the vendors are the only addresses that may be called."""
        urls = {name: vendor.url for name, vendor in self.vendors.items()}
        allowed = ",".join(url.removeprefix("http://") for url in urls.values())
        database = {"TALLYMARK_DATABASE_URL": self.database_url} if self.database_url else {}
        own = {"TALLYMARK_SECRET_KEY": KEY, "TALLYMARK_ALLOW_ADDRESSES": allowed}
        return {**urls, **own, **database, **self.settings}

    def start(self) -> None:
        """As `serve` and `work` start: prepared, but nothing is done yet."""
        folder = self.home / "workspace"
        folder.mkdir(exist_ok=True)
        (folder / "story.yaml").write_text(self.workspace)
        env = self.env
        config = load_config(env, home=self.home)
        workspace = load_workspace(folder, self.connectors)
        node = Node(config, workspace, env, self.clock, pause=self.clock.advance)
        node.__dict__["connectors"] = self.connectors
        node.prepare()
        self.node = node

    def stop(self) -> None:
        """As they end on SIGTERM."""
        if self.node is not None:
            self.node.close()
        self.node = None

    def close(self) -> None:
        self.stop()
        for vendor in self.vendors.values():
            vendor.stop()

    def work(self) -> None:
        """Do all that is due now."""
        assert self.running.worker.run_until_idle(120), "not idle after two minutes"

    def work_until(self, end_at: datetime, step: timedelta = HOUR) -> None:
        """Work on at each step of the clock, up to `end_at` without it."""
        while self.clock.at < end_at:
            self.work()
            self.clock.at += step

    # -- what was pushed -----------------------------------------------------------------------

    def push(self, source: str, lines: Sequence[bytes]) -> None:
        """A request with these lines, received now."""
        node = self.running
        inbox = Inbox(node.databases.inbox, self.clock)
        records = list(node.pushed[source].records(b"\n".join(lines), {}))
        inbox.accept(source, self.clock.at, {}, records)
        inbox.close()

    def listen(self, source: str, from_at: datetime) -> None:
        """The receiver has listened from an instant until now."""
        node, now = self.running, self.clock.at
        listening = Listening(node.databases.control, self.clock, node.boot.id, gap_s=1e9)
        for at in (from_at, now):
            self.clock.at = at
            listening.beat([source])

    # -- what is shown -------------------------------------------------------------------------

    def read(
        self,
        metric: str,
        grain: Grain,
        first: date,
        last: date,
        *,
        zone: str | None = None,
        by: tuple[str, ...] = (),
    ) -> Series:
        """A metric over whole days of a zone; another zone needs cubes of it, see `in_zone`."""
        calendar = Calendar(zone or self.running.calendar.zone)
        from_at, to_at = calendar.day(first).start_at, calendar.day(last).end_at
        return self.running.series.read(SeriesQuery(metric, grain, from_at, to_at, by))

    def days(self, metric: str, first: date, last: date) -> dict[date, Bucket]:
        """The buckets of a metric's only line, by day."""
        (line,) = self.read(metric, "day", first, last).series
        return {date.fromisoformat(bucket.key): bucket for bucket in line.buckets}

    def rows(self, table: str) -> list[dict[str, Any]]:
        """All rows of a table, read by PyIceberg."""
        loaded = self.running.lake.catalog.load_table(table)
        found: list[dict[str, Any]] = loaded.scan().to_arrow().to_pylist()
        return found


MakeInstallation = Callable[..., Installation]


def midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
