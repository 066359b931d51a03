"""What `tallymark demo` runs: the real program against simulated vendors, past and present."""

from __future__ import annotations

import http.client
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, time
from importlib.resources import files
from pathlib import Path
from threading import Thread

from tallymark.boards.health import Progress
from tallymark.cli.common import settings
from tallymark.clock import SystemClock
from tallymark.connectors import discover
from tallymark.definitions.workspace import load
from tallymark.demo.story import DemoClock, Position, Story
from tallymark.demo.vendors.accesslog import ship
from tallymark.demo.vendors.github import GithubVendor
from tallymark.demo.vendors.npm import NpmVendor
from tallymark.demo.visits import hits
from tallymark.demo.world import World
from tallymark.errors import NotFound
from tallymark.state import tokens
from tallymark.wiring.node import Node
from tallymark.wiring.serving import Server

log = logging.getLogger(__name__)

GITHUB_TOKEN = "demo"
SITE_TOKEN_NAME = "demo site"
SHIP_S = 5.0
# while the past is simulated, the receiver's beats are a day apart
DAY_GAP_S = 26 * 3600.0
# what the shipper forgets when it is killed between an answer and its note, it sends again
POSITION = "demo-shipped.txt"
# what the simulated vendors were asked, by their own account
VENDORS = "vendors"


@dataclass
class Demo:
    """The parts of a running demo."""

    home: Path
    position: Position
    clock: DemoClock
    node: Node
    url: str = ""
    site_token: str = ""
    done: float = 0.0
    started_s: float = field(default=0.0)

    @property
    def world(self) -> World:
        return World(self.position.started_on)

    def progress(self) -> Progress | None:
        """How the first collection goes; None once it is over."""
        if self.position.live or self.done >= 1:
            return None
        spent_s = self.clock.monotonic() - self.started_s
        left_s = spent_s * (1 - self.done) / self.done if self.done > 0.02 else None
        return Progress(text="collecting 13 months", done=self.done, left_s=left_s)

    def run(self, server: Server) -> None:
        """Collect the past, then go on live until the server stops."""
        self.site_token = _site_token(self.node)
        self.started_s = self.clock.monotonic()
        story = Story(
            home=self.home,
            clock=self.clock,
            send=lambda to_at: self._ship(to_at, server),
            listen=server.listen,
            collect=self.node.collector.run_until_idle,
            drain=self.node.worker.run_until_idle,
            progress=self._done,
        )
        story.past(server.stop)
        if server.stop.is_set():
            return
        server.live()
        Thread(target=self._ship_live, args=(server,), daemon=True).start()
        self.node.worker.run(server.stop)

    def _ship(self, to_at: datetime, server: Server) -> None:
        """Send what is new, and what was not acknowledged again, as a shipper does: until it is."""
        while not server.stop.is_set():
            try:
                self._send(to_at)
                return
            except (OSError, http.client.HTTPException, ValueError) as error:
                log.info("the site's log waits: %s", error)
                server.stop.wait(SHIP_S)

    def _send(self, to_at: datetime) -> None:
        """Ship a stretch of the site's log, and note how far it is acknowledged."""
        noted = self.home / POSITION
        first = datetime.combine(self.position.started_on, time(), UTC)
        from_at = datetime.fromisoformat(noted.read_text()) if noted.exists() else first
        if to_at <= from_at:
            return
        ship(f"{self.url}/in/logs/site", self.site_token, hits(self.world, from_at, to_at))
        part = self.home / f"{POSITION}.part"
        part.write_text(to_at.isoformat())
        part.replace(noted)

    def _ship_live(self, server: Server) -> None:
        while not server.stop.wait(SHIP_S):
            self._ship(self.clock.now(), server)

    def _done(self, share: float) -> None:
        self.done = share


@contextmanager
def demo_of(home: Path) -> Iterator[Demo]:
    """A demo with its vendors running.

    Raises: ConfigError where the home is not a demo's own.
    """
    position = Position.read(home, SystemClock().now())
    clock = DemoClock(SystemClock())
    world = World(position.started_on)
    folder = home / VENDORS
    folder.mkdir(exist_ok=True)
    github = GithubVendor(world, clock, folder / "github.log")
    npm = NpmVendor(world, clock, folder / "npm.log")
    ports = [vendor.start() for vendor in (github, npm)]
    try:
        env = {
            **os.environ,
            "DEMO_GITHUB_URL": github.url,
            "DEMO_GITHUB_TOKEN": GITHUB_TOKEN,
            "DEMO_NPM_URL": npm.url,
        }
        allowed = frozenset(f"127.0.0.1:{port}" for port in ports)
        yield Demo(home, position, clock, _node(home, position, clock, env, allowed))
    finally:
        github.stop()
        npm.stop()


def _node(
    home: Path,
    position: Position,
    clock: DemoClock,
    env: Mapping[str, str],
    allowed: frozenset[str],
) -> Node:
    folder = home / "workspace"
    if not folder.exists():
        folder.mkdir(parents=True)
        text = files("tallymark.demo").joinpath("workspace/demo.yaml").read_text()
        started_on = position.started_on.isoformat()
        (folder / "demo.yaml").write_text(text.replace("${START}", started_on))
    config = replace(settings(home), database_url=None, lake_path=None, allow_addresses=allowed)
    return Node(config, load(folder, discover()), env, clock, folder=folder)


def _site_token(node: Node) -> str:
    """A fresh token for the site's shipper; the one of an earlier start is not known any more."""
    engine = node.databases.control
    with suppress(NotFound):
        tokens.remove(engine, SITE_TOKEN_NAME)
    return tokens.create(engine, SITE_TOKEN_NAME, "write", node.clock.now())
