"""Noticing another workspace while the process runs: changed YAML files, or a newer revision.

    files settled, and not what was read ─▶ checked ─▶ tables, revision, ledger, as at a start
    a newer revision of another process  ─▶ taken as it is stored
                                         ─▶ rooms built anew ─▶ handed to the workers and the web

What does not hold is refused as a whole: the workspace in use goes on, and `trouble` says why.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from sqlalchemy.exc import SQLAlchemyError

from tallymark.definitions import store as definitions
from tallymark.definitions.workspace import Workspace, fingerprint, load
from tallymark.errors import TallymarkError
from tallymark.ledger import objects
from tallymark.state.database import reading, writing
from tallymark.wiring.node import Node

log = logging.getLogger(__name__)

LOOK_S = 2.0

SHARED = (
    *("connectors", "databases", "secret", "archive", "lake", "reader", "boot", "claims", "net"),
    *("clients", "cube_store", "worker", "collector"),
)
"""The rooms that know nothing of the workspace; the workers are handed other handlers."""


def rebuilt(node: Node, workspace: Workspace, revision: int = 0) -> Node:
    """The same process with another workspace: what holds connections and claims is shared."""
    other = replace(node, workspace=workspace, revision=revision)
    other.__dict__.update({name: getattr(node, name) for name in SHARED})
    return other


def _nobody(node: Node) -> None:
    """Where only the workers are to know."""


@dataclass
class Watch:
    """Looks after the workspace of a prepared node; `swap` is told of the node that goes on."""

    node: Node
    swap: Callable[[Node], None] = _nobody
    _seen: str = ""
    _used: str = ""
    _read: Workspace = field(init=False)
    _refused: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._read = self.node.workspace

    @property
    def trouble(self) -> str:
        """Why a changed workspace is not used, with every mistake; empty: none is refused."""
        return "\n".join(self._refused.values())

    def run(self, stop: threading.Event) -> None:
        """Look until `stop` is set."""
        while not stop.wait(LOOK_S):
            self.look()

    def look(self) -> None:
        """Take over what has changed; what cannot be done now is tried again at the next look."""
        for place, look in (("files", self._files), ("database", self._revision)):
            try:
                look()
                self._refused.pop(place, None)
            except TallymarkError as error:
                self._refuse(place, f"the changed workspace is not used: {error}")
            except (SQLAlchemyError, OSError) as error:
                log.warning("the workspace could not be looked at: %s", error)

    def _files(self) -> None:
        folder = self.node.folder
        if folder is None:
            return
        found = fingerprint(folder)
        settled, self._seen = found == self._seen, found
        # a file that is just being written may be half of what it will be, and valid
        if not settled or found == self._used:
            return
        workspace = load(folder, self.node.connectors)
        if fingerprint(folder) != found:
            return
        if not _same(workspace, self._read):
            node = rebuilt(self.node, workspace)
            node.store()
            self._use(node)
        self._read, self._used = workspace, found

    def _revision(self) -> None:
        with reading(self.node.databases.control) as conn:
            newest = definitions.newest(conn)
            workspace = definitions.current(conn) if newest != self.node.revision else None
        if workspace is None:
            return
        node = rebuilt(self.node, workspace, newest)
        _ = node.sources  # what this process cannot build, it leaves to others
        self._use(node)

    def _use(self, node: Node) -> None:
        for worker in (node.worker, node.collector):
            worker.handlers = node.handlers
        self.node = node
        self.swap(node)
        # whoever looked at the cubes meanwhile did not know what they should be
        with writing(node.databases.control) as tx:
            objects.wake(tx, "cube", node.clock.now())
        log.warning("the workspace changed: revision %d is used now", node.revision)

    def _refuse(self, place: str, told: str) -> None:
        if self._refused.get(place) != told:
            log.error("%s", told)
        self._refused[place] = told


def _same(one: Workspace, other: Workspace) -> bool:
    # the rail shows boards in their order, which no comparison of mappings sees
    return one == other and list(one.boards) == list(other.boards)


@contextmanager
def watching(watch: Watch) -> Iterator[None]:
    """Look in a thread beside."""
    stop = threading.Event()
    thread = threading.Thread(target=watch.run, args=[stop], daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(10)
