"""A web server's log shipper: posts JSON lines; like a real one it repeats and tears requests."""

from __future__ import annotations

import gzip
import http.client
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from random import Random
from typing import Any
from urllib.parse import urlsplit

from tallymark.demo.visits import Hit, views
from tallymark.demo.world import World

SIMULATES = "accesslog"
SETTINGS: Mapping[str, Any] = {"dedupe_field": "request_id"}
"""The settings of the connector that fit what is sent here."""

BATCH_LINES = 1000


def line(hit: Hit) -> bytes:
    """As nginx writes it with docs/shipper/nginx.conf."""
    address = {"request_id": hit.request_id, "time": hit.at.timestamp(), "remote_addr": hit.ip}
    asked = {"method": hit.method, "uri": hit.path, "status": hit.status, "bytes": hit.bytes}
    sent = {"seconds": hit.seconds, "referrer": hit.referrer, "user_agent": hit.user_agent}
    return json.dumps({**address, **asked, **sent}).encode()


def sample(n: int, at: datetime) -> list[bytes]:
    """`n` different lines of the day before."""
    day: date = at.date() - timedelta(days=1)
    world = World(day - timedelta(days=30))
    found: list[bytes] = []
    while len(found) < n:
        found += [line(hit) for hit in views(world, day)]
        day -= timedelta(days=1)
        world = World(world.started_on - timedelta(days=1))
    return found[:n]


def ship(url: str, token: str, hits: Iterable[Hit]) -> int:
    """Send the lines of hits until each is acknowledged; how many they were.

    Raises: OSError, http.client.HTTPException, ValueError (the answer's status) where they are not.
    """
    n = 0
    for batch in _batches([line(hit) for hit in hits], BATCH_LINES):
        status = post(url, token, b"\n".join(batch))
        if status != 200:
            raise ValueError(f"the receiver answered {status}")
        n += len(batch)
    return n


def sender(url: str, token: str, records: Sequence[bytes], *, seed: int) -> None:
    """Send all records so that each is acknowledged, with every fault of a sender on the way:
    a request torn half way, one whose answer nobody waited for, one repeated after its answer.

    Raises: ValueError when a whole request is refused.
    """
    random = Random(seed)
    for batch in _batches(records, 7):
        packed = random.random() < 0.5
        body = b"\n".join(batch) + b"\n"
        if random.random() < 0.4:
            _tear(url, token, body, packed=packed, at=random.random())
        if random.random() < 0.4:
            _tear(url, token, body, packed=packed, at=1.0)
        for _ in range(random.choice((1, 1, 3))):
            status = post(url, token, body, packed=packed)
            if status != 200:
                raise ValueError(f"the receiver answered {status}")


def post(url: str, token: str, body: bytes, *, packed: bool = True) -> int:
    """One request; the status of its answer."""
    connection = _connect(url)
    try:
        sent = gzip.compress(body) if packed else body
        connection.request("POST", urlsplit(url).path, sent, _headers(token, packed=packed))
        response = connection.getresponse()
        response.read()
        return response.status
    finally:
        connection.close()


def _tear(url: str, token: str, body: bytes, *, packed: bool, at: float) -> None:
    """Send a part of a request, or all of it, and go away without an answer."""
    connection = _connect(url)
    try:
        sent = gzip.compress(body) if packed else body
        connection.putrequest("POST", urlsplit(url).path)
        for name, value in _headers(token, packed=packed).items():
            connection.putheader(name, value)
        connection.putheader("content-length", str(len(sent)))
        connection.endheaders()
        connection.send(sent[: int(len(sent) * at)])
    finally:
        connection.close()


def _connect(url: str) -> http.client.HTTPConnection:
    parts = urlsplit(url)
    return http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)


def _headers(token: str, *, packed: bool) -> dict[str, str]:
    headers = {"authorization": f"Bearer {token}", "content-type": "application/x-ndjson"}
    return {**headers, "content-encoding": "gzip"} if packed else headers


def _batches(records: Sequence[bytes], size: int) -> Iterator[Sequence[bytes]]:
    for start in range(0, len(records), size):
        yield records[start : start + size]
