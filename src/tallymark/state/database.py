"""The databases: how they are opened, in what transactions they are used, and how they migrate.

SQLite is three files (what was pushed must not wait for a cube's load), PostgreSQL one database.
On SQLite a transaction that writes takes the write lock first, so that it is not refused later.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, Engine, create_engine, event, exc, make_url, text

from tallymark.errors import ConfigError

READING = "tallymark_reading"
"""The execution option of a transaction that only reads: on SQLite it takes no write lock."""

_MIGRATIONS = Path(__file__).parent / "migrations"
_ADVISORY_LOCK = 0x7A11_0001
_GONE_SQLSTATES = ("08", "40", "53", "57P", "58", "25P03", "55P03")
_GONE_SQLITE = frozenset(
    {"SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_FULL", "SQLITE_IOERR", "SQLITE_CANTOPEN"}
)


@dataclass(frozen=True)
class Databases:
    """Where state is kept; on PostgreSQL all three are one engine."""

    control: Engine
    inbox: Engine
    cubes: Engine

    def close(self) -> None:
        for engine in (self.control, self.inbox, self.cubes):
            engine.dispose()


def open_databases(url: str | None, home: Path) -> Databases:
    """Open the files in `home` (url None), or the PostgreSQL database at `url`.

    Raises: ConfigError for any other address.
    """
    if url is None:
        return _open_files(home)
    engine = _postgresql_engine(_postgresql_url(url))
    return Databases(control=engine, inbox=engine, cubes=engine)


def _open_files(home: Path) -> Databases:
    (home / "locks").mkdir(parents=True, exist_ok=True)
    databases = Databases(
        control=_sqlite_engine(home / "tallymark.db", "FULL"),
        inbox=_sqlite_engine(home / "inbox.db", "FULL"),
        cubes=_sqlite_engine(home / "cubes.db", "NORMAL"),
    )
    # turning a new file to WAL is refused at once while another process does the same
    with _locked(home / "locks" / "open.lock"):
        for engine in (databases.control, databases.inbox, databases.cubes):
            try:
                engine.connect().close()
            except exc.DatabaseError:
                # cubes are derived: their store throws a damaged file away
                if engine is not databases.cubes:
                    raise
        fsync_dir(home)
    return databases


def _sqlite_engine(path: Path, synchronous: str) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        connect_args={"timeout": 30, "isolation_level": None},
        max_overflow=-1,
    )

    @event.listens_for(engine, "connect")
    def settings(connection: sqlite3.Connection, _: object) -> None:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA synchronous = {synchronous}")
        connection.execute("PRAGMA foreign_keys = ON")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        read_only = connection.get_execution_options().get(READING, False)
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    return engine


def _postgresql_url(url: str) -> URL:
    try:
        parsed = make_url(url)
    except exc.ArgumentError as error:
        raise ConfigError("TALLYMARK_DATABASE_URL is not a URL: use postgresql://…") from error
    if parsed.get_backend_name() not in ("postgresql", "postgres"):
        raise ConfigError(
            f"TALLYMARK_DATABASE_URL begins with {parsed.drivername}://: use postgresql://…, "
            "or leave it out for SQLite in the home folder"
        )
    return parsed.set(drivername="postgresql+psycopg")


def _postgresql_engine(url: URL) -> Engine:
    limits = {
        # a process stopped inside a transaction would block all others
        "idle_in_transaction_session_timeout": "10s",
        "lock_timeout": "10s",
        "timezone": "UTC",
    }
    connect_args: dict[str, Any] = {
        "connect_timeout": 5,
        "keepalives_idle": 5,
        "keepalives_interval": 2,
        "keepalives_count": 3,
        "tcp_user_timeout": 15_000,
        "options": " ".join(f"-c {name}={value}" for name, value in limits.items()),
    }
    return create_engine(url, connect_args=connect_args, pool_pre_ping=True, max_overflow=15)


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """One transaction that may write; the write lock is taken at its start on SQLite."""
    with engine.begin() as connection:
        yield connection


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """One transaction that sees one snapshot and writes nothing."""
    options: dict[str, Any] = {READING: True}
    if engine.dialect.name == "postgresql":
        options |= {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
    with engine.connect() as connection, connection.execution_options(**options).begin():
        yield connection


def database_gone(error: BaseException | None) -> bool:
    """Whether the database was lost or cannot serve now; False: we asked it something wrong.

    It may be the reason that a library gives for an error of its own.
    """
    while error is not None:
        if _gone(error):
            return True
        error = error.__cause__
    return False


def _gone(error: BaseException) -> bool:
    if isinstance(error, exc.TimeoutError):
        return True
    if isinstance(error, exc.DBAPIError):
        return error.connection_invalidated or (error.orig is not None and _gone(error.orig))
    if isinstance(error, psycopg.Error):
        state = error.sqlstate
        if state is None:
            return isinstance(error, psycopg.OperationalError)
        return state.startswith(_GONE_SQLSTATES)
    if isinstance(error, sqlite3.OperationalError):
        name = getattr(error, "sqlite_errorname", "")
        return name in _GONE_SQLITE or name.startswith(("SQLITE_IOERR_", "SQLITE_BUSY_"))
    return False


def migrate(databases: Databases) -> None:
    """Bring both lines to their newest revision; several processes may start at once."""
    for line, engine in _lines(databases):
        with alone(engine) as connection:
            if not _at_head(connection, line):
                command.upgrade(_config(line, connection), "head")


def at_head(databases: Databases) -> bool:
    for line, engine in _lines(databases):
        with reading(engine) as connection:
            if not _at_head(connection, line):
                return False
    return True


def _lines(databases: Databases) -> tuple[tuple[str, Engine], ...]:
    return (("control", databases.control), ("inbox", databases.inbox))


def _at_head(connection: Connection, line: str) -> bool:
    context = MigrationContext.configure(
        connection, opts={"version_table": f"alembic_version_{line}"}
    )
    head = ScriptDirectory.from_config(_config(line, connection)).get_current_head()
    return context.get_current_revision() == head


def _config(line: str, connection: Connection) -> Config:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS / line).replace("%", "%%"))
    config.attributes["connection"] = connection
    return config


@contextmanager
def alone(engine: Engine) -> Iterator[Connection]:
    """A transaction that writes and that no other process's start runs beside."""
    if engine.dialect.name == "sqlite":
        path = Path(str(engine.url.database))
        with _locked(path.parent / "locks" / "migrate.lock"), writing(engine) as connection:
            yield connection
        return
    with writing(engine) as connection:
        # whoever comes second waits as long as the first one needs
        connection.execute(text("SET LOCAL lock_timeout = 0"))
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
        yield connection


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def fsync_dir(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
