"""A receiver's whole way on a real database and a real lake, in one process."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import select

from tallymark.archive.keep import Archive
from tallymark.connectors import PushedConnector
from tallymark.connectors.accesslog import AccessLog
from tallymark.files.local import LocalFiles
from tallymark.lake.catalog import open_catalog
from tallymark.lake.commit import Lake
from tallymark.ledger import objects
from tallymark.ledger.boots import Boot
from tallymark.ledger.claim import Claims
from tallymark.ledger.objects import ObjectSpec
from tallymark.ledger.worker import Worker
from tallymark.model import Reached, Secret, nobody
from tallymark.receive.flush import Flush
from tallymark.receive.inbox import Inbox
from tallymark.state import schema
from tallymark.state.database import Databases, reading, writing
from tests.clock import FakeClock


@dataclass
class Way:
    """From a pushed line to a row in the lake."""

    databases: Databases
    home: Path
    clock: FakeClock
    connector: AccessLog = field(
        default_factory=lambda: AccessLog(hash_key=Secret("k" * 32), dedupe_field="rid")
    )

    def __post_init__(self) -> None:
        self.inbox = Inbox(self.databases.inbox, self.clock)
        self.archive = Archive(LocalFiles(self.home / "lake"))
        spec = ObjectSpec(
            kind="flush",
            source="site",
            stream="requests",
            subject="site",
            every="1h",
            start_at=self.clock.now(),
        )
        with writing(self.databases.control) as tx:
            objects.sync(tx, [spec], self.clock.now())

    def push(self, *lines: bytes, headers: Mapping[str, str] | None = None) -> None:
        given = headers or {}
        records = list(self.connector.records(b"\n".join(lines), given))
        self.inbox.accept("site", self.clock.now(), given, records)

    def flush(self, reached: Reached = nobody, **settings: Any) -> None:
        """A new process works until nothing is due; it dies where `reached` raises."""
        boot = Boot(self.databases.control, self.home, self.clock)
        try:
            claims = Claims(self.databases.control, boot, self.clock, 3.0)
            handler = self.handler(reached, **settings)
            assert Worker(claims, {"flush": handler}, self.clock, beat_s=60).run_until_idle(30)
        finally:
            boot.close()

    def handler(self, reached: Reached = nobody, **settings: Any) -> Flush:
        catalog = open_catalog(self.databases.control, self.home / "lake")
        sources: dict[str, PushedConnector] = {"site": self.connector}
        return Flush(
            databases=self.databases,
            archive=self.archive,
            lake=Lake(catalog, self.clock, reached),
            sources=sources,
            clock=self.clock,
            reached=reached,
            **settings,
        )

    def rows(self) -> list[dict[str, Any]]:
        catalog = open_catalog(self.databases.control, self.home / "lake")
        if not catalog.table_exists("site.requests"):
            return []
        found: list[dict[str, Any]] = (
            catalog.load_table("site.requests").scan().to_arrow().to_pylist()
        )
        return found

    def table(self, name: str) -> list[Any]:
        table = {**schema.control.tables, **schema.inbox_metadata.tables}[name]
        engine = self.databases.inbox if name in ("inbox", "seen") else self.databases.control
        with reading(engine) as conn:
            return list(conn.execute(select(table)))
