from __future__ import annotations

import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.tools.procs import environment
from tests.tools.wallclock import WallClock

AT = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
# 5 is CLOCK_REALTIME_COARSE, which Python does not name
CHILD = """
import queue, sys, time
for line in sys.stdin:
    began_s = time.monotonic()
    try:
        queue.Queue().get(timeout=0.05)
    except queue.Empty:
        pass
    waited_s = time.monotonic() - began_s
    print(time.time(), time.clock_gettime(5), began_s, waited_s)
    sys.stdout.flush()
"""


def test_a_running_process_sees_its_wall_clock_set_and_no_other(tmp_path: Path) -> None:
    clock = WallClock(tmp_path, AT)
    with subprocess.Popen(
        [sys.executable, "-c", CHILD],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment(clock.env),
    ) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        last_s = 0.0
        for by in (timedelta(), -timedelta(hours=1), timedelta(days=1)):
            clock.step(by)
            child.stdin.write("\n")
            child.stdin.flush()
            shown, coarse, monotonic_s, waited_s = map(float, child.stdout.readline().split())
            assert abs(shown - clock.now().timestamp()) < 5
            assert abs(coarse - shown) < 5
            assert last_s < monotonic_s < time.monotonic()
            assert waited_s < 5
            last_s = monotonic_s
        child.stdin.close()
