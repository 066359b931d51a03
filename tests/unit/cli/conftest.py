"""Commands run in this process, on a home with a simulated npm beside it."""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tallymark.cli import main
from tallymark.clock import SystemClock
from tallymark.demo.vendors.memory import MemoryWorld
from tallymark.demo.vendors.npm import NpmVendor

WORKSPACE = """
sources:
  npm:
    connector: npm
    base_url: %s
    streams:
      downloads: {subjects: [rocket, launchpad], start: %s}
metrics:
  downloads: {stream: npm.downloads, measure: sum(downloads), dimensions: [package]}
boards:
  main: {cards: [{kind: bar, metric: downloads, by: package}]}
"""


@dataclass(frozen=True)
class Ran:
    """How a command ended, and what it printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Run = Callable[..., Ran]


@pytest.fixture
def run(
    home: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Run]:
    """Runs a command on the home."""
    for name in [name for name in os.environ if name.startswith("TALLYMARK_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("TALLYMARK_HOME", str(home))
    monkeypatch.setattr(logging, "basicConfig", lambda **_: None)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}

    def ran(*arguments: str) -> Ran:
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        assert isinstance(ended.value.code, int)
        return Ran(ended.value.code, out, err)

    yield ran
    for number, handler in handlers.items():
        signal.signal(number, handler)


@dataclass
class Place:
    """A home with a workspace, and its vendor."""

    home: Path
    run: Run
    vendor: NpmVendor
    first_day: str
    last_day: str

    def write(self, text: str) -> None:
        (self.home / "workspace").mkdir(exist_ok=True)
        (self.home / "workspace" / "all.yaml").write_text(text)

    def write_good(self) -> None:
        self.write(WORKSPACE % (self.vendor.url, self.first_day))


@pytest.fixture
def place(
    run: Run, home: Path, sqlite_template: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Place]:
    """Twenty days of two packages; nothing is collected yet."""
    for file in sqlite_template.glob("*.db"):
        shutil.copy(file, home / file.name)
    vendor = NpmVendor(MemoryWorld(seeded=True), SystemClock())
    vendor.start()
    monkeypatch.setenv("TALLYMARK_ALLOW_ADDRESSES", vendor.url.removeprefix("http://"))
    today = SystemClock().now().date()
    days = [str(today - timedelta(days=n)) for n in (20, 2)]
    made = Place(home, run, vendor, *days)
    made.write_good()
    yield made
    with suppress(ValueError):
        vendor.stop()
