"""Inbox rows on their way into the lake: a flush stamps them with its batch, then deletes those.

Rows are never taken by a range of ids: on PostgreSQL a lower id may become visible later.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from sqlalchemy import Connection, Engine, select, text

from tallymark.connectors import Pushed
from tallymark.state.database import writing
from tallymark.state.schema import inbox

BITE_ROWS = 5_000

# The oldest rows that wait, up to a number of rows and (but for one) of bytes: the last of them.
LAST = text(
    "SELECT received_at, id FROM ("
    " SELECT id, received_at, length(body) AS size,"
    "  sum(length(body)) OVER (ORDER BY received_at, id) AS total"
    " FROM (SELECT id, received_at, body FROM inbox WHERE source = :source AND stamp IS NULL"
    "       ORDER BY received_at, id LIMIT :n) AS oldest) AS sized"
    " WHERE total - size < :bytes ORDER BY received_at DESC, id DESC LIMIT 1"
)
# One statement, so that a stamp is there with all its rows or with none: who settles it later
# must not meet half of it. It takes what is visible; what becomes so later is left for the next.
STAMP = text(
    "UPDATE inbox SET stamp = :stamp WHERE source = :source AND stamp IS NULL"
    " AND (received_at, id) <= (:received_at, :id)"
)
DELETE = text(
    "DELETE FROM inbox WHERE id IN"
    " (SELECT id FROM inbox WHERE source = :source AND stamp = :stamp LIMIT :n)"
)


def stamps(conn: Connection, source: str) -> list[int]:
    """The batches whose rows are still here, the oldest first."""
    query = select(inbox.c.stamp).where(inbox.c.source == source, inbox.c.stamp.is_not(None))
    return [
        int(stamp) for stamp in conn.execute(query.distinct().order_by(inbox.c.stamp)).scalars()
    ]


def last_of_batch(
    conn: Connection, source: str, *, n_rows: int, n_bytes: int
) -> Mapping[str, int] | None:
    """Where the next batch ends; found beforehand, so that the stamp's lock is held for less."""
    values = {"source": source, "n": n_rows, "bytes": n_bytes}
    found = conn.execute(LAST, values).mappings().one_or_none()
    return None if found is None else {name: int(value) for name, value in found.items()}


def stamp(tx: Connection, source: str, batch_id: int, last: Mapping[str, int]) -> int:
    """Stamp the rows that wait, up to the last one of the batch; returns how many."""
    return tx.execute(STAMP, {"source": source, "stamp": batch_id, **last}).rowcount


def records(conn: Connection, source: str, batch_id: int) -> Iterator[Pushed]:
    """The rows of a batch, always in the same order."""
    c = inbox.c
    query = select(c.received_at, c.headers, c.dedupe_id, c.body)
    query = query.where(c.source == source, c.stamp == batch_id).order_by(c.id)
    for row in conn.execute(query):
        yield Pushed(row.received_at, row.headers, row.dedupe_id, bytes(row.body))


def delete(engine: Engine, source: str, batch_id: int) -> None:
    """Delete the rows of a batch that is in the lake; in bites, so that no request waits long."""
    values = {"source": source, "stamp": batch_id, "n": BITE_ROWS}
    n = BITE_ROWS
    while n == BITE_ROWS:
        with writing(engine) as tx:
            n = tx.execute(DELETE, values).rowcount
