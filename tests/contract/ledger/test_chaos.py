"""Real processes, killed, stopped and cut off from their database; counted by the vendor."""

from __future__ import annotations

import os
import random
import sqlite3
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.exc import OperationalError

from tallymark.ledger import objects
from tallymark.ledger.claim import MAX_DEATHS
from tallymark.state.database import Databases, migrate, open_databases, reading, writing
from tallymark.state.schema import calls, coverage, tasks
from tests.postgres import MISSING, PostgresServer, installed, until
from tests.tools.procs import Process

from .conftest import spec
from .node import TIMEOUT_S

SOAK = bool(os.environ.get("SOAK"))
KILLS = 10 if SOAK else 4
SPANS = 200 if SOAK else 80
NOW = datetime(2026, 3, 2, tzinfo=UTC)


@dataclass
class Vendor:
    """A real server that counts every call when it comes in."""

    delay_s: float = 0.0
    asked: Counter[str] = field(default_factory=Counter)
    hold: dict[str, threading.Event] = field(default_factory=dict)
    url: str = ""

    def repeats(self) -> int:
        return self.asked.total() - len(self.asked)


@contextmanager
def serving(vendor: Vendor) -> Iterator[Vendor]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            vendor.asked[self.path] += 1
            if event := vendor.hold.get(self.path):
                event.wait(60)
            time.sleep(vendor.delay_s)
            try:
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"page")
            except OSError:
                pass  # whoever asked was killed

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: object) -> None:
            pass

    with Server(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        vendor.url = f"http://127.0.0.1:{server.server_port}"
        yield vendor
        for event in vendor.hold.values():
            event.set()
        server.shutdown()
        thread.join()


@dataclass
class Nodes:
    """The processes of one test and the database that they share."""

    databases: Databases
    url: str | None
    home: Path
    vendor: Vendor
    pages: int
    threads: int = 1
    number: int = 0

    def process(self) -> Process:
        self.number += 1
        parts = (self.url or "-", self.home, self.vendor.url, str(self.pages), str(self.threads))
        return Process(
            [sys.executable, "-m", "tests.contract.ledger.node", *parts],
            log=self.home / f"node-{self.number}.log",
        )

    def sync(self, *subjects: str) -> None:
        (self.home / "pages").mkdir(exist_ok=True)
        wanted = [spec(subject, every="1h") for subject in subjects]
        with writing(self.databases.control) as tx:
            objects.sync(tx, wanted, NOW)

    def done(self, state: str = "done") -> int:
        with reading(self.databases.control) as conn:
            states = select(func.count()).where(tasks.c.state == state)
            return int(conn.execute(states).scalar_one())

    def claim_nos(self) -> list[int]:
        with reading(self.databases.control) as conn:
            return list(conn.execute(select(tasks.c.claim_no)).scalars())

    def all_done(self, spans: int) -> None:
        """Every span is covered once, and every page of it is recorded once."""
        with reading(self.databases.control) as conn:
            assert conn.execute(select(func.count()).select_from(coverage)).scalar_one() == spans
            recorded = conn.execute(select(calls.c.task_id, calls.c.n)).all()
        assert len(recorded) == len(set(recorded)) == spans * self.pages
        assert len(self.vendor.asked) == spans * self.pages


@pytest.fixture
def vendor() -> Iterator[Vendor]:
    with serving(Vendor()) as vendor:
        yield vendor


@pytest.fixture
def nodes(databases: Databases, database_url: str | None, home: Path, vendor: Vendor) -> Nodes:
    return Nodes(databases, database_url, home, vendor, pages=20)


def test_a_worker_that_is_killed_again_and_again_repeats_only_what_was_in_flight(
    nodes: Nodes,
) -> None:
    random_ = random.Random(4)
    nodes.pages = 100 if SOAK else 60
    nodes.vendor.delay_s = 0.01
    nodes.sync("a")
    kills = KILLS // 2
    for _ in range(kills):
        with nodes.process() as node:
            node.wait_line("ready")
            had = nodes.vendor.asked.total()
            until(lambda had=had: nodes.vendor.asked.total() > had, 30)  # type: ignore[misc]
            time.sleep(random_.uniform(0.0, 0.2))
            node.kill()
    with nodes.process() as node:
        until(lambda: nodes.done() == 1, 60)
        node.kill()
    nodes.all_done(1)
    assert nodes.vendor.repeats() <= kills
    assert nodes.claim_nos() == [kills + 1]


def test_a_stopped_worker_is_taken_over_and_writes_nothing_when_it_goes_on(nodes: Nodes) -> None:
    held = "/a/10"
    hold = nodes.vendor.hold[held] = threading.Event()
    nodes.sync("a")
    with nodes.process() as stale:
        until(lambda: nodes.vendor.asked[held] == 1, 30)
        with nodes.process() as heir:
            heir.wait_line("ready")
            pause_outside_a_transaction(stale, nodes)
            del nodes.vendor.hold[held]
            hold.set()
            until(lambda: nodes.done() == 1, TIMEOUT_S * 8)
            asked = nodes.vendor.asked.total()
            stale.resume()
            stale.wait_line("dropped")
            assert nodes.vendor.asked.total() == asked
    nodes.all_done(1)
    assert nodes.vendor.repeats() == 1
    assert nodes.claim_nos() == [2]


def pause_outside_a_transaction(process: Process, nodes: Nodes) -> None:
    """On SQLite a process that is stopped in the middle of a beat would stop everybody."""
    while True:
        process.pause()
        if nodes.url is not None:
            return
        probe = sqlite3.connect(nodes.home / "tallymark.db", timeout=0.5)
        try:
            probe.execute("BEGIN IMMEDIATE")
            return
        except sqlite3.OperationalError:
            process.resume()
        finally:
            probe.close()


def test_two_workers_share_many_spans_and_one_dies(nodes: Nodes) -> None:
    nodes.pages, nodes.threads = 1, 4
    nodes.vendor.delay_s = 0.01
    nodes.sync(*(f"s{n:03}" for n in range(SPANS)))
    with nodes.process() as one, nodes.process() as other:
        one.wait_line("ready")
        other.wait_line("ready")
        until(lambda: nodes.done() >= SPANS // 3, 60)
        one.kill()
        until(lambda: nodes.done() == SPANS, 60)
        assert other.terminate() == 0
    nodes.all_done(SPANS)
    assert nodes.vendor.repeats() <= nodes.threads


def test_kills_among_two_workers_lose_nothing(nodes: Nodes) -> None:
    random_ = random.Random(11)
    nodes.threads = 2
    nodes.vendor.delay_s = 0.005
    nodes.sync(*(f"s{n:03}" for n in range(24)))
    kills = 0
    running = [nodes.process(), nodes.process()]
    try:
        while kills < KILLS and nodes.done() < 24:
            time.sleep(random_.uniform(0.3, 1.2))
            victim = random_.randrange(2)
            running[victim].kill()
            kills += 1
            running[victim] = nodes.process()
        until(lambda: nodes.done() == 24, 90)
    finally:
        for process in running:
            process.kill()
    nodes.all_done(24)
    assert nodes.vendor.repeats() <= kills * nodes.threads


def test_a_task_that_kills_its_process_ends_and_the_others_go_on(nodes: Nodes) -> None:
    nodes.pages = 1
    nodes.sync("poison", "well")
    for death in range(2):
        with nodes.process() as node:
            node.killed()
        if death == 0:
            # as if it had died before: each death costs a start and, on PostgreSQL, a time-out
            with writing(nodes.databases.control) as tx:
                tx.execute(update(tasks).values(deaths=MAX_DEATHS - 2))
    with nodes.process() as node:
        until(lambda: nodes.done("failed") == 1 and nodes.done() == 1, 60)
        assert node.terminate() == 0
    with reading(nodes.databases.control) as conn:
        poison = objects.load(conn, subject="poison")[0]
        states = list(conn.execute(select(coverage.c.state)).scalars())
    assert "died 5 times" in str(poison.last_error)
    assert sorted(states) == ["failed", "final"]
    assert nodes.vendor.asked.total() == 1


@pytest.mark.skipif(not installed(), reason=MISSING)
@pytest.mark.parametrize("workers", [1, 2] if SOAK else [2])
def test_while_the_database_is_down_for_six_seconds_nothing_is_done_twice(
    workers: int, home: Path, vendor: Vendor
) -> None:
    server = PostgresServer()
    try:
        server.start()
        url = server.url(server.create())
        databases = open_databases(url, home)
        migrate(databases)
        nodes = Nodes(databases, url, home, vendor, pages=100 if SOAK else 30)
        nodes.vendor.delay_s = 0.03
        nodes.sync("a", "b")
        with ExitStack() as stack:
            running = [stack.enter_context(nodes.process()) for _ in range(workers)]
            until(lambda: vendor.asked.total() > 20, 30)
            server.stop()
            time.sleep(6)
            server.start()
            until(lambda: reachable_and_done(nodes, 2), 60)
            for process in running:
                assert process.terminate() == 0
        nodes.all_done(2)
        assert vendor.repeats() == 0
        assert nodes.claim_nos() == [1, 1]
        databases.close()
    finally:
        server.remove()


def reachable_and_done(nodes: Nodes, spans: int) -> bool:
    try:
        return nodes.done() == spans
    except OperationalError:
        return False
