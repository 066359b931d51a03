"""Workspaces in the database: each change is a revision, the newest is what runs."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, insert, select

from tallymark.boards.define import BoardSpec, CardSpec
from tallymark.calendar.periods import Calendar
from tallymark.definitions.engines import EngineSpec
from tallymark.definitions.stores import StoreSpec
from tallymark.definitions.workspace import Workspace
from tallymark.errors import ConfigError
from tallymark.metrics.define import MetricSpec
from tallymark.model import SourceSpec, StreamSpec
from tallymark.state.schema import revisions


def save(tx: Connection, workspace: Workspace, now: datetime) -> int:
    """Store the workspace under a new revision where it changed; the current revision."""
    plain = workspace.plain()
    digest = hashlib.sha256(orjson.dumps(plain, option=orjson.OPT_SORT_KEYS)).hexdigest()
    newest = tx.execute(
        select(revisions.c.revision, revisions.c.digest)
        .order_by(revisions.c.revision.desc())
        .limit(1)
    ).one_or_none()
    if newest is not None and newest.digest == digest:
        return int(newest.revision)
    values = {"at": now, "digest": digest, "workspace": plain}
    statement = insert(revisions).values(values).returning(revisions.c.revision)
    return int(tx.execute(statement).scalar_one())


def newest(conn: Connection) -> int:
    """The number of the newest revision; 0 before the first."""
    found = select(revisions.c.revision).order_by(revisions.c.revision.desc()).limit(1)
    return int(conn.execute(found).scalar() or 0)


def current(conn: Connection) -> Workspace | None:
    """The newest revision; None before the first.

    Raises: ConfigError where a program of another version wrote it.
    """
    query = select(revisions.c.workspace).order_by(revisions.c.revision.desc()).limit(1)
    plain = conn.execute(query).scalar_one_or_none()
    try:
        return None if plain is None else _restore(plain)
    except (KeyError, TypeError) as error:
        told = "the stored workspace is of another version of Tallymark: start `tallymark serve`"
        raise ConfigError(f"{told} with the YAML files") from error


def _restore(plain: dict[str, Any]) -> Workspace:
    return Workspace(
        calendar=Calendar(**plain["calendar"]),
        sources={name: _source(spec) for name, spec in plain["sources"].items()},
        metrics={name: _metric(spec) for name, spec in plain["metrics"].items()},
        boards={name: _board(spec) for name, spec in plain["boards"].items()},
        # a workspace that was stored before there were reports names neither
        engines={name: EngineSpec(**spec) for name, spec in plain.get("engines", {}).items()},
        stores={name: StoreSpec(**spec) for name, spec in plain.get("stores", {}).items()},
    )


def _source(spec: dict[str, Any]) -> SourceSpec:
    streams = tuple(
        StreamSpec(
            **{
                **stream,
                "subjects": tuple(stream["subjects"]),
                "paused": tuple(stream["paused"]),
                "start_at": datetime.fromisoformat(stream["start_at"]),
            }
        )
        for stream in spec["streams"]
    )
    return SourceSpec(**{**spec, "streams": streams})


def _metric(spec: dict[str, Any]) -> MetricSpec:
    where = tuple((field, tuple(values)) for field, values in spec["where"])
    return MetricSpec(**{**spec, "where": where, "dimensions": tuple(spec["dimensions"])})


def _board(spec: dict[str, Any]) -> BoardSpec:
    cards = tuple(CardSpec(**card) for card in spec["cards"])
    return BoardSpec(**{**spec, "cards": cards, "compare": tuple(spec["compare"])})
