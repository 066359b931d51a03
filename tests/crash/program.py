"""One process of the program under test: a node at a held instant, killed where it is told to.

    python -m tests.crash.program     a JSON job a line ▶ each runs in a fork ▶ says how it ended

The imports are done once; each job is a process of its own, killed or stopped by itself. A job with
`"wait": false` answers its pid at once, and `{"reap": pid}` says later how it ended.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from tallymark import engines
from tallymark.config import load as load_config
from tallymark.connectors import discover
from tallymark.definitions.workspace import load as load_workspace
from tallymark.lake import marks
from tallymark.reports import formats, publish
from tallymark.wiring.node import Node
from tests.tools import failfs

LATE = ("encodings.idna", "pyarrow.acero", "pyiceberg.avro.decoder_fast", "pyiceberg_core")
"""What libraries import when it is first used."""
INSIDE = "inside the commit's transaction"
"""A step that the product does not name: its claim is checked, its rows are not committed."""


@dataclass(frozen=True)
class HeldClock:
    """Stands at one instant, so that a second run decides as the first did."""

    at: datetime

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        return time.monotonic()


@dataclass(frozen=True)
class MovingClock:
    """Was at one instant at a real one, and has gone on since."""

    at: datetime
    since_s: float

    def now(self) -> datetime:
        return self.at + timedelta(seconds=time.time() - self.since_s)

    def monotonic(self) -> float:
        return time.monotonic()


@dataclass
class KillAt:
    """Kills this process right after the `nth` time that a step is behind it."""

    step: str | None
    nth: int = 1
    seen: int = 0
    signal: int = signal.SIGKILL
    again: bool = False
    """Then at every `nth` time: who is stopped may be let go on."""
    beating: threading.Lock = field(default_factory=threading.Lock)
    """Held for a beat, and for the end: whoever is stopped is in no transaction."""
    counting: threading.Lock = field(default_factory=threading.Lock)

    def __call__(self, step: str) -> None:
        if step != self.step:
            return
        with self.counting:
            self.seen += 1
            now = self.seen == self.nth or (self.again and self.seen % self.nth == 0)
        if now:
            with self.beating:
                os.kill(os.getpid(), self.signal)

    def around(self, beat: Callable[[], None]) -> Callable[[], None]:
        def guarded() -> None:
            with self.beating:
                beat()

        return guarded


def run(job: dict[str, Any]) -> None:
    """Prepare a node and do all that is due; `job` says where and when."""
    os.environ.update(job["env"])
    if "FAILFS_PREFIX" in job["env"]:
        failfs.start()
    config = load_config(job["env"], home=Path(job["home"]), workspace=Path(job["workspace"]))
    workspace = load_workspace(config.workspace_path, discover())
    killer = KillAt(
        job.get("step"),
        job.get("nth", 1),
        signal=job.get("signal", signal.SIGKILL),
        again=job.get("again", False),
    )
    at = datetime.fromisoformat(job["now"])
    node = Node(
        config,
        workspace,
        job["env"],
        MovingClock(at, job["since_s"]) if "since_s" in job else HeldClock(at),
        killer,
        batch_rows=job.get("batch_rows", 1_000_000),
    )
    node.prepare()
    node.boot.beat = killer.around(node.boot.beat)  # type: ignore[method-assign]
    if killer.signal == signal.SIGSTOP:
        # nor is any other of its threads in one
        publish.AT_ONCE = 1
    if job.get("step") == INSIDE:
        write = marks.write
        marks.write = lambda *given: (killer(INSIDE), write(*given))  # type: ignore[assignment]
    if job.get("stay"):
        stay(node)
    else:
        assert node.worker.run_until_idle(60), "not idle after a minute"
    node.close()


def stay(node: Node) -> None:
    """Work in several threads until SIGTERM, as `tallymark work` does."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    node.worker.run(stop)


def main() -> None:
    _share()
    for line in sys.stdin:
        job = json.loads(line)
        child = job.get("reap") or os.fork()
        if child == 0:
            _child(job)
        if not job.get("wait", True):
            _say({"pid": child})
            continue
        _, status = os.waitpid(child, 0)
        _say({"returncode": os.waitstatus_to_exitcode(status)})


def _share() -> None:
    """What every job would import by itself; a collection would go through all, and copy it."""
    for found in (discover, engines.discover, formats.discover):
        found()
    for name in LATE:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()


def _say(answer: dict[str, int]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def _child(job: dict[str, Any]) -> None:
    log = os.open(job["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(log, 1)
    os.dup2(log, 2)
    code = 1
    try:
        run(job)
        code = 0
    except BaseException:  # noqa: BLE001 - the parent reads it in the log
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
