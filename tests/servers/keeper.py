"""keeper.py RUN FOLDER COMMAND...: a server that lives as long as the process RUN does.

Ends when the server ends, or else ends the server with RUN, however that ended; then the folder
goes. Uses the standard library alone, and no module of the tests.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import select
import shutil
import signal
import subprocess
import sys


def keep(run: int, folder: str, command: list[str]) -> None:
    # the run is looked for first: were it gone already, nothing would ever be started
    ending = os.pidfd_open(run)
    server = subprocess.Popen(command, preexec_fn=end_with_parent, cwd=folder)
    waiting = select.poll()
    for one in (ending, os.pidfd_open(server.pid)):
        waiting.register(one, select.POLLIN)
    over = [one for one, _ in waiting.poll()]
    server.terminate()
    with contextlib.suppress(subprocess.TimeoutExpired):
        server.wait(2)
    server.kill()
    server.wait()
    if ending in over:
        shutil.rmtree(folder, ignore_errors=True)


def end_with_parent() -> None:
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


if __name__ == "__main__":
    keep(int(sys.argv[1]), sys.argv[2], sys.argv[3:])
