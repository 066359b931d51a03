"""The wheel alone, in an empty environment without Node, is the whole program."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.tools.procs import ROOT, Process

UV = Path(sys.executable).with_name("uv")


@pytest.mark.soak
def test_the_wheel_in_an_empty_environment_runs_the_demo(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", tmp_path, ROOT]
    subprocess.run(build, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    clean = tmp_path / "clean"
    env = {**os.environ, "VIRTUAL_ENV": str(clean)}
    for command in (
        ["venv", "--python", sys.executable, clean],
        ["pip", "install", "--require-hashes", "-r", ROOT / "requirements.lock"],
        ["pip", "install", "--no-deps", wheel],
    ):
        subprocess.run([UV, "--quiet", *command], check=True, env=env, cwd=tmp_path)
    empty = tmp_path / "empty"
    empty.mkdir()
    command = [clean / "bin" / "tallymark", "demo", "--home", tmp_path / "home", "--port", "0"]
    alone = {"PATH": str(empty), "PYTHONPATH": "", "HOME": str(empty)}
    with Process(command, log=tmp_path / "demo.log", env=alone, cwd=empty) as demo:
        url = demo.wait_line(r"(http://127\.0\.0\.1:\d+)$", timeout_s=60)
        demo.wait_http(f"{url}/", timeout_s=60)
        page = urllib.request.urlopen(f"{url}/").read().decode()
        parts = set(re.findall(r'(?:src|href)="(/static/[^"]+)"', page))
        assert any(part.endswith(".js") for part in parts)
        assert any(part.endswith(".css") for part in parts)
        for part in parts:
            demo.wait_http(url + part)
        assert demo.terminate() == 0
