"""What a measurement yields, and the page that the results are written to."""

from __future__ import annotations

import os
import platform
import re
import resource
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parents[1]
WORK = ROOT / "bench" / "work"


@dataclass
class Result:
    """One row of the page: what was wanted, what came out, and how it was measured."""

    name: str
    wanted: str
    got: str
    good: bool
    notes: list[str] = field(default_factory=list)


@dataclass
class Timing:
    """Wall-clock seconds of a block."""

    s: float = 0.0


@contextmanager
def timed() -> Iterator[Timing]:
    timing = Timing()
    began = time.perf_counter()
    try:
        yield timing
    finally:
        timing.s = time.perf_counter() - began


def median(run: Callable[[], float], times: int = 3) -> float:
    """The middle of an odd number of runs."""
    return sorted(run() for _ in range(times))[times // 2]


def write(results: list[Result], load: float, page: str) -> None:
    """`load`: the machine's load average before the run."""
    word = {"results.md": "bench", "peers.md": "bench-peers"}[page]
    lines = [
        "# Benchmarks",
        "",
        f"Written by `make {word}`. Only ratios of one run mean something.",
        "",
    ]
    doubtful = ": **the run is doubtful, others were at work**" if load > 1.5 else ""
    lines += [f"- {fact}" for fact in machine()]
    lines += [f"- load average before the run {load:.1f}{doubtful}", ""]
    lines += ["| what | wanted | measured | |", "|---|---|---|---|"]
    lines += [f"| {r.name} | {r.wanted} | {r.got} | {'✓' if r.good else '✗'} |" for r in results]
    for r in results:
        lines += ["", f"## {r.name}", "", *[f"- {note}" for note in r.notes]]
    (ROOT / "bench" / page).write_text("\n".join(lines) + "\n")


def machine() -> Iterator[str]:
    yield datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    model = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    cores = len(os.sched_getaffinity(0))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    yield f"{cores} cores ({model[1] if model else platform.machine()}), {memory:.0f} GiB"
    kind = subprocess.run(
        ["stat", "-f", "-c", "%T", str(ROOT)], capture_output=True, text=True, check=False
    ).stdout.strip()
    yield f"{platform.platform(terse=True)}, Python {platform.python_version()}, file system {kind}"


def peak_mb() -> float:
    """The most memory that this process has held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
