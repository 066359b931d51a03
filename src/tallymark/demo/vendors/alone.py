"""A vendor as a process of its own, for tests that kill the one who asks."""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from threading import Event
from typing import Any

from tallymark.clock import Clock, SystemClock
from tallymark.demo.vendors.memory import MemoryWorld
from tallymark.demo.vendors.server import VendorServer
from tallymark.demo.world import World

Make = Callable[[Any, Clock, Path | None], VendorServer]


def main(make: Make, arguments: Sequence[str] | None = None) -> None:
    """Print the address, serve until SIGTERM or SIGINT."""
    parser = argparse.ArgumentParser(description="A simulated vendor on loopback.")
    parser.add_argument("--port", type=int, default=0, help="0: a free one")
    parser.add_argument("--log", type=Path, help="where to write its calls, a JSON line each")
    parser.add_argument("--world", choices=("test", "demo"), default="test")
    parser.add_argument("--started-on", type=date.fromisoformat, help="the demo's first day")
    parser.add_argument("--now", type=datetime.fromisoformat, help="move its clock there")
    parser.add_argument("--hold", action="store_true", help="and stop it there")
    options = parser.parse_args(arguments)
    if options.world == "demo" and options.started_on is None:
        parser.error("--world demo needs --started-on")
    vendor = make(_world(options), SystemClock(), options.log)
    if options.now:
        at = options.now if options.now.tzinfo else options.now.replace(tzinfo=UTC)
        vendor.clock.move_to(at, hold=options.hold)
    ended = Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    vendor.start(options.port)
    # whoever has read the address may end it at once
    sys.stdout.write(f"{vendor.url}\n")
    sys.stdout.flush()
    ended.wait()
    vendor.stop()


def _world(options: argparse.Namespace) -> Any:
    if options.world == "test":
        return MemoryWorld(seeded=True)
    return World(options.started_on)
