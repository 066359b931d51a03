"""A node with a real Druid, whose reports go to a folder; it does its work in this process."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tallymark.clock import Clock, SystemClock
from tallymark.config import load as load_config
from tallymark.connectors import discover
from tallymark.definitions.workspace import load as load_workspace
from tallymark.reports.runs import Run
from tallymark.reports.store import Report
from tallymark.wiring.node import Node

KEY = "q7Wm2Zx9Lr4Tn8Vb3Kd6Hs1Jf5Gp0YcXu"
WORKSPACE = """
engines:
  druid:
    broker: {broker}
    coordinator: {coordinator}
"""


@dataclass
class House:
    node: Node
    folder: Path
    """Where the files are."""

    def submit(self, **request: Any) -> Report:
        return self.node.reporting.service.submit(json.dumps(request))

    def runs(self, report: Report) -> list[Run]:
        """The newest end date first."""
        return list(self.node.reporting.service.runs(report.report_id))

    def run(self, report: Report) -> Run:
        """The only one that a report has."""
        (run,) = self.runs(report)
        return run

    def why(self, report: Report) -> list[str]:
        return list(self.node.reporting.service.why(report.report_id))

    def work(self) -> None:
        """Do all that is due now."""
        assert self.node.worker.run_until_idle(300), "not idle after five minutes"

    def until(self, true: Callable[[], bool], seconds: float = 300) -> None:
        """Work on until something is so."""
        end = time.monotonic() + seconds
        self.work()
        while not true():
            assert time.monotonic() < end, f"not so within {seconds} s"
            time.sleep(0.2)
            self.work()

    def files(self, report: Report, end_on: str) -> dict[str, bytes]:
        """All that a run made, by path, without what stands beside it."""
        found = {
            str(path.relative_to(self.folder)): path.read_bytes()
            for path in sorted(self.folder.rglob("*"))
            if path.is_file() and report.report_id in path.name and end_on in path.name
        }
        return {path: data for path, data in found.items() if not path.endswith(".manifest.json")}


@contextmanager
def house(
    home: Path, broker: str, coordinator: str, clock: Clock | None = None, **env: str
) -> Iterator[House]:
    """Looks every second for data that it lacks."""
    home.mkdir(exist_ok=True)
    folder = home / "workspace"
    folder.mkdir()
    text = WORKSPACE.format(broker=broker, coordinator=coordinator)
    (folder / "workspace.yaml").write_text(text)
    settings: Mapping[str, str] = {
        "TALLYMARK_SECRET_KEY": KEY, "TALLYMARK_REPORT_LOOK_S": "1", **env,
    }  # fmt: skip
    config = load_config(settings, home=home)
    node = Node(config, load_workspace(folder, discover()), settings, clock or SystemClock())
    node.prepare()
    try:
        yield House(node, config.lake_root / "reports" / "druid-reports")
    finally:
        node.close()
