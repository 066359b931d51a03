"""Reliability test 32: no socket is opened to a refused address, and all refusals read alike."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from tallymark.errors import AddressRefused, RetryableError
from tallymark.net.guard import refused
from tests.unit.net.served import Served, client, raw, served

TEXT = str(AddressRefused())


@pytest.fixture
def inside() -> Iterator[Served]:
    """A loopback service that nobody allowed; it counts its connections."""
    with raw(lambda connection: connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")) as it:
        yield it


SPELLINGS = [
    "http://127.0.0.1:{port}/",
    "http://localhost:{port}/",
    "http://LOCALHOST:{port}/",
    "http://[::ffff:127.0.0.1]:{port}/",
    "http://[::ffff:7f00:1]:{port}/",
    "http://[::127.0.0.1]:{port}/",
    "http://[64:ff9b::7f00:1]:{port}/",
    "http://[2002:7f00:1::]:{port}/",
    "http://0.0.0.0:{port}/",
    "http://[::]:{port}/",
    "http://0:{port}/",
    "http://127.1:{port}/",
    "http://127.0.1:{port}/",
    "http://127.255.255.254:{port}/",
    "http://2130706433:{port}/",
    "http://0x7f000001:{port}/",
    "http://0x7f.0.0.1:{port}/",
    "http://0177.0.0.1:{port}/",
    "http://017700000001:{port}/",
    "http://good.example@127.0.0.1:{port}/",
    "http://good.example:80@127.0.0.1:{port}/",
    "http://127.0.0.1:{port}#@good.example/",
    "http://127.0.0.1:{port}?@good.example/",
    "http://127.0.0.1:{port}\\@good.example/",
    "http://good.example\\@127.0.0.1:{port}/",
    "http://good.example#@127.0.0.1:{port}\\",
    " http://127.0.0.1:{port}/",
    "http://127.0.0.1:{port}/\r\nhost: good.example",
    "http://①②⑦.⓪.⓪.①:{port}/",
    "http://127。0。0。1:{port}/",
    "file:///etc/passwd",
    "file://127.0.0.1:{port}/etc/passwd",
    "gopher://127.0.0.1:{port}/_GET",
    "ftp://127.0.0.1:{port}/",
    "unix:///var/run/docker.sock",
    "//127.0.0.1:{port}/",
    "127.0.0.1:{port}",
    "http://",
    "http:///path",
    "",
]
ELSEWHERE = [
    "http://169.254.169.254/latest/meta-data/",
    "http://[::ffff:169.254.169.254]/",
    "http://0xa9fea9fe/",
    "http://169.254.170.2/",
    "http://100.100.100.200/",
    "http://168.63.129.16/",
    "http://[fd00:ec2::254]/",
    "http://[fe80::1]/",
    "http://[fec0::1]/",
    "http://[fc00::1]/",
    "http://10.0.0.1/",
    "http://172.16.0.1/",
    "http://192.168.0.1/",
    "http://192.0.0.192/",
    "http://100.64.0.1/",
    "http://198.18.0.1/",
    "http://224.0.0.1/",
    "http://[ff02::1]/",
    "http://240.0.0.1/",
    "http://255.255.255.255/",
    "http://0.1.2.3/",
]


@pytest.mark.parametrize("url", SPELLINGS + ELSEWHERE)
def test_no_spelling_of_an_inside_address_opens_a_socket(
    url: str, inside: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[object] = []
    monkeypatch.setattr(socket, "create_connection", lambda *a, **k: opened.append(a))
    with pytest.raises(AddressRefused) as refusal:
        client().get(url.replace("{port}", str(inside.port)))
    assert str(refusal.value) == TEXT
    assert opened == []
    assert inside.seen == []


def test_loopback_over_v6_is_refused() -> None:
    with raw(lambda connection: None, socket.AF_INET6) as it, pytest.raises(AddressRefused):
        client().get(f"http://[::1]:{it.port}/")
    assert it.seen == []


def test_the_exact_host_and_port_of_the_list_may_be_called() -> None:
    with served(lambda path, headers: (200, {}, b"yes")) as it:
        assert client(it).get(f"{it.url}/x").body == b"yes"
        for other in (f"http://localhost:{it.port}/", f"http://2130706433:{it.port}/"):
            with pytest.raises(AddressRefused):
                client(it).get(other)
    assert len(it.seen) == 1


def test_another_port_of_an_allowed_host_is_refused(inside: Served) -> None:
    with served(lambda path, headers: (200, {}, b"")) as it, pytest.raises(AddressRefused):
        client(it).get(inside.url)
    assert inside.seen == []


@pytest.mark.parametrize(
    "target",
    [
        "http://127.0.0.1:{port}/",
        "//127.0.0.1:{port}/",
        "http://localhost:{port}/",
        "http://169.254.169.254/latest/",
        "http://10.0.0.1/",
        "file:///etc/passwd",
        "gopher://127.0.0.1:{port}/_",
        "http://good.example@127.0.0.1:{port}/",
        "http://127.0.0.1:{port}#@good.example",
        "http://[::ffff:127.0.0.1]:{port}/",
    ],
)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_to_an_inside_address_is_refused(
    target: str, status: int, inside: Served
) -> None:
    location = target.replace("{port}", str(inside.port))
    with served(lambda path, headers: (status, {"location": location}, b"")) as it:
        with pytest.raises(AddressRefused) as refusal:
            client(it).get(it.url)
        assert len(it.seen) == 1
    assert str(refusal.value) == TEXT
    assert inside.seen == []


def test_a_name_that_turns_private_after_it_was_judged_gains_nothing(inside: Served) -> None:
    answers = iter([["8.8.8.8"], ["8.8.8.8", "127.0.0.1"], ["127.0.0.1"]])
    asked: list[str] = []

    def rebinding(host: str, port: int) -> list[str]:
        asked.append(host)
        return next(answers)

    one = client(resolve=rebinding, timeout_s=0.2)
    with pytest.raises(RetryableError):
        one.get(f"http://rebind.example:{inside.port}/")
    for _ in range(2):
        with pytest.raises(AddressRefused):
            one.get(f"http://rebind.example:{inside.port}/")
    assert asked == ["rebind.example"] * 3, "each connection resolves once, and that is judged"
    assert inside.seen == []


def test_the_connection_goes_to_the_judged_address_and_not_to_the_name(
    inside: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[tuple[str, int]] = []

    def record(address: tuple[str, int], *_: object, **__: object) -> socket.socket:
        opened.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(socket, "create_connection", record)
    one = client(resolve=lambda host, port: ["8.8.8.8", "2606:4700::1"])
    with pytest.raises(RetryableError):
        one.get(f"http://localhost:{inside.port}/")
    assert opened == [("8.8.8.8", inside.port), ("2606:4700::1", inside.port)]


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "140.82.112.5", "2606:4700::6810:22", "64:ff9b::808:808"]
)
def test_public_addresses_are_not_refused(address: str) -> None:
    assert not refused(address)


@pytest.mark.parametrize("address", ["fe80::1%eth0", "192.88.99.1", "2001:0:53aa::1", "100::1"])
def test_special_ranges_are_refused(address: str) -> None:
    assert refused(address)
