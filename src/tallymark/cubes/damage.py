"""`cubes.db` is derived: a file that cannot be read is thrown away, and losing it loses nothing."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import psycopg
from sqlalchemy import Engine, event, exc


def table_missing(error: exc.DBAPIError) -> bool:
    """Whether a table is not there: nothing was made yet, or another generation took over."""
    if isinstance(error.orig, psycopg.errors.UndefinedTable):
        return True
    return isinstance(error.orig, sqlite3.OperationalError) and "no such table" in str(error.orig)


def damaged(error: exc.DBAPIError) -> bool:
    name = getattr(error.orig, "sqlite_errorname", None) or ""
    return name == "SQLITE_NOTADB" or name.startswith("SQLITE_CORRUPT")


def follow_file(engine: Engine) -> None:
    """Let no connection outlive its file: others may have thrown it away and made a new one."""
    if engine.dialect.name != "sqlite":
        return

    @event.listens_for(engine, "connect")
    def note(connection: sqlite3.Connection, record: object) -> None:
        record.info["file"] = file_number(engine)  # type: ignore[attr-defined]

    @event.listens_for(engine, "checkout")
    def check(connection: sqlite3.Connection, record: object, proxy: object) -> None:
        if record.info.setdefault("file", file_number(engine)) != file_number(engine):  # type: ignore[attr-defined]
            raise exc.DisconnectionError("the file was replaced")


def file_number(engine: Engine) -> int | None:
    """Which file stands at the engine's path; None: none does."""
    try:
        return Path(str(engine.url.database)).stat().st_ino
    except FileNotFoundError:
        return None


def throw_away(engine: Engine, seen: int | None) -> None:
    """Remove the damaged file, unless another process did so already."""
    if engine.dialect.name != "sqlite" or seen is None or seen != file_number(engine):
        return
    path = Path(str(engine.url.database))
    # the log before the file: SQLite would replay it into a new one
    for ending in ("-wal", "-shm", ""):
        path.with_name(path.name + ending).unlink(missing_ok=True)
    engine.dispose()
