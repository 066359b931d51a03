"""A port for a server that has to be told which one to take."""

from __future__ import annotations

import random
import socket


def free_port() -> int:
    """One that nobody listens on, and that Linux gives to nobody who asks for any port: those
    begin at 32768. So no other test's server takes it before ours has started."""
    while True:
        port = random.SystemRandom().randrange(10_000, 32_768)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
