"""`python -m bench [NAME …]`: run the measurements one after another, each in its own process.

`peers` as the only name: those whose peers take long to install.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import asdict
from importlib import import_module

from bench.result import WORK, Result, write

NAMES = (
    "paged",
    "cascade",
    "join",
    "table",
    "refresh",
    "overlays",
    "scan",
    "stream",
    "report",
    "idle",
)
PEERS = ("peer_superset",)


def main(names: list[str]) -> int:
    if names[:1] == ["--only"]:
        print(json.dumps(asdict(import_module(f"bench.{names[1]}").run())))
        return 0
    WORK.mkdir(parents=True, exist_ok=True)
    load = os.getloadavg()[0]
    pages = {(): (NAMES, "results.md"), ("peers",): (PEERS, "peers.md")}
    wanted, page = pages.get(tuple(names), (names, None))
    results = [_apart(name) for name in wanted]
    if page:
        write(results, load, page)
    for result in results:
        print(f"{'ok  ' if result.good else 'BAD '} {result.name}: {result.got} ({result.wanted})")
        for note in result.notes:
            print(f"       {note}")
    return int(not all(result.good for result in results))


def _apart(name: str) -> Result:
    print(f"{name} …", flush=True)
    command = [sys.executable, "-m", "bench", "--only", name]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return Result(**json.loads(done.stdout.splitlines()[-1]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
