"""Child processes of tests: each in a session of its own, watched, signalled, always reaped."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

ROOT = Path(__file__).parents[2]


def environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Ours, less every TALLYMARK setting, with this checkout's code first."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("TALLYMARK_")}
    kept |= {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}", "PYTHONUNBUFFERED": "1"}
    return kept | dict(more or {})


class Process:
    """A running child; its output goes to a file, so that it never blocks on us.

    with Process([...], log=tmp_path / "serve.log") as serve:
        url = serve.wait_line(r"(http://\\S+)")
        serve.kill()
    """

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        log: Path,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
    ) -> None:
        self.log = log
        self._from = log.stat().st_size if log.exists() else 0
        with log.open("ab") as output:
            self.popen = subprocess.Popen(
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment(env),
                cwd=cwd,
                start_new_session=True,
            )

    @property
    def pid(self) -> int:
        return self.popen.pid

    def output(self) -> str:
        """All that this child has printed."""
        with self.log.open("rb") as file:
            file.seek(self._from)
            return file.read().decode(errors="replace")

    def wait_line(self, pattern: str, timeout_s: float = 30) -> str:
        """Wait until a line matches; the match's first group, or all of it."""
        deadline = time.monotonic() + timeout_s
        while True:
            ended = self.popen.poll() is not None
            if found := re.search(pattern, self.output(), re.MULTILINE):
                return found[1] if found.re.groups else found[0]
            assert not ended, f"it ended with {self.popen.returncode}:\n{self.output()[-4000:]}"
            assert time.monotonic() < deadline, f"no {pattern!r} in:\n{self.output()[-4000:]}"
            time.sleep(0.02)

    def wait_http(self, url: str, timeout_s: float = 30, status: int = 200) -> None:
        """Wait until the address answers with this status."""
        deadline = time.monotonic() + timeout_s
        while (seen := answers(url)) != status:
            assert self.popen.poll() is None, self.output()[-4000:]
            assert time.monotonic() < deadline, f"{url}: {seen}\n{self.output()[-4000:]}"
            time.sleep(0.05)

    def signal(self, number: int) -> None:
        """Send a signal to the child and all that it started."""
        if self.popen.returncode is not None and Path(f"/proc/{self.pid}").exists():
            return  # it has ended, and its number is somebody else's by now
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.pid, number)

    def kill(self) -> None:
        """SIGKILL, and see that this is what ended it."""
        self.signal(signal.SIGKILL)
        self.killed()

    def killed(self, timeout_s: float = 60) -> None:
        """Wait for the end; it must have been SIGKILL."""
        code = self.wait(timeout_s)
        assert code == -signal.SIGKILL, f"it ended with {code}:\n{self.output()[-4000:]}"

    def pause(self) -> None:
        """SIGSTOP, and wait until the kernel says that it and its children stand still."""
        self.signal(signal.SIGSTOP)
        deadline = time.monotonic() + 10
        while any(state(pid) not in {"T", "Z", ""} for pid in group(self.pid)):
            assert time.monotonic() < deadline, f"process {self.pid} did not stop"
            time.sleep(0.005)

    def resume(self) -> None:
        self.signal(signal.SIGCONT)

    def terminate(self, timeout_s: float = 30) -> int:
        """SIGTERM; the return code."""
        self.signal(signal.SIGTERM)
        return self.wait(timeout_s)

    def wait(self, timeout_s: float = 60) -> int:
        try:
            return self.popen.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"still running:\n{self.output()[-4000:]}") from None

    def __enter__(self) -> Process:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGKILL)
        self.popen.wait(30)


def answers(url: str) -> int:
    """The status of a GET, 0 where nobody answers."""
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code
    except OSError:
        return 0


def group(leader: int) -> list[int]:
    """The processes of a group."""
    pids = []
    for folder in Path("/proc").glob("[0-9]*"):
        pid = int(folder.name)
        with contextlib.suppress(ProcessLookupError):
            if os.getpgid(pid) == leader:
                pids.append(pid)
    return pids


def state(pid: int) -> str:
    """The kernel's letter for a process: R, S, T (stopped), Z; empty where it is gone."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""
