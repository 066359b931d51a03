"""The vendors: one protocol, one file a connector, found by being there.

A connector is a frozen dataclass. Its fields are its settings (secrets are fields of type
`Secret`), its class variables say what it yields. It never retries, sleeps, logs, stores or reads
settings: it raises. A connector of another package comes through the entry point group
`tallymark.connectors` (name = kind, value = the class).
"""

from __future__ import annotations

import importlib
import pkgutil
from base64 import b64decode, b64encode
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import entry_points
from typing import Any, ClassVar, Protocol

import orjson

from tallymark.errors import ConfigError
from tallymark.model import Page, Received, Rejected, Row, Span, Stream


class Response(Protocol):
    """What a call answered; a 304 has the body of the page that it repeats."""

    @property
    def status(self) -> int: ...
    @property
    def headers(self) -> Mapping[str, str]: ...
    @property
    def body(self) -> bytes: ...
    def json(self) -> Any: ...
    def page(self, *, cursor: str | None = None) -> Page:
        """This answer as a page; `cursor` says where to go on, None: it is the last one."""
        ...


class Client(Protocol):
    """The HTTP client as a connector sees it: budgets, conditions and guards are its work."""

    def get(
        self,
        url: str,
        *,
        params: Mapping[str, str | int] | None = None,
        headers: Mapping[str, str] | None = None,
        secret_headers: Mapping[str, str] | None = None,
    ) -> Response:
        """Answer with a 2xx, or raise.

        Raises: RetryableError for 408, 425, 429, 5xx, time-outs and broken connections (with the
        vendor's Retry-After, in whatever form the error map knows); FatalError for any other 4xx;
        AddressRefused for an address that may not be called.
        """
        ...


class Connector(Protocol):
    """One vendor API."""

    kind: ClassVar[str]
    """The file's name."""
    title: ClassVar[str]
    streams: ClassVar[tuple[Stream, ...]]

    def rows(self, stream: str, pages: Iterable[Page]) -> Iterator[Row | Rejected]:
        """Decode all kept pages of one reading; pure. Collecting, replay and push use it alike."""
        ...


class PulledConnector(Connector, Protocol):
    """A vendor that is asked."""

    def pages(self, client: Client, span: Span, cursor: str | None) -> Iterator[Page]:
        """Fetch the pages of a span, from `cursor` on; each is kept before the next is asked for.

        Raises: what `client.get` raises; CursorGone where the vendor no longer knows the cursor.
        """
        ...


class PushedConnector(Connector, Protocol):
    """A sender that calls us: `POST /in/<path>/<source>`.

    Its `rows` gets the pages of flushes: the address is `inbox:<source>/<batch>`, the body is what
    `pack` made, and `unpack` reads it.
    """

    path: ClassVar[str]
    """The first part of the route under `/in/`: `logs`."""
    allowance_s: ClassVar[int]
    """How long a receiver must have listened before what came before is complete."""
    retries: ClassVar[bool]
    """Whether its senders repeat what was not acknowledged."""

    def records(self, body: bytes, headers: Mapping[str, str]) -> Iterator[Received]:
        """Split a request's inflated body into inbox rows, cheaply; pure.

        Raises: BadRequest where the body cannot be taken as a whole.
        """
        ...


@dataclass(frozen=True, slots=True)
class Pushed:
    """One inbox row as a flush archives it. `headers` are the few that the receiver keeps."""

    received_at: datetime
    headers: Mapping[str, str]
    dedupe_id: str | None
    body: bytes


def pack(records: Iterable[Pushed]) -> bytes:
    """The body of a flush's page: a JSON object a line, `{"received_at", "headers", "id", "body"}`.

    What is not UTF-8 stands under `body_base64` instead.
    """
    return b"".join(_packed(record) for record in records)


def unpack(page: Page) -> Iterator[Pushed]:
    """The records of a flush's page, in their order."""
    for line in page.body.splitlines():
        found = orjson.loads(line)
        packed = found.get("body_base64")
        yield Pushed(
            received_at=datetime.fromisoformat(found["received_at"]),
            headers=found["headers"],
            dedupe_id=found["id"],
            body=found["body"].encode() if packed is None else b64decode(packed),
        )


def _packed(record: Pushed) -> bytes:
    values: dict[str, Any] = {
        "received_at": record.received_at.isoformat(),
        "headers": dict(record.headers),
        "id": record.dedupe_id,
    }
    try:
        values["body"] = record.body.decode()
    except UnicodeDecodeError:
        values["body_base64"] = b64encode(record.body).decode()
    return orjson.dumps(values, option=orjson.OPT_APPEND_NEWLINE)


GROUP = "tallymark.connectors"


def discover() -> dict[str, type[Connector]]:
    """All connectors by kind: the modules of this folder, and the entry points of other packages.

    Raises: ConfigError when a module holds no class of its own kind, or two have one kind.
    """
    found: dict[str, type[Connector]] = {}
    for info in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{info.name}")
        found[info.name] = _own_class(vars(module).values(), info.name)
    for entry in entry_points(group=GROUP):
        if entry.name in found:
            raise ConfigError(
                f"two connectors are called {entry.name!r}: rename the one in {entry.value}"
            )
        found[entry.name] = entry.load()
    return found


def _own_class(values: Iterable[Any], kind: str) -> type[Connector]:
    for value in values:
        if isinstance(value, type) and getattr(value, "kind", None) == kind:
            return value
    raise ConfigError(f"connectors/{kind}.py holds no class with kind = {kind!r}")
