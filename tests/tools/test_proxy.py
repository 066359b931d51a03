from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator

import pytest

from tests.tools.proxy import Proxy


class Echo:
    """Answers each message with itself, and remembers what it got."""

    def __init__(self) -> None:
        self.got: list[bytes] = []
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                end, _ = self.listener.accept()
                threading.Thread(target=self._answer, args=(end,), daemon=True).start()

    def _answer(self, end: socket.socket) -> None:
        with end, contextlib.suppress(OSError):
            while data := end.recv(1000):
                self.got.append(data)
                end.sendall(data)


@pytest.fixture
def echo() -> Iterator[Echo]:
    server = Echo()
    yield server
    server.listener.close()


@pytest.fixture
def proxy(echo: Echo) -> Iterator[Proxy]:
    with Proxy("127.0.0.1", echo.port) as made:
        yield made


def connect(proxy: Proxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=5)


def ask(end: socket.socket, data: bytes) -> bytes:
    end.sendall(data)
    with contextlib.suppress(ConnectionError):
        return end.recv(1000)
    return b""


def test_bytes_pass_both_ways(proxy: Proxy) -> None:
    with connect(proxy) as end:
        assert ask(end, b"hello") == b"hello"


def test_the_answer_to_a_pattern_is_dropped_once_and_the_server_has_got_the_message(
    proxy: Proxy, echo: Echo
) -> None:
    proxy.drop_answer_to(b"COMMIT")
    with connect(proxy) as end:
        assert ask(end, b"BEGIN") == b"BEGIN"
        assert ask(end, b"COMMIT") == b""
    assert proxy.dropped.wait(5)
    assert echo.got == [b"BEGIN", b"COMMIT"]
    with connect(proxy) as end:
        assert ask(end, b"COMMIT") == b"COMMIT"


def test_a_pattern_counts_only_after_another_on_the_same_connection(proxy: Proxy) -> None:
    proxy.drop_answer_to(b"COMMIT", after=b"batches")
    with connect(proxy) as end:
        assert ask(end, b"COMMIT") == b"COMMIT"
        assert ask(end, b"INSERT INTO batches") != b""
        assert ask(end, b"COMMIT") == b""
    assert proxy.dropped.is_set()


def test_a_cut_breaks_what_is_open_and_refuses_what_is_new_until_it_is_healed(proxy: Proxy) -> None:
    with connect(proxy) as end:
        assert ask(end, b"1") == b"1"
        proxy.cut()
        assert ask(end, b"2") == b""
    with contextlib.suppress(ConnectionError), connect(proxy) as end:
        assert ask(end, b"3") == b""
    proxy.heal()
    with connect(proxy) as end:
        assert ask(end, b"4") == b"4"


def test_a_pause_holds_the_bytes_back_and_loses_none(proxy: Proxy) -> None:
    with connect(proxy) as end:
        proxy.pause()
        end.sendall(b"held")
        end.settimeout(0.2)
        with pytest.raises(TimeoutError):
            end.recv(10)
        end.settimeout(5)
        proxy.resume()
        assert end.recv(10) == b"held"


def test_a_delay_is_kept_both_ways(proxy: Proxy) -> None:
    proxy.delay_s = 0.05
    with connect(proxy) as end:
        began = time.monotonic()
        assert ask(end, b"late") == b"late"
        assert time.monotonic() - began >= 0.1
