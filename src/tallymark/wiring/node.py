"""One process of Tallymark: every room gets what it needs, here and nowhere else."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from tallymark.archive.keep import Archive
from tallymark.calendar.periods import Calendar
from tallymark.clock import Clock, SystemClock
from tallymark.collect.fetch import Fetch
from tallymark.collect.poll import BATCH_ROWS, Poll
from tallymark.collect.replay import Replay, Replayable
from tallymark.collect.source import Clients, Source
from tallymark.compute.duckdb import DuckDBCompute
from tallymark.config import Config
from tallymark.connectors import Connector, PushedConnector, discover
from tallymark.cubes.build import Refresh
from tallymark.cubes.store import CubeStore
from tallymark.definitions import store as definitions
from tallymark.definitions.workspace import Workspace, streams_of
from tallymark.files.local import LocalFiles
from tallymark.lake.catalog import open_catalog
from tallymark.lake.commit import Lake
from tallymark.lake.upkeep import Upkeep
from tallymark.lake.views import Reader
from tallymark.ledger import objects
from tallymark.ledger.boots import Boot
from tallymark.ledger.budget import Budgets
from tallymark.ledger.claim import Claims
from tallymark.ledger.worker import Handler, Worker
from tallymark.metrics.define import cube_specs
from tallymark.metrics.series import SeriesReader
from tallymark.model import CubeSpec, Reached, Secret, Stream, nobody
from tallymark.net import Net
from tallymark.receive.flush import Flush
from tallymark.state.database import Databases, alone, migrate, open_databases, reading
from tallymark.state.secrets import secret_key
from tallymark.wiring.objects import object_specs
from tallymark.wiring.reports import Reporting
from tallymark.wiring.sources import build_source, pushed_of
from tallymark.wiring.work import build_worker


@dataclass
class Node:
    """The rooms of one process, each built when it is first asked for."""

    config: Config
    workspace: Workspace
    env: Mapping[str, str]
    clock: Clock = field(default_factory=SystemClock)
    reached: Reached = nobody
    pause: Callable[[float], None] = time.sleep
    batch_rows: int = BATCH_ROWS
    folder: Path | None = None
    """Whose YAML files the workspace is read from; None: it is the database's."""
    revision: int = 0
    """Under which the workspace is stored; 0: not yet."""

    @cached_property
    def connectors(self) -> dict[str, type[Connector]]:
        return discover()

    @cached_property
    def streams(self) -> dict[str, Stream]:
        return streams_of(self.workspace.sources, self.connectors)

    @cached_property
    def cubes(self) -> dict[str, CubeSpec]:
        return cube_specs(self.workspace.metrics.values(), self.streams)

    @cached_property
    def calendar(self) -> Calendar:
        return self.workspace.calendar

    @cached_property
    def databases(self) -> Databases:
        return open_databases(self.config.database_url, self.config.home)

    @cached_property
    def secret(self) -> Secret:
        return secret_key(self.config.home, self.config.secret_key)

    @cached_property
    def sources(self) -> dict[str, Source]:
        return {
            name: build_source(spec, self.connectors, self.env, self.secret)
            for name, spec in self.workspace.sources.items()
        }

    @cached_property
    def pushed(self) -> dict[str, PushedConnector]:
        return pushed_of(self.sources)

    @cached_property
    def archive(self) -> Archive:
        return Archive(LocalFiles(self.config.lake_root))

    @cached_property
    def lake(self) -> Lake:
        root = self.config.lake_root / "tables"
        return Lake(open_catalog(self.databases.control, root), self.clock, self.reached)

    @cached_property
    def reader(self) -> Reader:
        return Reader(self.config.lake_root / "tables")

    @cached_property
    def boot(self) -> Boot:
        return Boot(self.databases.control, self.config.home, self.clock)

    @cached_property
    def claims(self) -> Claims:
        engine = self.databases.control
        return Claims(engine, self.boot, self.clock, self.config.claim_timeout_s)

    @cached_property
    def net(self) -> Net:
        return Net(self.config.allow_addresses, self.clock)

    @cached_property
    def clients(self) -> Clients:
        engine = self.databases.control
        return Clients(self.net, engine, self.archive, Budgets(engine, self.clock), self.pause)

    @cached_property
    def poll(self) -> Poll:
        return Poll(
            engine=self.databases.control,
            archive=self.archive,
            lake=self.lake,
            sources=self.sources,
            fetch=Fetch(
                self.databases.control, self.archive, self.clients, self.clock, self.reached
            ),
            clock=self.clock,
            reached=self.reached,
            batch_rows=self.batch_rows,
        )

    @cached_property
    def flush(self) -> Flush:
        return Flush(
            databases=self.databases,
            archive=self.archive,
            lake=self.lake,
            sources=self.pushed,
            clock=self.clock,
            flush_s=self.config.flush_s,
            reached=self.reached,
        )

    @cached_property
    def refresh(self) -> Refresh:
        return Refresh(
            self.databases,
            self.cube_store,
            self.cubes,
            self.calendar,
            DuckDBCompute(self.reader),
            self.clock,
            newest=self.newest,
            reached=self.reached,
        )

    @cached_property
    def cube_store(self) -> CubeStore:
        return CubeStore(self.databases.cubes)

    @cached_property
    def replay(self) -> Replay:
        return Replay(
            self.databases.control,
            self.archive,
            self.lake,
            self.sources,
            self.claims,
            self.clock,
            self.batch_rows,
        )

    @cached_property
    def worker(self) -> Worker:
        return build_worker(self.config, self.claims, self.handlers, self.clock)

    @cached_property
    def collector(self) -> Worker:
        """A worker that only asks vendors, and ends what others left."""
        return build_worker(self.config, self.claims, self.handlers, self.clock, ["collect"])

    @cached_property
    def handlers(self) -> dict[str, Handler]:
        return {
            "collect": Replayable(self.poll, self.replay),
            "flush": Replayable(self.flush, self.replay),
            "cube": self.refresh,
            "maintain": Upkeep(self.lake, self.clock),
            "report": self.reporting.generator,
        }

    @cached_property
    def reporting(self) -> Reporting:
        given = (self.config, self.workspace, self.env, self.databases)
        return Reporting(*given, self.series, self.clock, self.reached)

    @cached_property
    def series(self) -> SeriesReader:
        return SeriesReader(
            self.databases,
            self.cube_store,
            self.calendar,
            self.workspace.metrics,
            self.streams,
            self.clock,
            connectors=self.pushed,
        )

    def prepare(self) -> None:
        """Migrate, store the workspace, and bring ledger and tables in line with it.

        Raises: ConfigError; an error of the database where it is not there.
        """
        migrate(self.databases)
        self.store()

    def store(self) -> None:
        """Make this workspace the newest revision. Raises: as `prepare`; then nothing is stored."""
        _ = self.sources  # a wrong setting is found before anything is written
        for name, stream in self.streams.items():
            self.lake.ensure(name, stream)
        with alone(self.databases.control) as tx:
            self.revision = definitions.save(tx, self.workspace, self.clock.now())
            objects.sync(tx, object_specs(self.workspace, self.connectors), self.clock.now())

    def newest(self) -> bool:
        """Whether no newer workspace is stored."""
        with reading(self.databases.control) as conn:
            return self.revision in (0, definitions.newest(conn))

    def close(self) -> None:
        """End cleanly: what this process owned may be taken over at once."""
        for name in ("net", "reader", "boot"):
            if name in self.__dict__:
                getattr(self, name).close()
        self.databases.close()
