"""A source's `base_url` leads nowhere inside: no socket is opened, and nobody else is stopped."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from .conftest import Place

ADVICE = (
    "Allow its host:port in TALLYMARK_ALLOW_ADDRESSES if it is meant to be called; "
    "`tallymark backfill` asks again for what failed."
)
REFUSED = "This address may not be called from here."


class Listening:
    """A server inside, which must see nothing."""

    def __init__(self, address: str = "127.0.0.1") -> None:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.socket = socket.create_server((address, 0), family=family)
        self.port = self.socket.getsockname()[1]

    def reached(self) -> bool:
        self.socket.settimeout(0.05)
        try:
            self.socket.accept()[0].close()
        except TimeoutError:
            return False
        return True


@pytest.fixture
def inside() -> Iterator[Listening]:
    found = Listening()
    yield found
    found.socket.close()


@contextmanager
def redirecting(location: str) -> Iterator[str]:
    """A vendor that may be called, and sends whoever asks elsewhere."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(302)
            self.send_header("location", location)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def add_source(place: Place, *base_urls: str) -> None:
    """Sources beside npm, each with one of the addresses."""
    text = (place.home / "workspace" / "all.yaml").read_text()
    sources = "".join(
        f"  other{n}:\n    connector: npm\n    base_url: {url!r}\n    streams:\n"
        f"      downloads: {{subjects: [inner], start: {place.last_day}}}\n"
        for n, url in enumerate(base_urls)
    )
    place.write(text.replace("metrics:", f"{sources}metrics:"))


def check_refused(place: Place) -> None:
    """The others were collected; these say what to do."""
    found = place.run("collect", "--json")
    assert found.code == 1, found.err
    assert place.vendor.answered() == 2, "the other subjects were collected"
    objects = place.run("status", "--json").json["objects"]
    ours = [one for one in objects if one["source"].startswith("other")]
    assert {one["last_error"] for one in ours} == {REFUSED}
    assert {one["advice"] for one in ours} == {ADVICE}
    assert {one["state"] for one in objects if one not in ours} == {"active"}
    table = place.run("status").out
    assert f"{REFUSED} — {ADVICE}" in table
    assert any(ADVICE in text for text in place.run("doctor", "--json").json["problems"])


def test_no_spelling_of_an_inner_address_is_called(place: Place, inside: Listening) -> None:
    port = inside.port
    add_source(
        place,
        f"http://127.0.0.1:{port}",
        f"http://localhost:{port}",
        f"http://127.1:{port}",
        f"http://2130706433:{port}",
        f"http://0x7f000001:{port}",
        f"http://0177.0.0.1:{port}",
        f"http://0.0.0.0:{port}",
        f"http://[::ffff:127.0.0.1]:{port}",
        f"http://user@127.0.0.1:{port}",
        f"http://127.0.0.1:{port}#@{place.vendor.url.removeprefix('http://')}",
        f"{place.vendor.url}@127.0.0.1:{port}",
        "http://10.0.0.1",
        "http://192.168.1.1:8080",
        "http://172.16.0.1",
        "http://169.254.169.254/latest/meta-data",
        "http://[fd00:ec2::254]",
        "http://[fe80::1]",
        "http://100.100.100.200",
        "file:///etc/passwd",
        "gopher://127.0.0.1",
    )
    check_refused(place)
    assert not inside.reached()


def test_another_port_of_an_allowed_host_is_not_called(place: Place, inside: Listening) -> None:
    """The vendor's own address is allowed: that is one port, not the machine."""
    add_source(place, f"http://127.0.0.1:{inside.port}")
    check_refused(place)
    assert not inside.reached()


def test_an_inner_address_in_v6_is_not_called(place: Place) -> None:
    inside = None
    with suppress(OSError):  # a machine without IPv6: it is refused all the same
        inside = Listening("::1")
    add_source(place, f"http://[::1]:{inside.port if inside else 80}")
    check_refused(place)
    if inside is not None:
        assert not inside.reached()
        inside.socket.close()


def test_a_redirect_to_an_inner_address_is_not_followed(
    place: Place, inside: Listening, monkeypatch: pytest.MonkeyPatch
) -> None:
    vendor = place.vendor.url.removeprefix("http://")
    with (
        redirecting(f"http://127.0.0.1:{inside.port}/") as first,
        redirecting("http://169.254.169.254/latest/meta-data") as second,
        redirecting("file:///etc/passwd") as third,
        redirecting(f"//localhost:{inside.port}/x") as fourth,
    ):
        urls = (first, second, third, fourth)
        allowed = ",".join([vendor, *(url.removeprefix("http://") for url in urls)])
        monkeypatch.setenv("TALLYMARK_ALLOW_ADDRESSES", allowed)
        add_source(place, *urls)
        check_refused(place)
    assert not inside.reached()


def test_an_address_that_is_allowed_later_is_asked_for_what_failed(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    allowed = place.vendor.url.removeprefix("http://")
    monkeypatch.setenv("TALLYMARK_ALLOW_ADDRESSES", "vendor.example:80")
    assert place.run("collect").code == 1
    assert place.vendor.calls() == []
    monkeypatch.setenv("TALLYMARK_ALLOW_ADDRESSES", allowed)
    done = place.run(
        "backfill", "npm", "downloads", "--from", place.first_day, "--to", place.last_day
    )
    assert done.code == 0, done.out
    assert place.vendor.answered() == 2
