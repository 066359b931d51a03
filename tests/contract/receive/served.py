"""The receiver behind a real uvicorn, for tests that need sockets or a process of its own."""

from __future__ import annotations

import os
import signal
import socket
import sys
import threading
from pathlib import Path

import uvicorn

from tallymark.clock import Clock, SystemClock
from tallymark.connectors import PushedConnector
from tallymark.connectors.accesslog import AccessLog
from tallymark.model import Secret
from tallymark.receive.access import Check
from tallymark.receive.body import Limits
from tallymark.receive.http import Receiver
from tallymark.receive.inbox import Inbox
from tallymark.receive.patience import Patient
from tallymark.state.database import migrate, open_databases
from tallymark.state.tokens import Scope

TOKENS: dict[str, Scope] = {"tmk_write": "write", "tmk_admin": "admin", "tmk_read": "read"}


class Impatient(Patient):
    """As the real one, for tests that wait for it."""

    head_s = 1.5
    rest_s = 20.0


class Served:
    """A receiver on a free loopback port, in a thread."""

    def __init__(
        self,
        inbox: Inbox,
        clock: Clock,
        *,
        limits: Limits | None = None,
        check_token: Check = TOKENS.get,
        port: int = 0,
        keys: str | None = "rid",
    ) -> None:
        connector = AccessLog(hash_key=Secret("k" * 32), dedupe_field=keys)
        sources: dict[str, PushedConnector] = {"site": connector}
        self.socket = socket.create_server(("127.0.0.1", port))
        self.port: int = self.socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/in/logs/site"
        app = Receiver(inbox, sources, check_token, clock, limits)
        config = uvicorn.Config(
            app, http=Impatient, log_level="warning", lifespan="off", access_log=False
        )
        self.server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self.server.run, args=([self.socket],), daemon=True)

    def __enter__(self) -> Served:
        self._thread.start()
        while not self.server.started:
            self._thread.join(0.01)
        return self

    def __exit__(self, *_: object) -> None:
        self.server.should_exit = True
        self._thread.join(30)


def main(home: Path, port: int) -> None:
    """A process of its own: prints its address, stops at SIGTERM, and then ends what it took."""
    databases = open_databases(os.environ.get("DATABASE_URL"), home)
    migrate(databases)
    clock = SystemClock()
    inbox = Inbox(databases.inbox, clock)
    served = Served(inbox, clock, port=port)
    sys.stdout.write(f"{served.url}\n")
    sys.stdout.flush()
    # uvicorn raises the signal again when it has stopped: what it took is still to be ended
    signal.signal(signal.SIGTERM, lambda *_: None)
    served.server.run([served.socket])
    inbox.close()
    databases.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
