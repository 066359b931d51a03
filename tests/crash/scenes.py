"""What the crash tests run: a vendor in its own process, a workspace, and what must come out."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select, text

from tallymark.connectors import discover
from tallymark.cubes.tables import data_prefix
from tallymark.lake.catalog import open_catalog
from tallymark.model import Secret
from tallymark.receive.inbox import Inbox
from tallymark.state.database import Databases, migrate, open_databases, reading
from tallymark.state.schema import control, inbox_metadata
from tests.tools.procs import ROOT, environment

NOW = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
KEY = "q7Wm2Zx9Lr4Tn8Vb3Kd6Hs1Jf5Gp0YcXu"

SUBJECTS = 200 if os.environ.get("SOAK") else 24

WORKSPACES = {
    "gauge": """
sources:
  github:
    connector: github
    base_url: ${VENDOR_URL}
    streams:
      repositories: {subjects: [acme/rocket, acme/launchpad], start: 2026-11-18}
metrics:
  stars: {stream: github.repositories, measure: last(stars), dimensions: [repo]}
""",
    "series": """
sources:
  npm:
    connector: npm
    base_url: ${VENDOR_URL}
    streams:
      downloads: {subjects: [rocket], start: 2026-10-20}
metrics:
  downloads: {stream: npm.downloads, measure: sum(downloads)}
""",
    "paged": """
sources:
  paged:
    connector: paged
    base_url: ${VENDOR_URL}
    streams:
      records: {subjects: [acme], start: 2026-11-17}
metrics:
  total: {stream: paged.records, measure: sum(value)}
""",
    "two": """
sources:
  paged:
    connector: paged
    base_url: ${VENDOR_URL}
    streams:
      records: {subjects: [acme, umbrella], start: 2026-11-17}
metrics:
  total: {stream: paged.records, measure: sum(value)}
""",
    "many": f"""
sources:
  npm:
    connector: npm
    base_url: ${{VENDOR_URL}}
    streams:
      downloads:
        subjects: [{", ".join(f"package-{n:03}" for n in range(SUBJECTS))}]
        start: 2026-11-18
metrics:
  downloads: {{stream: npm.downloads, measure: sum(downloads), dimensions: [package]}}
""",
    "push": """
sources:
  site:
    connector: accesslog
    dedupe_field: request_id
    streams:
      requests: {start: 2026-11-18}
metrics:
  views: {stream: site.requests, measure: count, where: {status: [200]}, dimensions: [path]}
""",
}
# what both ways of collecting write, in one home
WORKSPACES["mixed"] = """
sources:
  paged:
    connector: paged
    base_url: ${VENDOR_URL}
    streams:
      records: {subjects: [acme], start: 2026-11-19}
  site:
    connector: accesslog
    dedupe_field: request_id
    streams:
      requests: {start: 2026-11-18}
metrics:
  total: {stream: paged.records, measure: sum(value)}
  views: {stream: site.requests, measure: count, where: {status: [200]}, dimensions: [path]}
"""
# a gauge by the hour, a series by the day, and what is pushed
WORKSPACES["clocks"] = """
sources:
  github:
    connector: github
    base_url: ${GITHUB_URL}
    streams:
      repositories: {subjects: [acme/rocket], every: 1h, start: 2026-11-20}
  npm:
    connector: npm
    base_url: ${NPM_URL}
    streams:
      downloads: {subjects: [rocket], start: 2026-11-15}
  site:
    connector: accesslog
    dedupe_field: request_id
    streams:
      requests: {start: 2026-11-18}
metrics:
  stars: {stream: github.repositories, measure: last(stars), dimensions: [repo]}
  downloads: {stream: npm.downloads, measure: sum(downloads)}
  views: {stream: site.requests, measure: count}
"""
# only reports, which are configured by their own means: see tests/report_world.py
WORKSPACES["report"] = """
engines:
  druid: {broker: "${VENDOR_URL}", coordinator: "${VENDOR_URL}"}
"""
MODULES = {
    "gauge": "tallymark.demo.vendors.github",
    "mixed": "tallymark_paged.vendor",
    "series": "tallymark.demo.vendors.npm",
    "many": "tallymark.demo.vendors.npm",
    "paged": "tallymark_paged.vendor",
    "report": "tests.servers.standin",
    "two": "tallymark_paged.vendor",
}
PAGED = ("paged", "two")


class Vendor:
    """A simulated vendor in a process of its own; its log outlives whom it answered."""

    def __init__(self, kind: str, folder: Path) -> None:
        self.log = folder / "vendor.log"
        self.popen = subprocess.Popen(
            [
                *(sys.executable, "-m", MODULES[kind], "--port", "0"),
                *("--log", str(self.log), "--now", NOW.isoformat(), "--hold"),
            ],
            stdout=subprocess.PIPE,
            text=True,
            env=environment({"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}:{ROOT / 'tests/paged'}"}),
        )
        assert self.popen.stdout is not None
        self.url = self.popen.stdout.readline().strip()
        if kind in PAGED:
            self.control(set={"per_day": 900, "pages": 12})

    def control(self, **command: Any) -> None:
        request = urllib.request.Request(
            f"{self.url}/_control",
            json.dumps(command).encode(),
            {"content-type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            answer.read()

    def answered(self) -> int:
        """How many questions it has answered (200 or 304), by its own log."""
        return sum(e["event"] == "end" and e["status"] in (200, 304) for e in self.calls())

    def asked(self) -> int:
        """How many questions have come in."""
        return sum(e["event"] == "start" for e in self.calls())

    def ended(self) -> int:
        return sum(e["event"] == "end" for e in self.calls())

    def calls(self) -> list[dict[str, Any]]:
        if not self.log.exists():
            return []
        lines = self.log.read_text().splitlines(keepends=True)
        # the last may be half written
        entries = [json.loads(line) for line in lines if line.endswith("\n")]
        return [e for e in entries if not e["path"].startswith("/_")]

    def stop(self) -> None:
        self.popen.terminate()
        self.popen.wait(10)
        if self.popen.stdout is not None:
            self.popen.stdout.close()


class Zygote:
    """Runs jobs of `tests.crash.program`, each in a process of its own."""

    def __init__(self, *before: str, env: Mapping[str, str] | None = None) -> None:
        paths = {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}:{ROOT / 'tests/paged'}"}
        self.running: set[int] = set()
        self.popen = subprocess.Popen(
            [*before, sys.executable, "-m", "tests.crash.program"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment(paths | dict(env or {})),
            cwd=ROOT,
        )

    def run(self, job: Mapping[str, Any]) -> int:
        """The return code, as a parent sees it."""
        return int(self._ask(job)["returncode"])

    def start(self, job: Mapping[str, Any]) -> int:
        """The pid of a job that runs meanwhile."""
        pid = int(self._ask({**job, "wait": False})["pid"])
        self.running.add(pid)
        return pid

    def ended(self, pid: int) -> int:
        """Wait for a started job; its return code."""
        self.running.remove(pid)
        return int(self._ask({"reap": pid})["returncode"])

    def kill(self, pid: int) -> None:
        """SIGKILL for a started job, whatever it does; it must have been what ended it."""
        os.kill(pid, signal.SIGKILL)
        assert self.ended(pid) == -9

    def kill_all(self) -> None:
        """End what a failed test left."""
        for pid in list(self.running):
            os.kill(pid, signal.SIGKILL)
            self.ended(pid)

    def _ask(self, job: Mapping[str, Any]) -> dict[str, Any]:
        assert self.popen.stdin is not None
        assert self.popen.stdout is not None
        self.popen.stdin.write(json.dumps(dict(job)) + "\n")
        self.popen.stdin.flush()
        return json.loads(self.popen.stdout.readline())  # type: ignore[no-any-return]

    def stop(self) -> None:
        assert self.popen.stdin is not None
        self.popen.stdin.close()
        self.popen.wait(10)
        if self.popen.stdout is not None:
            self.popen.stdout.close()


@dataclass
class Scene:
    """One home with its database, its vendor and its workspace."""

    kind: str
    home: Path
    database_url: str | None
    zygote: Zygote
    vendor: Vendor | None = None
    jobs: int = 0
    env: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        # outside the home: it is deleted but for database, lake and archive
        self.workspace = self.home.parent / "workspace"
        self.workspace.mkdir(exist_ok=True)
        (self.workspace / "scene.yaml").write_text(WORKSPACES[self.kind])
        self.env = {
            "TALLYMARK_SECRET_KEY": KEY,
            "TALLYMARK_BEAT_S": "0.2",
            "TALLYMARK_CLAIM_TIMEOUT_S": "1",
            "VENDOR_URL": self.vendor.url if self.vendor else "",
            "TALLYMARK_ALLOW_ADDRESSES": self.vendor.url.removeprefix("http://")
            if self.vendor
            else "",
        }
        if self.database_url:
            self.env["TALLYMARK_DATABASE_URL"] = self.database_url
        if self.kind in ("push", "mixed"):
            self._push()

    def _push(self) -> None:
        """Lines that were acknowledged a few minutes ago, and have waited long enough."""
        lines = [line(n, NOW - timedelta(minutes=17 * n)) for n in range(60)]
        self.push(NOW - timedelta(minutes=5), b"\n".join([*lines, b"not a line\n"]))

    def push(self, at: datetime, body: bytes) -> None:
        """Acknowledge what was sent at an instant."""
        connector = discover()["accesslog"]
        databases = open_databases(self.database_url, self.home)
        migrate(databases)
        inbox = Inbox(databases.inbox, _At(at))
        kept = connector(hash_key=Secret(KEY), dedupe_field="request_id")  # type: ignore[call-arg]
        inbox.accept("site", at, {}, list(kept.records(body, {})))  # type: ignore[attr-defined]
        inbox.close()
        databases.close()

    def run(self, **how: Any) -> int:
        return self.zygote.run(self._job(how))

    def start(self, **how: Any) -> int:
        return self.zygote.start(self._job(how))

    def _job(self, how: Mapping[str, Any]) -> dict[str, Any]:
        self.jobs += 1
        return {
            "home": str(self.home),
            "workspace": str(self.workspace),
            "now": NOW.isoformat(),
            "env": self.env,
            "log": str(self.home.parent / f"run-{self.jobs}.log"),
            "batch_rows": 700 if self.kind in PAGED else 1_000_000,
            **how,
        }

    def logs(self) -> str:
        found = sorted(self.home.parent.glob("run-*.log"))
        return "\n".join(f"{path.name}:\n{path.read_text()[-3000:]}" for path in found)

    def forget(self) -> None:
        """Delete everything in the home but the databases, the lake and the archive."""
        for path in sorted(self.home.rglob("*"), reverse=True):
            inside = path.relative_to(self.home)
            if inside.parts[0] == "lake" or inside.name.split("-")[0].endswith(".db"):
                continue
            path.rmdir() if path.is_dir() else path.unlink()

    @contextmanager
    def databases(self) -> Iterator[Databases]:
        databases = open_databases(self.database_url, self.home)
        try:
            yield databases
        finally:
            databases.close()

    def table(self) -> list[dict[str, Any]]:
        """The lake's rows, less what names the batch and the call; read by PyIceberg."""
        found = []
        with self.databases() as databases:
            catalog = open_catalog(databases.control, self.home / "lake" / "tables")
            for namespace in catalog.list_namespaces():
                for name in catalog.list_tables(namespace):
                    found += catalog.load_table(name).scan().to_arrow().to_pylist()
        return [{k: v for k, v in row.items() if not k.startswith("_")} for row in found]

    def rows(self) -> list[str]:
        return sorted(str(sorted(row.items())) for row in self.table())

    def ledger(self) -> list[str]:
        """Coverage, and what is in quarantine."""
        found = self.select(
            "SELECT o.kind, o.stream, o.subject, c.start_at, c.end_at, c.state, c.read_at, c.note "
            "FROM coverage c JOIN objects o ON o.id = c.object_id",
            "SELECT reason, text FROM quarantine",
            "SELECT kind, stream, subject, state, settled_at, last_error FROM objects",
            "SELECT state FROM tasks WHERE state IN ('running', 'waiting')",
        )
        return sorted(map(str, found))

    def written(self) -> list[str]:
        """Every row that a task can write; not the counters, which only skip numbers."""
        found = []
        with self.databases() as databases:
            both = ((databases.control, control), (databases.inbox, inbox_metadata))
            for engine, metadata in both:
                with reading(engine) as conn:
                    for table in metadata.sorted_tables:
                        if table.name not in ("boots", "budgets", "counters"):
                            found += [f"{table.name} {row}" for row in conn.execute(select(table))]
        return sorted(found)

    def select(self, *queries: str) -> list[tuple[Any, ...]]:
        with self.databases() as databases, reading(databases.control) as conn:
            return [tuple(row) for query in queries for row in conn.execute(text(query))]

    def seqs(self) -> tuple[list[Any], list[Any]]:
        """The numbers of the tables' newest commits, and those that the cubes have consumed."""
        with self.databases() as databases:
            with reading(databases.control) as conn:
                heads = list(conn.execute(text("SELECT seq FROM heads ORDER BY lake_table")))
            with reading(databases.cubes) as conn:
                levels = list(conn.execute(text("SELECT seq FROM cube_state_2 ORDER BY cube")))
        return heads, levels

    def cubes(self) -> list[str]:
        """Every row of every cube that is in use."""
        found = []
        with self.databases() as databases, reading(databases.cubes) as conn:
            for cube, generation in conn.execute(text("SELECT cube, generation FROM cube_state_2")):
                table = f"{data_prefix(cube)}{generation}"
                found += [str(tuple(row)) for row in conn.execute(text(f'SELECT * FROM "{table}"'))]
        return sorted(found)

    def outcome(self) -> dict[str, list[str]]:
        return {"rows": self.rows(), "ledger": self.ledger(), "cubes": self.cubes()}


def line(n: int, at: datetime) -> bytes:
    """A line of the access log."""
    fields = {"request_id": f"r{n}", "time": at.timestamp(), "method": "GET"}
    fields |= {"uri": f"/page/{n % 4}", "status": 200, "bytes": n, "remote_addr": "203.0.113.9"}
    return json.dumps(fields).encode()


@dataclass(frozen=True)
class _At:
    at: datetime

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return 0.0
