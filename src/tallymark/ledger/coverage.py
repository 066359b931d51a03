"""What of an object has been read: merged stretches, so that they do not grow with history."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from dataclasses import replace as with_values
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, func, insert, literal, select, update

from tallymark.errors import NotFound
from tallymark.model import Covered
from tallymark.state.schema import Instant, coverage, objects

SETTLED = ("final", "missing", "failed")
"""States that nothing is asked for again by itself."""


def merge(covered: Iterable[Covered]) -> list[Covered]:
    """Sort, drop what is empty, and join neighbours that say the same.

    Raises: ValueError where two overlap.
    """
    merged: list[Covered] = []
    for one in sorted(covered, key=lambda c: c.start_at):
        if one.start_at >= one.end_at:
            continue
        if one.state in SETTLED and one.read_at is not None:
            one = with_values(one, read_at=None)
        if merged and merged[-1].end_at > one.start_at:
            raise ValueError(f"{merged[-1]} and {one} overlap")
        if merged and merged[-1].end_at == one.start_at and _same(merged[-1], one):
            merged[-1] = with_values(merged[-1], end_at=one.end_at)
        else:
            merged.append(one)
    return merged


def _same(a: Covered, b: Covered) -> bool:
    return (a.state, a.read_at, a.note) == (b.state, b.read_at, b.note)


def replace(
    existing: Iterable[Covered], start_at: datetime, end_at: datetime, new: Iterable[Covered]
) -> list[Covered]:
    """Put `new` in the place of all that stood in the range.

    Raises: ValueError where `new` reaches beyond the range.
    """
    fresh = list(new)
    if any(c.start_at < start_at or c.end_at > end_at for c in fresh):
        raise ValueError(f"{fresh} reaches beyond {start_at} to {end_at}")
    kept = []
    for one in existing:
        before = with_values(one, end_at=min(one.end_at, start_at))
        after = with_values(one, start_at=max(one.start_at, end_at))
        kept += [part for part in (before, after) if part.start_at < part.end_at]
    return merge([*kept, *fresh])


def settled_until(at: datetime, covered: Sequence[Covered]) -> datetime:
    """How far from `at` on all is settled; `covered` is sorted."""
    for one in covered:
        if one.end_at <= at:
            continue
        if one.start_at > at or one.state not in SETTLED:
            break
        at = one.end_at
    return at


def gaps(
    start_at: datetime, end_at: datetime, covered: Iterable[Covered]
) -> Iterator[tuple[datetime, datetime]]:
    """The parts of a range that nothing covers; `covered` is sorted."""
    at = start_at
    for one in covered:
        if one.start_at >= end_at:
            break
        if one.start_at > at:
            yield at, one.start_at
        at = max(at, one.end_at)
    if at < end_at:
        yield at, end_at


def load(
    conn: Connection,
    object_id: int,
    start_at: datetime | None = None,
    end_at: datetime | None = None,
) -> list[Covered]:
    """The stretches that meet `[start_at, end_at)`, whole and sorted; reads only those."""
    found = _from(conn, object_id, start_at, end_at)
    return [
        one
        for one in found
        if (start_at is None or one.end_at > start_at) and (end_at is None or one.start_at < end_at)
    ]


def _from(
    conn: Connection, object_id: int, start_at: datetime | None, end_at: datetime | None
) -> list[Covered]:
    """From the last stretch that begins before `start_at` to the one that begins at `end_at`."""
    wanted = select(coverage).where(coverage.c.object_id == object_id)
    if start_at is not None:
        before = coverage.c.start_at < start_at
        last_before = select(func.max(coverage.c.start_at)).where(
            coverage.c.object_id == object_id, before
        )
        wanted = wanted.where(
            coverage.c.start_at
            >= func.coalesce(last_before.scalar_subquery(), literal(start_at, Instant()))
        )
    if end_at is not None:
        wanted = wanted.where(coverage.c.start_at <= end_at)
    rows = conn.execute(wanted.order_by(coverage.c.start_at))
    return [Covered(r.start_at, r.end_at, r.state, r.read_at, r.note) for r in rows]


def write(
    tx: Connection,
    object_id: int,
    start_at: datetime,
    end_at: datetime,
    covered: Iterable[Covered],
) -> None:
    """Put `covered` in the place of what stood in the range; the object's row is locked first.

    Raises: NotFound where there is no such object.
    """
    begun_at, settled_at = _lock(tx, object_id)
    before = _from(tx, object_id, start_at, end_at)
    after = replace(before, start_at, end_at, covered)
    gone = [{"at": c.start_at} for c in before if c not in after]
    if gone:
        here = (coverage.c.object_id == object_id, coverage.c.start_at == bindparam("at"))
        tx.execute(delete(coverage).where(*here), gone)
    new = [{"object_id": object_id, **asdict(c)} for c in after if c not in before]
    if new:
        tx.execute(insert(coverage), new)
    if start_at > settled_at:
        return
    until = settled_until(start_at, after)
    if until < min(end_at, settled_at):
        settle(tx, object_id, max(until, begun_at))
    else:
        settle(tx, object_id, settled_at)


def fill(tx: Connection, object_id: int, covered: Iterable[Covered]) -> None:
    """Write each stretch only where nothing stands: what was read meanwhile is not lost."""
    _lock(tx, object_id)
    for one in covered:
        there = load(tx, object_id, one.start_at, one.end_at)
        for start_at, end_at in gaps(one.start_at, one.end_at, there):
            part = with_values(one, start_at=start_at, end_at=end_at)
            write(tx, object_id, start_at, end_at, [part])


def _lock(tx: Connection, object_id: int) -> tuple[datetime, datetime]:
    row = tx.execute(
        update(objects)
        .where(objects.c.id == object_id)
        .values(version=objects.c.version + 1)
        .returning(objects.c.start_at, objects.c.settled_at)
    ).one_or_none()
    if row is None:
        raise NotFound(f"there is no object {object_id}")
    return row.start_at, row.settled_at


def settle(tx: Connection, object_id: int, from_at: datetime) -> None:
    """Note how far from `from_at` on nothing is left to ask for."""
    until = settled_until(from_at, load(tx, object_id, from_at))
    tx.execute(update(objects).where(objects.c.id == object_id).values(settled_at=until))


def forget_failed(tx: Connection, object_id: int) -> None:
    """Make what failed for good due again."""
    for one in [c for c in load(tx, object_id) if c.state == "failed"]:
        write(tx, object_id, one.start_at, one.end_at, [])
