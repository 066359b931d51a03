"""Commands that only look: `validate`, `status`, `doctor`."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict

import typer
from sqlalchemy.exc import SQLAlchemyError

from tallymark.calendar.zones import tzdata_version
from tallymark.cli.common import (
    Home,
    Json,
    WorkspaceDir,
    app,
    first_line,
    node_started,
    now,
    print_json,
    print_table,
    say,
    settings,
)
from tallymark.cli.schedules import reads
from tallymark.connectors import discover
from tallymark.definitions.workspace import Mistakes, load
from tallymark.errors import TallymarkError
from tallymark.lake.catalog import moved
from tallymark.lake.views import is_foreign, pointer
from tallymark.state.database import reading
from tallymark.wiring.health import status as entries
from tallymark.wiring.node import Node

LOW_BYTES = 1024**3


@app.command()
def validate(home: Home = None, workspace: WorkspaceDir = None, as_json: Json = False) -> None:
    """Check the workspace's YAML: problems with file and line, else when each stream is read."""
    connectors = discover()
    try:
        found = load(settings(home, workspace=workspace).workspace_path, connectors)
    except Mistakes as mistakes:
        if not as_json:
            raise
        told = [{"file": m.file, "line": m.line, "text": m.text} for m in mistakes.found]
        print_json({"valid": False, "problems": told})
        raise typer.Exit(2) from mistakes
    counts = {
        "sources": len(found.sources),
        "metrics": len(found.metrics),
        "boards": len(found.boards),
    }
    at = now()
    schedules = list(reads(found, connectors, at))
    if as_json:
        print_json({"valid": True, **counts, "schedules": [asdict(one) for one in schedules]})
        return
    say("valid: " + ", ".join(f"{n} {name}" for name, n in counts.items()))
    for one in schedules:
        say(one.in_words(at))


@app.command()
def status(home: Home = None, as_json: Json = False) -> None:
    """How the collecting goes: a row a subject, with its failure and what to do about it."""
    with closing(node_started(settings(home))) as node:
        found = entries(node.databases.control)
    if as_json:
        print_json({"objects": found})
        return
    head = ("source", "stream", "subject", "state", "settled to", "next look", "what to do")
    rows = [
        (
            one["source"],
            one["stream"],
            one["subject"],
            one["state"],
            f"{one['settled_to']:%Y-%m-%d %H:%M}",
            f"{one['next_check_at']:%Y-%m-%d %H:%M}",
            " — ".join(filter(None, (one["last_error"], one["advice"]))),
        )
        for one in found
    ]
    print_table(head, rows)


@app.command()
def doctor(home: Home = None, as_json: Json = False) -> None:
    """Look for what is wrong with this installation, and say what to do."""
    with closing(node_started(settings(home))) as node:
        facts = {
            "home": str(node.config.home),
            "database": node.databases.control.url.render_as_string(hide_password=True),
            "lake": str(node.config.lake_root),
            "tzdata": tzdata_version(),
            "connectors": sorted(node.connectors),
        }
        problems = list(_problems(node))
    if as_json:
        print_json({**facts, "problems": problems})
    else:
        for name, value in facts.items():
            say(f"{name}: {', '.join(value) if isinstance(value, list) else value}")
        say("\n".join(f"! {text}" for text in problems) or "nothing is wrong")
    if problems:
        raise typer.Exit(1)


def _problems(node: Node) -> Iterator[str]:
    try:
        with reading(node.databases.control) as conn:
            away = moved(conn, node.config.lake_root / "tables")
            at = {name: pointer(conn, name) for name in node.streams if name not in away}
        for table in away:
            yield f"{table}: its files are said to lie elsewhere: move the home back"
        for name, pinned in at.items():
            if pinned is not None and is_foreign(pinned):
                yield f"{name}: somebody else committed to it: its cube stands still"
    except SQLAlchemyError as error:
        yield f"the database does not answer: {first_line(error)}"
        return
    except OSError as error:
        yield f"the lake cannot be read: {error}: restore it, or `tallymark replay` each table"
    try:
        _ = node.sources
    except TallymarkError as error:
        yield str(error)
    if node.config.workspace_path.is_dir():
        try:
            load(node.config.workspace_path, node.connectors)
        except TallymarkError as error:
            yield f"the changed workspace is not used: {error}"
    free_bytes = shutil.disk_usage(node.config.home).free
    if free_bytes < LOW_BYTES:
        yield f"only {free_bytes // 1024**2} MB are free in {node.config.home}"
    for one in entries(node.databases.control):
        if one["state"] == "failing":
            advice = one["advice"] or "tried again by itself"
            yield f"{one['source']} {one['subject']}: {one['last_error']} — {advice}"
