"""A server on a free loopback port over made-up numbers, and how Chromium is started."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import uvicorn

from tallymark.web.app import create_app
from tests.web_world import World, world

ARGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@dataclass
class Site:
    """A running server and the world that it shows."""

    url: str
    world: World


@contextmanager
def running() -> Iterator[Site]:
    shown = world()
    config = uvicorn.Config(
        create_app(shown.services), host="127.0.0.1", port=0, log_level="error", lifespan="off"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        port = server.servers[0].sockets[0].getsockname()[1]
        yield Site(f"http://127.0.0.1:{port}", shown)
    finally:
        server.should_exit = True
        thread.join(10)
