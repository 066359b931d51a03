"""How many requests a vendor gets: token buckets in the database, over all nodes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, text, update

from tallymark.clock import Clock
from tallymark.state.database import writing
from tallymark.state.schema import budgets, to_us

CLOCKS_DIFFER_BY = timedelta(seconds=60)

ADD = text(
    "INSERT INTO budgets (name, tokens, at) VALUES (:name, :tokens, :at) ON CONFLICT DO NOTHING"
)


@dataclass(frozen=True)
class Bucket:
    """`tokens` as they were at `at`."""

    tokens: float
    at: datetime


def refill(bucket: Bucket, per_s: float, burst: float, now: datetime) -> Bucket:
    """The bucket as it is now.

    `at` never goes back, or two nodes whose clocks differ would both be given the difference; only
    a clock that has stepped back far starts anew.
    """
    if bucket.at > now + CLOCKS_DIFFER_BY:
        return Bucket(min(bucket.tokens, burst), now)
    passed_s = max(0.0, (now - bucket.at).total_seconds())
    return Bucket(min(burst, bucket.tokens + passed_s * per_s), max(bucket.at, now))


class Budgets:
    """The buckets by name; a name is a vendor's host or an account."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    def take(
        self,
        name: str,
        requests: float,
        per_s: float,
        burst: float,
        check: Callable[[Connection], None] | None = None,
    ) -> float:
        """Take requests from a budget: 0.0, they are taken; else how many seconds to wait.

        Raises: what `check` raises, who may not ask at all.
        """
        now = self._clock.now()
        with writing(self._engine) as tx:
            if check is not None:
                check(tx)
            tx.execute(ADD, {"name": name, "tokens": burst, "at": to_us(now)})
            bucket, blocked_until_at = _lock(tx, name)
            if blocked_until_at is not None and blocked_until_at > now:
                return (blocked_until_at - now).total_seconds()
            full = refill(bucket, per_s, burst, now)
            lacking = min(requests, burst) - full.tokens
            if lacking > 0:
                return lacking / per_s
            left = {"tokens": full.tokens - requests, "at": full.at}
            tx.execute(update(budgets).where(budgets.c.name == name).values(**left))
            return 0.0

    def block(self, name: str, until_at: datetime) -> None:
        """Let nobody take until an instant, such as the reset of a vendor's quota."""
        with writing(self._engine) as tx:
            tx.execute(ADD, {"name": name, "tokens": 0.0, "at": to_us(self._clock.now())})
            blocked = {"blocked_until_at": until_at}
            tx.execute(update(budgets).where(budgets.c.name == name).values(**blocked))


def _lock(tx: Connection, name: str) -> tuple[Bucket, datetime | None]:
    locked = update(budgets).where(budgets.c.name == name).values(name=name)
    row = tx.execute(
        locked.returning(budgets.c.tokens, budgets.c.at, budgets.c.blocked_until_at)
    ).one()
    return Bucket(row.tokens, row.at), row.blocked_until_at
