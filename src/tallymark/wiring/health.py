"""How the collecting goes, read from the ledger: for the board, `status` and Prometheus."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from prometheus_client import CollectorRegistry, Gauge, generate_latest
from sqlalchemy import Engine, func, select

from tallymark.boards.health import Health
from tallymark.ledger import objects
from tallymark.ledger.objects import Object
from tallymark.metrics.define import MetricSpec
from tallymark.state.database import Databases, reading
from tallymark.state.schema import batches, heads, inbox, quarantine, tasks

COLLECTING = ("collect", "flush")


def health(
    engine: Engine, metrics: Mapping[str, MetricSpec], names: Sequence[str]
) -> dict[str, Health]:
    """The state of what stands behind each metric; the worst of its subjects speaks."""
    with reading(engine) as conn:
        found = objects.load(conn, states=("active", "paused"))
        filled = set(conn.execute(select(heads.c.lake_table)).scalars())
    return {name: _of_stream(metrics[name].stream, found, filled) for name in names}


def _of_stream(stream: str, found: Sequence[Object], filled: set[str]) -> Health:
    mine = [o for o in found if o.kind in COLLECTING and f"{o.source}.{o.stream}" == stream]
    failing = [o for o in mine if o.last_error]
    worst = max(failing, key=lambda o: o.attempts, default=None)
    return Health(
        collected=stream in filled,
        next_run_at=min((o.check_at for o in mine if o.state == "active"), default=None),
        failing_since_at=worst.failing_since_at if worst else None,
        last_error=(worst.last_error or "") if worst else "",
        advice=(worst.advice or "") if worst else "",
    )


def status(engine: Engine) -> list[dict[str, Any]]:
    """One entry an object that collects: its state, next look, failure and what to do."""
    last = (
        select(tasks.c.object_id, func.max(tasks.c.ended_at).label("done_at"))
        .where(tasks.c.state == "done")
        .group_by(tasks.c.object_id)
    )
    with reading(engine) as conn:
        found = objects.load(conn)
        done = {row.object_id: row.done_at for row in conn.execute(last)}
    return [_entry(o, done.get(o.id)) for o in found if o.kind in COLLECTING]


def _entry(o: Object, done_at: datetime | None) -> dict[str, Any]:
    return {
        "source": o.source,
        "stream": o.stream,
        "subject": o.subject,
        "state": "failing" if o.last_error and o.state == "active" else o.state,
        "every": o.every,
        "settled_to": o.settled_at,
        "last_done_at": done_at,
        "next_check_at": o.check_at,
        "attempts": o.attempts,
        "failing_since_at": o.failing_since_at,
        "last_error": o.last_error,
        "advice": o.advice,
    }


def prometheus(databases: Databases) -> bytes:
    """The figures of this installation, from the database."""
    registry = CollectorRegistry()
    with reading(databases.control) as conn:
        found = objects.load(conn, states=("active",))
        open_tasks = conn.execute(select(tasks.c.state, func.count()).group_by(tasks.c.state))
        by_state = {row[0]: row[1] for row in open_tasks}
        rows = conn.execute(select(func.sum(batches.c.rows))).scalar() or 0
        refused = conn.execute(select(func.count()).select_from(quarantine)).scalar() or 0
    with reading(databases.inbox) as conn:
        waiting = conn.execute(select(func.count()).select_from(inbox)).scalar() or 0
    failing = Gauge("tallymark_failing", "Attempts in a row.", ["source", "stream", "subject"],
                    registry=registry)  # fmt: skip
    for o in found:
        if o.kind in COLLECTING:
            failing.labels(o.source, o.stream, o.subject).set(o.attempts if o.last_error else 0)
    states = Gauge("tallymark_tasks", "Tasks by their state.", ["state"], registry=registry)
    for state in ("running", "waiting", "done", "released", "failed"):
        states.labels(state).set(by_state.get(state, 0))
    for name, text, value in (
        ("tallymark_rows_committed", "Rows in all batches.", rows),
        ("tallymark_quarantined", "Records in quarantine.", refused),
        ("tallymark_inbox_waiting", "Records that are not in the lake yet.", waiting),
    ):
        Gauge(name, text, registry=registry).set(value)
    return generate_latest(registry)
