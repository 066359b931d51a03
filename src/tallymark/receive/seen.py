"""The ids that were accepted: remembered for a week, counted back from a source's last request.

Counted from the last accepted request *before* the one at hand, because a shipper repeats its
last batch also after an outage of more than a week.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import orjson
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import SQLAlchemyError

from tallymark.clock import Clock
from tallymark.state.database import writing
from tallymark.state.schema import from_us, to_us

log = logging.getLogger(__name__)

REMEMBERED = timedelta(days=7)
BITE_ROWS = 1_000

# sorted before they are handed in: two nodes then take their locks in the same order
ADD = {
    "sqlite": text(
        "INSERT INTO seen (source, dedupe_id, accepted_at)"
        " SELECT :source, value, :at FROM json_each(:ids) WHERE true"
        " ON CONFLICT DO NOTHING RETURNING dedupe_id"
    ),
    "postgresql": text(
        "INSERT INTO seen (source, dedupe_id, accepted_at)"
        " SELECT :source, value, :at FROM json_array_elements_text(CAST(:ids AS json)) AS t(value)"
        " ON CONFLICT DO NOTHING RETURNING dedupe_id"
    ),
}
LAST = text("SELECT at FROM accepted WHERE source = :source")
ACCEPTED = text(
    "INSERT INTO accepted (source, at) VALUES (:source, :at) ON CONFLICT (source)"
    " DO UPDATE SET at = excluded.at WHERE accepted.at < excluded.at"
)
FORGET = text(
    "DELETE FROM seen WHERE (source, dedupe_id) IN (SELECT source, dedupe_id FROM seen"
    " WHERE source = :source AND accepted_at < :before LIMIT :n)"
)


@dataclass
class Ids:
    """The ids of one source in a group of requests, and when the last of these came."""

    at: datetime
    ids: set[str] = field(default_factory=set)


class Memory:
    """What is remembered of each source. Used by one thread."""

    def __init__(self, engine: Engine, clock: Clock, *, every_s: float) -> None:
        self._engine = engine
        self._clock = clock
        self._every_s = every_s
        self._add = ADD[engine.dialect.name]
        # by source: from when on (monotonic) old ids are looked for again
        self._next_s: dict[str, float] = {}
        self._before: dict[str, datetime] = {}
        self._bite_rows = BITE_ROWS

    def add(self, tx: Connection, by_source: Mapping[str, Ids]) -> dict[str, set[str]]:
        """Remember ids; returns those that were not known, by source."""
        fresh: dict[str, set[str]] = {}
        for source in sorted(by_source):
            ids, at = by_source[source].ids, to_us(by_source[source].at)
            fresh[source] = self._unknown(tx, source, ids, at) if ids else set()
        for source in sorted(by_source):
            last = tx.execute(LAST, {"source": source}).scalar()
            if last is not None:
                self._plan(source, from_us(last))
            tx.execute(ACCEPTED, {"source": source, "at": to_us(by_source[source].at)})
        self._bite_rows = max(BITE_ROWS, 2 * sum(len(ids) for ids in fresh.values()))
        return fresh

    def forget_some(self) -> None:
        """Delete a bite of what is too old; whoever waits for a write waits for no more than it."""
        for source, before in list(self._before.items()):
            values = {"source": source, "before": to_us(before), "n": self._bite_rows}
            try:
                with writing(self._engine) as tx:
                    n = tx.execute(FORGET, values).rowcount
            except SQLAlchemyError as error:
                log.warning("old ids of %s could not be forgotten: %s", source, error)
                n = 0
            if n < self._bite_rows:
                del self._before[source]

    def probe(self, now: datetime) -> None:
        """Write something small, to see whether it can be done."""
        with writing(self._engine) as tx:
            tx.execute(ACCEPTED, {"source": "", "at": to_us(now)})

    def _unknown(self, tx: Connection, source: str, ids: set[str], at: int) -> set[str]:
        values = {"source": source, "at": at, "ids": orjson.dumps(sorted(ids)).decode()}
        return set(tx.execute(self._add, values).scalars())

    def _plan(self, source: str, last_at: datetime) -> None:
        # not at every request: when two senders come back after a long outage, the second
        # one's repeat must still be known
        now_s = self._clock.monotonic()
        if now_s >= self._next_s.setdefault(source, now_s + self._every_s):
            self._next_s[source] = now_s + self._every_s
            self._before[source] = last_at - REMEMBERED
