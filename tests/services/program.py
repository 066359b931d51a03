"""The program as a person starts it: the installed command, on a home of its own."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

from tests.tools.procs import Process, environment

COMMAND = Path(sys.executable).with_name("tallymark")


class Program:
    """One home, and the commands on it."""

    def __init__(self, home: Path, **settings: str) -> None:
        self.home = home
        self.env = {"TALLYMARK_HOME": str(home)} | settings
        (home / "workspace").mkdir(parents=True, exist_ok=True)

    def define(self, yaml: str) -> None:
        (self.home / "workspace" / "test.yaml").write_text(yaml)

    def run(self, *arguments: str) -> str:
        """Run a command to its end; what it printed."""
        done = subprocess.run(
            [str(COMMAND), *arguments],
            env=environment(self.env),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"{arguments}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done.stdout

    def token(self, name: str, scope: str) -> str:
        return self.run("token", "create", name, "--scope", scope).split()[-1]

    def start(self, word: str, *arguments: str) -> Process:
        """Start a command that stays: `serve`, `work`, `demo`."""
        log = self.home.with_name(f"{self.home.name}-{word}.log")
        return Process([COMMAND, word, *arguments], log=log, env=self.env)

    def serve(self, port: int = 0) -> Process:
        return self.start("serve", "--port", str(port))


def get(url: str, token: str = "") -> Any:
    """The JSON of an answer."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=30) as answer:
        return json.load(answer)
