"""A worker of its own process whose every page is a call to a vendor in the test's process.

python -m tests.contract.ledger.node DATABASE_URL|- HOME VENDOR_URL PAGES THREADS
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
import urllib.request
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import func, insert, select

from tallymark.clock import SystemClock
from tallymark.ledger import claim, coverage
from tallymark.ledger.boots import Boot
from tallymark.ledger.claim import Claims, Task
from tallymark.ledger.objects import Object
from tallymark.ledger.worker import Due, Worker
from tallymark.model import Covered
from tallymark.state.database import Databases, open_databases, reading, writing
from tallymark.state.schema import calls

BEAT_S, TIMEOUT_S = 0.3, 2.0


@dataclass
class Paged:
    """Fetches the pages of a span; each is kept in a file and recorded before the next is asked."""

    databases: Databases
    home: Path
    vendor: str
    pages: int

    def due(self, object: Object, now: datetime) -> Due:
        with reading(self.databases.control) as conn:
            done = coverage.load(conn, object.id, object.settled_at)
        if done or object.settled_at > object.start_at:
            return Due([], now + timedelta(hours=1))
        return Due([(object.start_at, object.start_at + timedelta(hours=1))], now)

    def run(self, task: Task) -> None:
        if task.object.subject == "poison":
            os.kill(os.getpid(), signal.SIGKILL)
        with reading(self.databases.control) as conn:
            first = conn.execute(
                select(func.count()).select_from(calls).where(calls.c.task_id == task.id)
            ).scalar_one()
        for n in range(first, self.pages):
            self.keep(task, n)
        assert task.start_at is not None
        assert task.end_at is not None
        with writing(self.databases.control) as tx:
            claim.check(tx, task)
            final = Covered(task.start_at, task.end_at, "final")
            coverage.write(tx, task.object.id, task.start_at, task.end_at, [final])
            claim.end(tx, task, SystemClock().now())

    def keep(self, task: Task, n: int) -> None:
        file = self.home / "pages" / f"{task.id}-{n}"
        if not file.exists():
            with urllib.request.urlopen(f"{self.vendor}/{task.object.subject}/{n}") as answer:
                fresh = file.with_name(f"{file.name}.{os.getpid()}")
                fresh.write_bytes(answer.read())
                fresh.rename(file)
        row = {
            "object_id": task.object.id, "task_id": task.id, "claim_no": task.claim_no, "n": n,
            "url": "u", "status": 200, "bytes": 1, "archive_key": file.name,
            "received_at": SystemClock().now(),
        }  # fmt: skip
        with writing(self.databases.control) as tx:
            claim.check(tx, task)
            tx.execute(insert(calls).values(**row))


def main(url: str, home: str, vendor: str, pages: str, threads: str) -> None:
    logging.basicConfig(level=logging.INFO)
    clock = SystemClock()
    databases = open_databases(None if url == "-" else url, Path(home))
    boot = Boot(databases.control, Path(home), clock)
    claims = Claims(databases.control, boot, clock, TIMEOUT_S)
    handler = Paged(databases, Path(home), vendor, int(pages))
    worker = Worker(claims, {"collect": handler}, clock, int(threads), beat_s=BEAT_S, poll_s=0.1)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    worker.run(stop)
    boot.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
