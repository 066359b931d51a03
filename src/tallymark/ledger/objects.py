"""What recurs: one row a repository, package, site, cube; with its schedule and its failures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, and_, exists, insert, or_, select, update

from tallymark.errors import NotFound
from tallymark.ledger.coverage import forget_failed, settle
from tallymark.state.schema import objects, tasks

OPEN = ("running", "waiting")
DECLARED = ("collect", "flush", "cube", "maintain")
"""The kinds that follow from the workspace's YAML; others are made and ended by people."""
CLOCKS_DIFFER_BY = timedelta(seconds=60)
"""An instant that was noted later than this ahead of now comes from a clock that stepped back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectSpec:
    """An object as the workspace wants it; kind, source, stream and subject are its identity."""

    kind: str
    source: str
    stream: str
    subject: str
    every: str
    start_at: datetime
    catch_up: str = "all"
    paused: bool = False

    @property
    def identity(self) -> tuple[str, str, str, str]:
        return (self.kind, self.source, self.stream, self.subject)


@dataclass(frozen=True, slots=True, kw_only=True)
class Object:
    """An object as the ledger knows it."""

    id: int
    kind: str
    source: str
    stream: str
    subject: str
    state: str
    every: str
    catch_up: str
    start_at: datetime
    settled_at: datetime
    """All before is final, missing or failed: `due.plan` begins here, and reads no history."""
    check_at: datetime
    attempts: int
    last_error: str | None
    advice: str | None
    failing_since_at: datetime | None
    version: int
    """Moves with the coverage, and with a cube's table; a claim is refused, and a look not put off,
    where it moved since the object was read."""


COLUMNS = tuple(objects.c[name] for name in Object.__dataclass_fields__)


def of_row(row: Row[Any]) -> Object:
    return Object(**{name: getattr(row, name) for name in Object.__dataclass_fields__})


def sync(tx: Connection, wanted: Iterable[ObjectSpec], now: datetime) -> None:
    """Make the declared objects those that are wanted; what is not stops, its rows stay."""
    declared = (o for o in load(tx) if o.kind in DECLARED)
    known = {(o.kind, o.source, o.stream, o.subject): o for o in declared}
    specs = {spec.identity: spec for spec in wanted}
    gone = [o.id for identity, o in known.items() if identity not in specs and o.state != "removed"]
    _remove(tx, gone, now)
    for identity, spec in specs.items():
        if identity not in known:
            _insert(tx, spec, now)
        else:
            _update(tx, known[identity], spec, now)


def _remove(tx: Connection, ids: Sequence[int], now: datetime) -> None:
    # tasks before objects: the order in which a task that ends locks them
    for object_id in ids:
        open_tasks = and_(tasks.c.object_id == object_id, tasks.c.state.in_(OPEN))
        ended = {"state": "released", "error": "its object was removed", "ended_at": now}
        tx.execute(update(tasks).where(open_tasks).values(claim_no=tasks.c.claim_no + 1, **ended))
    for object_id in ids:
        tx.execute(update(objects).where(objects.c.id == object_id).values(state="removed"))


def _insert(tx: Connection, spec: ObjectSpec, now: datetime) -> None:
    tx.execute(
        insert(objects).values(
            kind=spec.kind,
            source=spec.source,
            stream=spec.stream,
            subject=spec.subject,
            state="paused" if spec.paused else "active",
            every=spec.every,
            catch_up=spec.catch_up,
            start_at=spec.start_at,
            settled_at=spec.start_at,
            check_at=now,
            checked_at=now,
        )
    )


def _update(tx: Connection, known: Object, spec: ObjectSpec, now: datetime) -> None:
    state = "paused" if spec.paused else "active"
    before = (known.state, known.every, known.catch_up, known.start_at)
    if before == (state, spec.every, spec.catch_up, spec.start_at):
        return
    tx.execute(
        update(objects)
        .where(objects.c.id == known.id)
        .values(
            state=state,
            every=spec.every,
            catch_up=spec.catch_up,
            start_at=spec.start_at,
            check_at=now,
            checked_at=now,
        )
    )
    if known.start_at != spec.start_at:
        settle(tx, known.id, spec.start_at)


def load(
    conn: Connection,
    *,
    kind: str | None = None,
    source: str | None = None,
    stream: str | None = None,
    subject: str | None = None,
    states: Sequence[str] | None = None,
) -> list[Object]:
    """The objects that match all that is given, ordered by their identity."""
    wanted = {"kind": kind, "source": source, "stream": stream, "subject": subject}
    found = select(*COLUMNS).order_by(*(objects.c[name] for name in wanted))
    for name, value in wanted.items():
        if value is not None:
            found = found.where(objects.c[name] == value)
    if states is not None:
        found = found.where(objects.c.state.in_(states))
    return [of_row(row) for row in conn.execute(found)]


def get(conn: Connection, object_id: int) -> Object:
    """Raises: NotFound."""
    row = conn.execute(select(*COLUMNS).where(objects.c.id == object_id)).one_or_none()
    if row is None:
        raise NotFound(f"there is no object {object_id}")
    return of_row(row)


def to_check(conn: Connection, now: datetime, limit: int, kinds: Iterable[str]) -> list[Object]:
    """The active objects whose time to be looked at has come and of which nothing is in work."""
    found = (
        select(*COLUMNS)
        .where(
            objects.c.state == "active",
            objects.c.kind.in_(list(kinds)),
            has_come(objects.c.check_at, objects.c.checked_at, now),
            ~exists().where(tasks.c.object_id == objects.c.id, tasks.c.state.in_(OPEN)),
        )
        .order_by(objects.c.check_at, objects.c.id)
        .limit(limit)
    )
    return [of_row(row) for row in conn.execute(found)]


def has_come(
    at: ColumnElement[datetime], noted_at: ColumnElement[datetime], now: datetime
) -> ColumnElement[bool]:
    """Whether an instant is reached, or was noted by a clock that has stepped back since."""
    return or_(at <= now, noted_at > now + CLOCKS_DIFFER_BY)


def set_check_at(tx: Connection, seen: Object, check_at: datetime, now: datetime) -> None:
    """Put the next look off; not where somebody else has set it meanwhile."""
    tx.execute(
        update(objects)
        .where(
            objects.c.id == seen.id,
            objects.c.check_at == seen.check_at,
            # a clock need not have moved between two who set it
            objects.c.version == seen.version,
        )
        .values(check_at=check_at, checked_at=now)
    )


def wake(tx: Connection, kind: str, now: datetime) -> None:
    """Let all of a kind be looked at now."""
    tx.execute(
        update(objects)
        .where(objects.c.kind == kind)
        .values(check_at=now, checked_at=now, version=objects.c.version + 1)
    )


def retry(tx: Connection, object_id: int, now: datetime) -> None:
    """On a person's demand: ask again for what failed for good, and wait no longer."""
    waiting = and_(tasks.c.object_id == object_id, tasks.c.state == "waiting")
    tx.execute(update(tasks).where(waiting).values(next_try_at=now))
    forget_failed(tx, object_id)
    fresh = {"attempts": 0, "last_error": None, "advice": None, "failing_since_at": None}
    tx.execute(
        update(objects)
        .where(objects.c.id == object_id)
        .values(**fresh, check_at=now, checked_at=now)
    )
