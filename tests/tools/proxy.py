"""A TCP proxy on loopback that cuts, pauses, delays, or drops the answer to a certain message."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from types import TracebackType


@dataclass(eq=False)
class Link:
    """One connection through the proxy."""

    client: socket.socket
    server: socket.socket
    seen: bytes = b""
    """The client's last bytes, to find a pattern across two reads."""
    drop: bool = False
    """The next answer of the server is swallowed, and the connection cut."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def close(self) -> None:
        for end in (self.client, self.server):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()


class Proxy:
    """`with Proxy("127.0.0.1", 5432) as proxy:` connect to 127.0.0.1, `proxy.port`."""

    def __init__(self, host: str, port: int) -> None:
        self._target = (host, port)
        self._links: set[Link] = set()
        self._lock = threading.Lock()
        self._open = threading.Event()
        self._flowing = threading.Event()
        self._open.set()
        self._flowing.set()
        self._pattern: bytes | None = None
        self._after: bytes | None = None
        self.delay_s = 0.0
        self.dropped = threading.Event()
        """Set when an answer was swallowed."""
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """Break every connection and take no new one, until `heal`."""
        self._open.clear()
        with self._lock:
            links = list(self._links)
        for link in links:
            link.close()

    def heal(self) -> None:
        self._open.set()

    def pause(self) -> None:
        """Hold all bytes back, both ways, without breaking anything."""
        self._flowing.clear()

    def resume(self) -> None:
        self._flowing.set()

    def drop_answer_to(self, pattern: bytes, *, after: bytes | None = None) -> None:
        """Once: let the client's next message that holds `pattern` through, wait for the server's
        answer to it, swallow that, and cut. Only on a connection that has sent `after` before."""
        self.dropped.clear()
        self._after, self._pattern = after, pattern

    def close(self) -> None:
        self._flowing.set()
        self._listener.close()
        self.cut()

    def __enter__(self) -> Proxy:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            if not self._open.is_set():
                client.close()
                continue
            try:
                server = socket.create_connection(self._target, timeout=10)
            except OSError:
                client.close()
                continue
            server.settimeout(None)
            for end in (client, server):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            link = Link(client, server)
            with self._lock:
                self._links.add(link)
            for pump in (self._to_server, self._to_client):
                threading.Thread(target=self._run, args=(pump, link), daemon=True).start()

    def _run(self, pump: Callable[[Link], None], link: Link) -> None:
        with contextlib.suppress(OSError):
            pump(link)
        link.close()
        with self._lock:
            self._links.discard(link)

    def _to_server(self, link: Link) -> None:
        while data := link.client.recv(65536):
            self._wait()
            self._watch(link, data)
            link.server.sendall(data)

    def _watch(self, link: Link, data: bytes) -> None:
        link.seen = (link.seen + data)[-1_000_000:]
        with self._lock:
            pattern, after = self._pattern, self._after
            # it may lie across two reads, but its last byte must be new
            if pattern is None or pattern not in link.seen[-len(data) - len(pattern) + 1 :]:
                return
            if after is not None and after not in link.seen:
                return
            self._pattern = None
        with link.lock:
            link.drop = True

    def _to_client(self, link: Link) -> None:
        while data := link.server.recv(65536):
            self._wait()
            with link.lock:
                if link.drop:
                    self.dropped.set()
                    return
            link.client.sendall(data)

    def _wait(self) -> None:
        if self.delay_s:
            time.sleep(self.delay_s)
        self._flowing.wait()
