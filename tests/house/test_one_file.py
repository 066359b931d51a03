"""A connector is one file, its vendor another, and no file that is there changes.

The two are those of `docs/write-a-connector.md`, put into a copy of the code.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.tools.procs import Process, environment

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "write-a-connector.md"
WORKSPACE = """
sources:
  ours:
    connector: example
    token: ${EXAMPLE_TOKEN}
    base_url: %s
    streams:
      accounts: {subjects: [acme], start: 2026-01-01}
metrics:
  followers: {stream: ours.accounts, measure: last(followers)}
boards:
  ours:
    range: mtd
    cards: [{kind: number, metric: followers}]
"""
VENDOR = """
import time
from tallymark.clock import SystemClock
from tallymark.demo.vendors import example
print(example.start(None, SystemClock()).url, flush=True)
time.sleep(600)
"""
MAIN = "from tallymark.cli import main; main()"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The code with the two files of the page."""
    copied = tmp_path / "copy"
    unwanted = shutil.ignore_patterns("__pycache__", "house", "browser", "services", "unit")
    for name in ("src", "tests"):
        shutil.copytree(ROOT / name, copied / name, ignore=unwanted)
    for name in ("pyproject.toml", "conftest.py"):
        shutil.copy(ROOT / name, copied / name)
    connector, vendor = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    package = copied / "src" / "tallymark"
    (package / "connectors" / "example.py").write_text(connector)
    (package / "demo" / "vendors" / "example.py").write_text(vendor)
    return copied


def test_no_file_that_was_there_differs(copy: Path) -> None:
    package = ROOT / "src" / "tallymark"
    ours = {path.relative_to(package): path for path in package.rglob("*") if path.is_file()}
    copied = copy / "src" / "tallymark"
    theirs = {path.relative_to(copied): path for path in copied.rglob("*") if path.is_file()}
    changed = {
        str(name)
        for name, path in theirs.items()
        if name not in ours or path.read_bytes() != ours[name].read_bytes()
    }
    assert changed == {"connectors/example.py", "demo/vendors/example.py"}


@pytest.mark.soak
def test_it_keeps_the_contract_and_the_types(copy: Path) -> None:
    tests = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/contract/test_connectors.py"]
    files = [f"src/tallymark/{room}/example.py" for room in ("connectors", "demo/vendors")]
    for arguments in (
        [*tests, "-k", "example"],
        ["-m", "ruff", "check", *files],
        ["-m", "ruff", "format", "--check", *files],
        ["-m", "mypy", "--strict", *files],
    ):
        done = subprocess.run(
            [sys.executable, *arguments],
            cwd=copy,
            env=environment({"PYTHONPATH": f"{copy / 'src'}:{copy}"}),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{arguments}\n{done.stdout}{done.stderr}"
        if arguments[1] == "pytest":
            assert "5 passed" in done.stdout, done.stdout


def test_it_is_collected_and_shown(copy: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    (home / "workspace").mkdir(parents=True)
    env = {"PYTHONPATH": str(copy / "src"), "TALLYMARK_HOME": str(home), "EXAMPLE_TOKEN": "t"}
    with Process([sys.executable, "-c", VENDOR], log=tmp_path / "vendor.log", env=env) as vendor:
        url = vendor.wait_line(r"(http://\S+)")
        (home / "workspace" / "all.yaml").write_text(WORKSPACE % url)
        env["TALLYMARK_ALLOW_ADDRESSES"] = url.removeprefix("http://")
        tallymark(env, tmp_path, "collect")
        series = json.loads(tallymark(env, tmp_path, "series", "followers", "--json"))
        assert series["series"][0]["buckets"][-1]["value"] == 1234
        serve = [sys.executable, "-c", MAIN, "serve", "--port", "0"]
        with Process(serve, log=tmp_path / "serve.log", env=env) as server:
            address = server.wait_line(r"(http://\S+)")
            server.wait_http(f"{address}/boards/ours")
            page = subprocess.run(
                [sys.executable, "-c", FETCH, f"{address}/boards/ours"],
                capture_output=True,
                text=True,
                check=True,
            ).stdout
    assert "1,234" in page or "1234" in page


FETCH = "import sys, urllib.request as r; print(r.urlopen(sys.argv[1]).read().decode())"


def tallymark(env: dict[str, str], folder: Path, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", MAIN, *arguments],
        cwd=folder,
        env=environment(env),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
    return done.stdout
