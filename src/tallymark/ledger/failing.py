"""A failure on its object, where people see it."""

from __future__ import annotations

from sqlalchemy import Connection, func, literal, update

from tallymark.ledger.failure import Failure
from tallymark.state.schema import Instant, objects


def record(tx: Connection, object_id: int, failure: Failure) -> None:
    """Note a failure; the end of a task that succeeds clears it."""
    of_object = objects.c
    since = func.coalesce(of_object.failing_since_at, literal(failure.at, Instant()))
    tx.execute(
        update(objects)
        .where(of_object.id == object_id)
        .values(
            attempts=of_object.attempts + 1,
            last_error=failure.error,
            advice=failure.advice,
            failing_since_at=since,
            check_at=failure.next_try_at,
            checked_at=failure.at,
        )
    )
