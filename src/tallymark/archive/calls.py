"""The record of requests: a page counts only when a row names it, fenced by the claim."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, func, insert, select, update

from tallymark.ledger import claim
from tallymark.ledger.task import Task
from tallymark.model import Page
from tallymark.state.schema import calls


@dataclass(frozen=True, slots=True)
class Call:
    """A recorded page of a task."""

    id: int
    n: int
    url: str
    cursor: str | None
    archive_key: str
    received_at: datetime


def record(tx: Connection, task: Task, page: Page, key: str) -> int:
    """Write the row of a page that is in the archive; its id is the `_page` of its records.

    Raises: ClaimLost when the task is somebody else's by now.
    """
    claim.check(tx, task)
    values = {
        "object_id": task.object.id,
        "task_id": task.id,
        "claim_no": task.claim_no,
        "n": page.n,
        "url": page.url,
        "status": page.status,
        "bytes": 0 if page.repeats else len(page.body),
        "quota_left": _number(page.headers.get("x-ratelimit-remaining")),
        "cursor": page.cursor,
        "archive_key": key,
        "etag": page.headers.get("etag"),
        "repeats": page.repeats,
        "received_at": page.received_at,
    }
    return int(tx.execute(insert(calls).values(values).returning(calls.c.id)).scalar_one())


def kept(conn: Connection, task_id: int, first: int = 0, end: int | None = None) -> list[Call]:
    """The pages `[first, end)` of a task that count, in their order."""
    c = calls.c
    query = select(c.id, c.n, c.url, c.cursor, c.archive_key, c.received_at).where(
        c.task_id == task_id, c.superseded == 0, c.n >= first
    )
    if end is not None:
        query = query.where(c.n < end)
    return [Call(*row) for row in conn.execute(query.order_by(c.n))]


def supersede(tx: Connection, task: Task) -> None:
    """Set aside the pages of an attempt whose cursor died; they stay on record.

    Raises: ClaimLost.
    """
    claim.check(tx, task)
    in_use = (calls.c.task_id == task.id, calls.c.superseded == 0)
    tx.execute(update(calls).where(*in_use).values(superseded=task.claim_no))


def begun_by(conn: Connection, task_id: int) -> int:
    """The claim that began the attempt that is in use; 0: the first attempt.

    A file of an earlier claim is of an attempt that was set aside.
    """
    query = select(func.max(calls.c.superseded)).where(calls.c.task_id == task_id)
    return int(conn.execute(query).scalar() or 0)


def next_n(conn: Connection, task_id: int) -> int:
    """The number of the task's next page; superseded pages keep theirs."""
    query = select(func.max(calls.c.n)).where(calls.c.task_id == task_id)
    last = conn.execute(query).scalar()
    return 0 if last is None else int(last) + 1


def last_for(conn: Connection, object_id: int, url: str) -> tuple[str, str] | None:
    """The ETag of the last answer to this address, and the archive key of the body behind it."""
    query = (
        select(calls.c.etag, calls.c.archive_key, calls.c.repeats)
        .where(calls.c.object_id == object_id, calls.c.url == url, calls.c.superseded == 0)
        .order_by(calls.c.id.desc())
        .limit(1)
    )
    row = conn.execute(query).one_or_none()
    return None if row is None or row.etag is None else (row.etag, row.repeats or row.archive_key)


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isdigit() else None
