"""The HTTP client of engines: declared hosts only, no redirects, answers as long as they come.

    ask      ▶ the whole answer, within a total time
    stream   ▶ pieces as they come: no total time, but none may be long in coming

Every question has a connection of its own: what an engine closed meanwhile is never used again.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import httpcore
import httpx

from tallymark import __version__
from tallymark.clock import Clock
from tallymark.errors import (
    AddressRefused,
    EngineAway,
    FatalError,
    Refused,
    RetryableError,
    TallymarkError,
)
from tallymark.net.answer import capped, plain_headers, where_of
from tallymark.net.guard import Deadline, GuardedBackend, Resolve, parse_url, resolve
from tallymark.net.outcome import broken

PIECE_BYTES = 1024 * 1024
_BROKEN = (
    httpcore.TimeoutException,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.UnsupportedProtocol,
)


class EngineHttp:
    """`engines.Http`. The addresses of the workspace may be private; no others can be called."""

    def __init__(
        self,
        allow: frozenset[str],
        clock: Clock,
        timeout_s: float = 30.0,
        total_s: float = 300.0,
        *,
        idle_s: float = 330.0,
        resolve: Resolve = resolve,
    ) -> None:
        """`idle_s` is how long a stream's next piece may take: longer than the 300 s after which
        Druid itself gives a query up, so that its reason is heard."""
        self._allow = allow
        self._clock = clock
        self._timeout_s = timeout_s
        self._total_s = total_s
        self._idle_s = idle_s
        self._ssl = httpx.create_ssl_context()
        self._ends = Deadline()
        self._asks = self._pool(self._ends, resolve)
        # a stream is read while its thread asks other questions: their deadline is not its own
        self._streams = self._pool(Deadline(), resolve)

    def ask(
        self,
        url: str,
        *,
        body: Any = None,
        headers: Mapping[str, str] | None = None,
        secret_headers: Mapping[str, str] | None = None,
    ) -> bytes:
        self._ends.at_s = self._clock.monotonic() + self._total_s
        asked = self._request(url, body, headers, secret_headers, self._timeout_s)
        with _answered(self._asks, asked) as pieces:
            return capped(pieces)

    def stream(
        self,
        url: str,
        *,
        body: Any,
        headers: Mapping[str, str] | None = None,
        secret_headers: Mapping[str, str] | None = None,
    ) -> Iterator[bytes]:
        asked = self._request(url, body, headers, secret_headers, self._idle_s)
        with _answered(self._streams, asked) as pieces:
            yield from pieces

    def close(self) -> None:
        self._asks.close()
        self._streams.close()

    def _pool(self, deadline: Deadline, resolve: Resolve) -> httpcore.ConnectionPool:
        return httpcore.ConnectionPool(
            ssl_context=self._ssl,
            max_connections=None,
            max_keepalive_connections=0,
            network_backend=GuardedBackend(self._allow, self._clock, deadline, resolve),
        )

    def _request(
        self,
        url: str,
        body: Any,
        headers: Mapping[str, str] | None,
        secret_headers: Mapping[str, str] | None,
        read_s: float,
    ) -> httpcore.Request:
        to = parse_url(url)
        sent = {
            "host": to.netloc.decode("ascii"),
            "accept": "application/json",
            "accept-encoding": "gzip",
            "user-agent": f"tallymark/{__version__}",
            **({} if body is None else {"content-type": "application/json"}),
            **(headers or {}),
            **(secret_headers or {}),
        }
        content = b"" if body is None else json.dumps(body).encode()
        try:
            raw = [(name.encode("ascii"), value.encode("ascii")) for name, value in sent.items()]
        except UnicodeEncodeError:
            raise FatalError(f"a header for {where_of(to)} is not plain text") from None
        if body is not None:
            raw.append((b"content-length", str(len(content)).encode()))
        waits = {"connect": self._timeout_s, "read": read_s, "write": self._timeout_s}
        return httpcore.Request(
            "GET" if body is None else "POST",
            httpcore.URL(scheme=to.raw_scheme, host=to.raw_host, port=to.port, target=to.raw_path),
            headers=raw,
            content=content,
            extensions={"timeout": waits},
        )


@contextmanager
def _answered(
    pool: httpcore.ConnectionPool, request: httpcore.Request
) -> Iterator[Iterator[bytes]]:
    """The body of a good answer, inflated, in pieces."""
    where = where_of(httpx.URL(bytes(request.url).decode("ascii")))
    try:
        response = pool.handle_request(request)
    except _BROKEN as error:
        raise _away(where, error) from None
    try:
        pieces = _body(response, where)
        if response.status >= 400:
            _refuse(where, response, pieces)
        if response.status != 200:
            raise _elsewhere(where, response)
        yield pieces
    finally:
        response.close()


def _refuse(where: str, response: httpcore.Response, pieces: Iterator[bytes]) -> None:
    status, headers = response.status, plain_headers(response.headers)
    body = capped(pieces)
    raise Refused(f"{where} answered {status}", status=status, headers=headers, body=body)


def _elsewhere(where: str, response: httpcore.Response) -> EngineAway:
    """An engine answers 200, or refuses: this is a proxy, or one of several that leads no more."""
    to = ""
    with suppress(AddressRefused, UnicodeError):
        location = plain_headers(response.headers).get("location", "")
        to = f" and points to {where_of(parse_url(location))}"
    return EngineAway(
        f"{where} answered {response.status}{to}, which is not followed:"
        " look at the engine's own address, and at a proxy before it"
    )


def _away(where: str, error: Exception) -> TallymarkError:
    """Nothing was heard: there is nobody, or nobody in time."""
    meant = broken(where, error)
    return EngineAway(str(meant)) if isinstance(meant, RetryableError) else meant


def _body(response: httpcore.Response, where: str) -> Iterator[bytes]:
    encoding = plain_headers(response.headers).get("content-encoding", "identity").lower()
    raw = _raw(response, where)
    if encoding == "identity":
        return raw
    if encoding not in ("gzip", "x-gzip"):
        # what an engine was not asked for it does not do
        raise EngineAway(
            f"{where} answers in {encoding!r}, which was not asked for: look at a proxy before it"
        )
    return _inflated(raw, where)


def _raw(response: httpcore.Response, where: str) -> Iterator[bytes]:
    try:
        yield from response.iter_stream()
    except _BROKEN as error:
        raise broken(where, error) from None


def _inflated(pieces: Iterable[bytes], where: str) -> Iterator[bytes]:
    """A piece never grows above `PIECE_BYTES`, however well it was packed."""
    inflater = zlib.decompressobj(wbits=31)
    try:
        for piece in pieces:
            waiting = piece
            while waiting:
                if inflater.eof:
                    raise RetryableError(f"{where} answered with more than its gzip")
                yield inflater.decompress(waiting, PIECE_BYTES)
                waiting = inflater.unconsumed_tail or inflater.unused_data
        yield inflater.flush()
    except zlib.error as error:
        raise RetryableError(f"{where} answered with broken gzip") from error
    if not inflater.eof:
        raise RetryableError(f"{where} answered with torn gzip")
