"""A node that serves: the web at once, and the rest as soon as the database is there."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from fastapi import FastAPI
from sqlalchemy.exc import SQLAlchemyError

from tallymark.boards.health import Progress
from tallymark.errors import ConfigError, TallymarkError
from tallymark.receive.http import Receiver
from tallymark.receive.inbox import Inbox
from tallymark.receive.listening import GAP_S, Listening
from tallymark.state import tokens
from tallymark.state.database import at_head
from tallymark.web.app import create_app
from tallymark.web.services import Services
from tallymark.wiring.node import Node
from tallymark.wiring.services import services
from tallymark.wiring.watch import Watch, watching

log = logging.getLogger(__name__)

LISTEN_S = 3.0
RETRY_S = 2.0


def no_progress() -> Progress | None:
    return None


@dataclass
class Server:
    """The web of a node, and the threads beside it."""

    node: Node
    progress: Callable[[], Progress | None] = no_progress
    gap_s: float = GAP_S
    """After a longer silence nobody listened; a simulated past sets it to more than its step."""
    stop: threading.Event = field(default_factory=threading.Event)
    prepared: threading.Event = field(default_factory=threading.Event)
    trouble: str = ""
    """Why the start does not get on; empty while it does."""
    listening: Listening | None = None
    inbox: Inbox | None = None
    receiver: Receiver | None = None
    watch: Watch | None = None
    web: FastAPI | None = None

    def app(self) -> FastAPI:
        """The web of the node's workspace, and of each that follows it."""
        node = self.node
        pushed = node.pushed  # a wrong setting stops the start before anything runs
        self.inbox = Inbox(node.databases.inbox, node.clock)
        self.receiver = Receiver(self.inbox, pushed, self._scope, node.clock)
        self.web = create_app(self._services(self.receiver))
        return self.web

    def run(self, work: Callable[[], None]) -> None:
        """Prepare, trying again while the database is away; then listen, and do the work. A
        workspace that changes meanwhile is taken over."""
        while not self.stop.is_set():
            try:
                self.node.prepare()
                self.listening = self._listener(self.gap_s)
                self.listen()
                break
            except (SQLAlchemyError, OSError, TallymarkError) as error:
                self.trouble = f"the start does not get on: {_first_line(error)}"
                log.warning("%s", self.trouble)
                self.stop.wait(RETRY_S)
        else:
            return
        self.trouble = ""
        self.prepared.set()
        threading.Thread(target=self._listen, daemon=True).start()
        self.watch = Watch(self.node, self._swap)
        with watching(self.watch):
            work()

    def _swap(self, changed: Node) -> None:
        self.node = changed
        if self.receiver is not None and self.web is not None:
            self.receiver.sources = changed.pushed
            # in one assignment: a request that began goes on with what it had
            self.web.state.services = self._services(self.receiver)

    def listen(self) -> None:
        """Say that requests can be taken now, where they can."""
        if self.listening is not None and self.inbox is not None and self.inbox.writable():
            self.listening.beat(self.node.pushed)

    def live(self) -> None:
        """The past is over: from now on a silence counts."""
        self.listening = self._listener(GAP_S)

    def close(self) -> None:
        self.stop.set()
        if self.inbox is not None:
            self.inbox.close()
        self.node.close()

    def _listener(self, gap_s: float) -> Listening:
        node = self.node
        return Listening(node.databases.control, node.clock, node.boot.id, gap_s=gap_s)

    def _listen(self) -> None:
        while not self.stop.wait(LISTEN_S):
            try:
                self.listen()
            except SQLAlchemyError as error:
                log.warning("not listening: %s", _first_line(error))

    def _scope(self, token: str) -> tokens.Scope | None:
        return tokens.check(self.node.databases.control, token)

    def _services(self, receiver: Receiver) -> Services:
        return services(
            self.node,
            receiver,
            ready=self._reasons,
            notes=self._notes,
            progress=self.progress,
        )

    def _notes(self) -> Sequence[str]:
        return [self.watch.trouble] if self.watch and self.watch.trouble else []

    def _reasons(self) -> Sequence[str]:
        """Why this node is not ready, each with what to do."""
        if not self.prepared.is_set():
            return [self.trouble or "starting: try again in a moment"]
        reasons = []
        try:
            if not at_head(self.node.databases):
                reasons.append("the database is of another version: start one `tallymark serve`")
        except (SQLAlchemyError, ConfigError) as error:
            reasons.append(f"the database does not answer: {_first_line(error)}")
        if not self.node.config.lake_root.is_dir():
            reasons.append(f"the lake is not there: {self.node.config.lake_root}")
        if self.progress() is not None:
            reasons.append("the first collection is under way")
        return reasons


def _first_line(error: Exception) -> str:
    lines = str(error).splitlines()
    return lines[0] if lines else type(error).__name__
