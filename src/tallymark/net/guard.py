"""Which addresses may be called: decided at the open socket, so that no spelling gets around it.

The name is resolved once, every address it has is judged, and the connection goes to the judged
address itself: a name that answers differently the second time is never asked a second time.
"""

from __future__ import annotations

import ipaddress
import socket
import threading
from collections.abc import Callable, Iterable
from ssl import SSLContext
from typing import Any

import httpcore
import httpx

from tallymark.clock import Clock
from tallymark.errors import AddressRefused

Resolve = Callable[[str, int], list[str]]
Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# What some release of Python calls global but leads inside: Azure's host agent, protocol
# assignments (Oracle's metadata), relays, site-local, the NAT64 prefix of a local network, and v6
# addresses made of a v4 address
_INSIDE = tuple(
    ipaddress.ip_network(network)
    for network in (
        "168.63.129.16/32",
        "192.0.0.0/24",
        "192.88.99.0/24",
        "64:ff9b:1::/48",
        "fec0::/10",
        "::/96",
    )
)
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


def check_url(url: httpx.URL) -> None:
    """Refuse what no vendor needs: other schemes, user names in the address, no host."""
    if url.scheme not in ("http", "https") or url.userinfo or not url.host:
        raise AddressRefused


def parse_url(text: str) -> httpx.URL:
    """Raises: AddressRefused for what is not one plain http address."""
    if "\\" in text or any(c.isspace() or not c.isprintable() for c in text):
        raise AddressRefused
    try:
        url = httpx.URL(text)
        check_url(url)
        return url.copy_with(fragment=None)
    except httpx.InvalidURL:
        raise AddressRefused from None


def refused(address: str) -> bool:
    """Whether a numeric address lies anywhere but on the public network."""
    ip = _plain(ipaddress.ip_address(address.partition("%")[0]))
    return (
        not ip.is_global
        or ip.is_multicast
        or ip.is_reserved
        or ip.is_unspecified
        or ip.is_link_local
        or any(ip.version == net.version and ip in net for net in _INSIDE)
    )


def _plain(ip: Address) -> Address:
    """The v4 address that a v6 address stands for, if it stands for one."""
    if isinstance(ip, ipaddress.IPv4Address):
        return ip
    if ip in _NAT64:
        return ipaddress.IPv4Address(int(ip) & 0xFFFF_FFFF)
    return ip.ipv4_mapped or ip.sixtofour or ip


def resolve(host: str, port: int) -> list[str]:
    """All addresses of a host as the system reads it: also `127.1`, `0x7f000001`, `localhost.`."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class Deadline(threading.local):
    """When the request of this thread has to be over; a server that drips cannot hold it longer."""

    at_s: float = float("inf")


class GuardedBackend(httpcore.NetworkBackend):
    """Opens sockets to judged addresses only."""

    def __init__(
        self, allow: frozenset[str], clock: Clock, deadline: Deadline, resolve: Resolve
    ) -> None:
        self._allow = allow
        self._clock = clock
        self._deadline = deadline
        self._resolve = resolve
        self._sockets = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        failed: Exception = httpcore.ConnectError("the name has no address")
        for address in self._judged(host, port):
            try:
                stream = self._sockets.connect_tcp(
                    address, port, timeout, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failed = error
                continue
            return _Timed(stream, self._clock, self._deadline)
        raise failed

    def _judged(self, host: str, port: int) -> list[str]:
        try:
            addresses = self._resolve(host, port)
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError("the name does not resolve") from error
        allowed = host_port(host, port) in self._allow
        if not allowed and any(refused(address) for address in addresses):
            raise AddressRefused
        return addresses


def host_port(host: str, port: int) -> str:
    """How the allow list spells an address: as the URL does, `127.0.0.1:8080`, `[::1]:8080`."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class _Timed(httpcore.NetworkStream):
    """A stream whose every read ends at the request's deadline."""

    def __init__(self, stream: httpcore.NetworkStream, clock: Clock, deadline: Deadline) -> None:
        self._stream = stream
        self._clock = clock
        self._deadline = deadline

    def _left_s(self, timeout: float | None) -> float:
        left_s = self._deadline.at_s - self._clock.monotonic()
        if left_s <= 0:
            raise httpcore.ReadTimeout("the answer took too long as a whole")
        return left_s if timeout is None else min(timeout, left_s)

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._left_s(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._left_s(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        stream = self._stream.start_tls(ssl_context, server_hostname, self._left_s(timeout))
        return _Timed(stream, self._clock, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
