from __future__ import annotations

import signal
import sys
import time
from pathlib import Path

import pytest

from tests.tools.procs import Process, answers, state

SERVE = """
import http.server, subprocess, sys
child = subprocess.Popen(["sleep", "60"])
server = http.server.HTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
print(f"child {child.pid}", flush=True)
print(f"http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
"""


def test_a_server_is_awaited_stopped_continued_and_killed_with_its_children(tmp_path: Path) -> None:
    command = [sys.executable, "-c", SERVE]
    with Process(command, log=tmp_path / "log", cwd=tmp_path) as server:
        url = server.wait_line(r"(http://\S+)")
        child = int(server.wait_line(r"child (\d+)"))
        server.wait_http(url)
        server.pause()
        assert state(child) == "T"
        server.resume()
        server.wait_http(url)
        server.kill()
    assert answers(url) == 0
    for _ in range(100):
        if state(child) in {"", "Z"}:
            break
        time.sleep(0.01)
    assert state(child) in {"", "Z"}


def test_a_process_that_ends_otherwise_was_not_killed(tmp_path: Path) -> None:
    with (
        Process([sys.executable, "-c", "print('bye')"], log=tmp_path / "log") as child,
        pytest.raises(AssertionError, match="ended with 0"),
    ):
        child.killed()


def test_a_process_that_kills_itself_was_killed(tmp_path: Path) -> None:
    code = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    with Process([sys.executable, "-c", code], log=tmp_path / "log") as child:
        child.killed()


def test_waiting_for_a_line_tells_what_was_printed_instead(tmp_path: Path) -> None:
    with (
        Process([sys.executable, "-c", "print('no such thing')"], log=tmp_path / "log") as child,
        pytest.raises(AssertionError, match="no such thing"),
    ):
        child.wait_line("address")


def test_a_process_is_reaped_when_its_test_fails(tmp_path: Path) -> None:
    child = Process(["sleep", "60"], log=tmp_path / "log")
    with pytest.raises(ZeroDivisionError), child:
        raise ZeroDivisionError
    assert child.popen.returncode == -signal.SIGKILL
