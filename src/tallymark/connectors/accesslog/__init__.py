"""Web servers' access logs, pushed line by line: `POST /in/logs/<source>`.

Lines are JSON objects (nginx with `escape=json`), or the common and combined formats of Apache
and nginx. A repeat is told by a named field of the line (nginx's `$request_id`), or else by the
request's `Idempotency-Key` and the line's number; with neither, lines come at least once.

An address never stands in a row: only its keyed hash and its network.
"""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from io import BytesIO
from typing import ClassVar

from tallymark.connectors import unpack
from tallymark.connectors.accesslog import lines
from tallymark.errors import ConfigError
from tallymark.model import Field, Page, Received, Rejected, Row, Secret, Stream

SHOWN_BYTES = 4 * 1024
VISITORS = 10_000

REQUESTS = Stream(
    name="requests",
    kind="push",
    subject="site",
    key=("site", "id"),
    absent="zero",
    partition="day",
    fields=(
        Field("site", "text", "The source that sent it."),
        Field("id", "text", "What tells a repeat; made from its batch where the sender gave none."),
        Field("method", "text"),
        Field("path", "text", "Without the query."),
        Field("query", "text"),
        Field("status", "long"),
        Field("bytes", "long", "Of the body sent."),
        Field("seconds", "double", "How long the answer took."),
        Field("referrer", "text"),
        Field("user_agent", "text"),
        Field("visitor", "text", "A keyed hash of the address."),
        Field("prefix", "text", "The address's network: /24, or /48 for IPv6."),
    ),
)


@dataclass(frozen=True)
class AccessLog:
    """The access log of one site."""

    kind: ClassVar[str] = "accesslog"
    title: ClassVar[str] = "Web server access log"
    streams: ClassVar[tuple[Stream, ...]] = (REQUESTS,)
    path: ClassVar[str] = "logs"
    allowance_s: ClassVar[int] = 15 * 60
    retries: ClassVar[bool] = True

    hash_key: Secret = field(metadata={"derived": True})
    """Keys the hash of visitors' addresses; derived from the installation's key when not given."""
    dedupe_field: str | None = None
    """The JSON key that names a line for ever, such as `request_id`."""
    keys: Mapping[str, str] = field(default_factory=dict)
    """Which JSON key holds what, where it is none of the usual: `{"time": "ts"}`."""

    def __post_init__(self) -> None:
        for name in self.keys:
            if name not in lines.USUAL_KEYS:
                known = ", ".join(lines.USUAL_KEYS)
                raise ConfigError(f"accesslog: keys: {name!r} is not known; there are {known}")

    def records(self, body: bytes, headers: Mapping[str, str]) -> Iterator[Received]:
        """One record a line that is not empty."""
        request = headers.get("idempotency-key")
        # one by one: a body of nothing but line ends must not become millions of objects
        for n, line in enumerate(BytesIO(body)):
            text = line.rstrip(b"\r\n")
            if text.strip():
                yield Received(text, self._id(text, request, n))

    def _id(self, line: bytes, request: str | None, n: int) -> str | None:
        named = None if self.dedupe_field is None else self._named(line, self.dedupe_field)
        if named is not None:
            return named
        return None if request is None else f"{request}#{n}"

    def _named(self, line: bytes, key: str) -> str | None:
        try:
            found = lines.parse_object(line).get(key)
        except ValueError:
            if lines.is_combined(line):
                return None
            # it cannot be read, so it has no name; but its repeats are equal to it
            return f"sha256:{hashlib.sha256(line).hexdigest()}"
        if isinstance(found, str | int) and not isinstance(found, bool) and found not in ("", "-"):
            return str(found)
        return None

    def rows(self, stream: str, pages: Iterable[Page]) -> Iterator[Row | Rejected]:
        """The requests of a flush's pages; lines that cannot be read are rejected."""
        visitors = _Visitors(self.hash_key)
        for page in pages:
            site = page.url.removeprefix("inbox:").rpartition("/")[0]
            at = page
            for n, pushed in enumerate(unpack(page)):
                if at.received_at != pushed.received_at:
                    at = replace(page, received_at=pushed.received_at)
                try:
                    values = lines.read(pushed.body, self.keys)
                except ValueError as error:
                    yield Rejected(at, _shown(pushed.body), str(error))
                    continue
                values["visitor"], values["prefix"] = visitors.of(values.pop("address"))
                # no id of the sender's: made from the batch, the same at every decoding
                yield Row(at, values | {"site": site, "id": pushed.dedupe_id or f"{page.url}#{n}"})


class _Visitors:
    """What may be kept of an address; the same ones come again and again."""

    def __init__(self, key: Secret) -> None:
        self._key = key.reveal().encode()
        self._known: dict[str, tuple[str, str | None]] = {}

    def of(self, address: str | None) -> tuple[str | None, str | None]:
        if address is None:
            return None, None
        if address not in self._known:
            if len(self._known) >= VISITORS:
                self._known.clear()
            self._known[address] = self._hidden(address)
        return self._known[address]

    def _hidden(self, text: str) -> tuple[str, str | None]:
        name, prefix = text, None
        try:
            address = ipaddress.ip_address(text.partition("%")[0])
        except ValueError:
            pass  # a host name, or the path of a socket: it has no network
        else:
            if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
                address = address.ipv4_mapped
            network = (address, 24 if address.version == 4 else 48)
            name, prefix = str(address), str(ipaddress.ip_network(network, strict=False))
        return hmac.digest(self._key, name.encode(), "sha256")[:16].hex(), prefix


def _shown(line: bytes) -> str:
    return line[:SHOWN_BYTES].decode("utf-8", "replace").replace("\0", "\N{REPLACEMENT CHARACTER}")
