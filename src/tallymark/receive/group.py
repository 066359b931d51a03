"""Requests on their way into the inbox: what of each is new. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import datetime

import orjson

from tallymark.model import Received
from tallymark.receive import seen
from tallymark.state.schema import to_us

ID_CHARS = 300


@dataclass(frozen=True, slots=True)
class Accepted:
    """How many records of a request are new, and how many were there before."""

    new: int
    repeated: int


@dataclass(frozen=True, slots=True)
class Request:
    """One pushed request on its way into the inbox."""

    source: str
    received_at: datetime
    headers: Mapping[str, str]
    records: Sequence[Received]
    weight_bytes: int
    """About what it takes in memory."""
    done: Future[Accepted] = field(default_factory=Future)


def short(dedupe_id: str) -> str:
    """An id that every database can hold: one too long or with odd characters becomes its hash."""
    if len(dedupe_id) <= ID_CHARS and dedupe_id.isprintable():
        return dedupe_id
    digest = hashlib.sha256(dedupe_id.encode("utf-8", "surrogatepass")).hexdigest()
    return f"sha256:{digest}"


def ids(requests: Iterable[Request]) -> dict[str, seen.Ids]:
    """By source, what the ids of a group are, and when the source's last request came."""
    found: dict[str, seen.Ids] = {}
    for request in requests:
        of_source = found.setdefault(request.source, seen.Ids(request.received_at))
        of_source.at = max(of_source.at, request.received_at)
        of_source.ids.update(short(r.dedupe_id) for r in request.records if r.dedupe_id is not None)
    return found


def take(
    request: Request, fresh: Mapping[str, set[str]], rows: list[dict[str, object]]
) -> Accepted:
    unseen, before = fresh[request.source], len(rows)
    received_at, headers = to_us(request.received_at), orjson.dumps(dict(request.headers)).decode()
    for record in request.records:
        dedupe_id = None if record.dedupe_id is None else short(record.dedupe_id)
        if dedupe_id is not None:
            if dedupe_id not in unseen:
                continue
            # the second one of the same group is a repeat as well
            unseen.remove(dedupe_id)
        rows.append(
            {
                "source": request.source,
                "received_at": received_at,
                "dedupe_id": dedupe_id,
                "headers": headers,
                "body": record.body,
            }
        )
    new = len(rows) - before
    return Accepted(new, len(request.records) - new)
