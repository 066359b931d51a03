"""Numbers that are handed out once."""

from __future__ import annotations

from sqlalchemy import Engine, text

from tallymark.state.database import writing

NEXT = text(
    "INSERT INTO counters (name, value) VALUES (:name, 1)"
    " ON CONFLICT (name) DO UPDATE SET value = counters.value + 1 RETURNING value"
)


def next_id(engine: Engine, name: str) -> int:
    """The next number of a counter, from 1; a number that is not used leaves a gap."""
    with writing(engine) as tx:
        return int(tx.execute(NEXT, {"name": name}).scalar_one())
