"""What a vendor answered: capped while it comes, inflated within bounds, without cookies."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx
import orjson

from tallymark.errors import FatalError, RetryableError
from tallymark.model import Page
from tallymark.net.guard import host_port

MAX_BODY_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Answer:
    """A 2xx, or a 304 with the body and the headers of the page that it repeats."""

    url: str
    """As it was asked for: a moved thing keeps its name."""
    status: int
    headers: Mapping[str, str]
    body: bytes
    received_at: datetime
    repeats: str | None = None

    def json(self) -> Any:
        try:
            return orjson.loads(self.body)
        except orjson.JSONDecodeError as error:
            raise RetryableError(f"{where_of(httpx.URL(self.url))} answered no JSON") from error

    def page(self, *, cursor: str | None = None) -> Page:
        return Page(
            url=self.url,
            status=self.status,
            body=self.body,
            received_at=self.received_at,
            headers=self.headers,
            cursor=cursor,
            repeats=self.repeats,
        )


def where_of(url: httpx.URL) -> str:
    return host_port(url.host, url.port or (443 if url.scheme == "https" else 80))


def plain_headers(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Names in lower case, repeated ones joined; cookies are secrets and are left out."""
    plain: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        if name != "set-cookie":
            plain[name] = f"{plain[name]}, {value}" if name in plain else value
    return plain


def capped(chunks: Iterable[bytes]) -> bytes:
    body = bytearray()
    for chunk in chunks:
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise FatalError(f"an answer is larger than {MAX_BODY_BYTES} bytes")
    return bytes(body)


def inflated(body: bytes, headers: dict[str, str], where: str) -> bytes:
    """Only gzip is asked for; a bomb ends at the cap, a torn stream is tried again."""
    encoding = headers.pop("content-encoding", "identity").lower()
    if encoding == "identity" or not body:
        return body
    if encoding not in ("gzip", "x-gzip"):
        raise FatalError(f"{where} answers in {encoding!r}, which was not asked for")
    inflater = zlib.decompressobj(wbits=31)
    try:
        plain = inflater.decompress(body, MAX_BODY_BYTES + 1)
    except zlib.error as error:
        raise RetryableError(f"{where} answered with broken gzip") from error
    if len(plain) > MAX_BODY_BYTES:
        raise FatalError(f"an answer is larger than {MAX_BODY_BYTES} bytes")
    if not inflater.eof:
        raise RetryableError(f"{where} answered with torn gzip")
    return plain
