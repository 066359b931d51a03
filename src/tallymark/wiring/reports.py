"""The rooms of reports in one node. All of them are made anew for another workspace."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from tallymark.clock import Clock
from tallymark.config import Config
from tallymark.definitions.workspace import Workspace
from tallymark.engines import Around, Engine
from tallymark.files import Files
from tallymark.metrics.series import SeriesReader
from tallymark.model import Reached, nobody
from tallymark.net.engines import EngineHttp
from tallymark.reports.formats import discover
from tallymark.reports.parts import Parts
from tallymark.reports.run import Generator
from tallymark.reports.service import Reports
from tallymark.state.database import Databases
from tallymark.wiring.engines import build_engines
from tallymark.wiring.stores import IN_THE_LAKE, open_stores


@dataclass
class Reporting:
    """Each built when it is first asked for."""

    config: Config
    workspace: Workspace
    env: Mapping[str, str]
    databases: Databases
    reads: SeriesReader
    clock: Clock
    reached: Reached = field(default=nobody)

    @cached_property
    def engines(self) -> dict[str, Engine]:
        return build_engines(self.workspace, self.env)

    @cached_property
    def stores(self) -> dict[str, Files]:
        return open_stores(self.workspace, self.env, self.config.lake_root)

    @cached_property
    def http(self) -> EngineHttp:
        allow = {address for engine in self.engines.values() for address in engine.addresses()}
        return EngineHttp(frozenset(allow), self.clock)

    @cached_property
    def around(self) -> Around:
        return Around(http=self.http, metrics=self.reads)

    @cached_property
    def parts(self) -> Parts:
        return Parts(
            database=self.databases.control,
            engines=self.engines,
            stores=self.stores,
            around=self.around,
            calendar=self.workspace.calendar,
            clock=self.clock,
            scratch=self.config.home / "scratch",
            reached=self.reached,
        )

    @cached_property
    def generator(self) -> Generator:
        return Generator(self.parts, self.config.report_look_s)

    @cached_property
    def service(self) -> Reports:
        addresses = {name: spec.url for name, spec in self.workspace.stores.items()}
        addresses[""] = (self.config.lake_root / IN_THE_LAKE).as_uri()
        return Reports(parts=self.parts, formats=list(discover()), addresses=addresses)
