"""One real program for a measurement: a home of its own, a token, `serve` on a free port."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PROGRAM = Path(sys.executable).with_name("tallymark")


@dataclass(frozen=True)
class Serving:
    pid: int
    url: str


def fresh_home(home: Path, workspace: str) -> None:
    """Nothing but this workspace's YAML."""
    shutil.rmtree(home, ignore_errors=True)
    (home / "workspace").mkdir(parents=True)
    (home / "workspace" / "all.yaml").write_text(workspace)


def admin_token(home: Path) -> str:
    command = [PROGRAM, "token", "create", "bench", "--scope", "admin"]
    made = subprocess.run(command, env=_env(home), check=True, capture_output=True, text=True)
    return made.stdout.split()[-1]


@contextmanager
def serving(home: Path) -> Iterator[Serving]:
    """What is pushed is flushed each second; the program ends with the block."""
    command = [PROGRAM, "serve", "--port", "0"]
    with subprocess.Popen(command, env=_env(home), stdout=subprocess.PIPE, text=True) as serve:
        try:
            assert serve.stdout is not None
            yield Serving(serve.pid, serve.stdout.readline().strip())
        finally:
            serve.send_signal(signal.SIGTERM)


def _env(home: Path) -> dict[str, str]:
    return {**os.environ, "TALLYMARK_HOME": str(home), "TALLYMARK_FLUSH_S": "1"}
