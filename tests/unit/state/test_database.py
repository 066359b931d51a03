from __future__ import annotations

import multiprocessing
import sqlite3
import stat
import threading
from pathlib import Path

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, exc, insert, inspect, select, text

from tallymark.errors import ConfigError
from tallymark.state.database import (
    Databases,
    at_head,
    database_gone,
    migrate,
    open_databases,
    reading,
    writing,
)
from tallymark.state.ids import next_id
from tallymark.state.schema import control, counters, inbox_metadata
from tests.postgres import PostgresServer


def test_the_migrated_databases_are_what_the_schema_says(databases: Databases) -> None:
    for engine, metadata, line in (
        (databases.control, control, "control"),
        (databases.inbox, inbox_metadata, "inbox"),
    ):
        with reading(engine) as connection:
            assert differences(connection, metadata, line) == []


def differences(connection: Connection, metadata: object, line: str) -> list[object]:
    known = set(metadata.tables)  # type: ignore[attr-defined]
    context = MigrationContext.configure(
        connection,
        opts={
            "version_table": f"alembic_version_{line}",
            "compare_type": True,
            "include_name": lambda name, kind, _: kind != "table" or name in known,
        },
    )
    return list(compare_metadata(context, metadata))  # type: ignore[arg-type]


def test_every_index_of_the_schema_is_in_the_database(databases: Databases) -> None:
    found = inspect(databases.control)
    for table in control.tables.values():
        names = {index["name"] for index in found.get_indexes(table.name)}
        assert {index.name for index in table.indexes} <= names


def test_a_migrated_database_is_at_its_head(databases: Databases) -> None:
    assert at_head(databases)
    with writing(databases.control) as tx:
        tx.execute(text("UPDATE alembic_version_control SET version_num = 'other'"))
    assert not at_head(databases)


def test_a_new_database_is_not_at_its_head_until_it_is_migrated(home: Path) -> None:
    databases = open_databases(None, home)
    assert not at_head(databases)
    migrate(databases)
    assert at_head(databases)
    migrate(databases)
    databases.close()


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_four_processes_may_start_at_once(
    kind: str, home: Path, request: pytest.FixtureRequest
) -> None:
    url = None
    if kind == "postgresql":
        server: PostgresServer = request.getfixturevalue("postgres")
        url = server.url(server.create())
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=start, args=(url, home)) for _ in range(4)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0, 0, 0]


def start(url: str | None, home: Path) -> None:
    databases = open_databases(url, home)
    migrate(databases)
    assert at_head(databases)


def test_other_addresses_are_refused_with_the_fix(home: Path) -> None:
    with pytest.raises(ConfigError, match="use postgresql://"):
        open_databases("mysql://localhost/x", home)
    with pytest.raises(ConfigError, match="use postgresql://"):
        open_databases("nonsense", home)


def test_postgresql_addresses_name_the_driver_by_themselves(home: Path) -> None:
    for url in ("postgres://a@b/c", "postgresql://a@b/c", "postgresql+psycopg://a@b/c"):
        databases = open_databases(url, home)
        assert databases.control.url.drivername == "postgresql+psycopg"
        assert databases.control is databases.inbox is databases.cubes


def test_sqlite_is_durable_and_checks_its_keys(home: Path) -> None:
    databases = open_databases(None, home)
    for engine, synchronous in ((databases.control, 2), (databases.inbox, 2), (databases.cubes, 1)):
        with reading(engine) as connection:
            assert connection.execute(text("PRAGMA journal_mode")).scalar() == "wal"
            assert connection.execute(text("PRAGMA synchronous")).scalar() == synchronous
            assert connection.execute(text("PRAGMA foreign_keys")).scalar() == 1
            assert connection.execute(text("PRAGMA busy_timeout")).scalar() == 30_000
    databases.close()


def test_a_refused_transaction_leaves_nothing(databases: Databases) -> None:
    with pytest.raises(exc.IntegrityError):
        insert_twice(databases)
    with reading(databases.control) as connection:
        assert connection.execute(select(counters)).all() == []


def insert_twice(databases: Databases) -> None:
    with writing(databases.control) as tx:
        tx.execute(insert(counters).values(name="a", value=1))
        tx.execute(insert(counters).values(name="a", value=2))


def test_a_reader_sees_one_snapshot_and_holds_nobody_up(databases: Databases) -> None:
    with reading(databases.control) as connection:
        assert connection.execute(select(counters)).all() == []
        assert next_id(databases.control, "a") == 1
        assert connection.execute(select(counters)).all() == []
    with reading(databases.control) as connection:
        assert connection.execute(select(counters)).all() == [("a", 1)]


def test_numbers_are_handed_out_once(databases: Databases) -> None:
    found: list[int] = []

    def take() -> None:
        for _ in range(10):
            found.append(next_id(databases.control, "batch"))  # noqa: PERF401

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == list(range(1, 41))
    assert next_id(databases.control, "other") == 1


def test_two_writers_wait_for_each_other_on_sqlite(home: Path) -> None:
    databases = open_databases(None, home)
    migrate(databases)
    other = sqlite3.connect(home / "tallymark.db", timeout=0)
    with writing(databases.control), pytest.raises(sqlite3.OperationalError, match="locked"):
        other.execute("BEGIN IMMEDIATE")
    other.close()
    databases.close()


def test_a_locked_file_is_a_database_that_is_gone_for_now(home: Path) -> None:
    databases = open_databases(None, home)
    migrate(databases)
    other = sqlite3.connect(home / "tallymark.db")
    other.execute("BEGIN IMMEDIATE")
    with databases.control.connect() as connection:
        connection.connection.dbapi_connection.execute("PRAGMA busy_timeout = 1")  # type: ignore[union-attr]
    with pytest.raises(exc.OperationalError) as caught, writing(databases.control):
        pass
    assert database_gone(caught.value)
    other.close()
    databases.close()


def test_a_wrong_question_is_no_lost_database(databases: Databases) -> None:
    with pytest.raises(exc.DBAPIError) as caught, writing(databases.control) as tx:
        tx.execute(text("SELECT * FROM nowhere"))
    assert not database_gone(caught.value)
    assert not database_gone(ValueError())
    assert not database_gone(None)


def test_a_lost_database_is_known_behind_another_error() -> None:
    behind = RuntimeError("the catalog could not commit")
    behind.__cause__ = psycopg.OperationalError("server closed the connection")
    assert database_gone(behind)


def test_a_stopped_server_and_an_ended_session_are_a_lost_database(
    postgres: PostgresServer, home: Path
) -> None:
    databases = open_databases(postgres.url("postgres"), home)
    ended = "SELECT pg_terminate_backend(pg_backend_pid())"
    with pytest.raises(exc.DBAPIError) as caught, writing(databases.control) as tx:
        tx.execute(text(ended))
    assert database_gone(caught.value)
    with writing(databases.control) as tx:
        tx.execute(text("SELECT 1"))
    databases.close()
    nobody = open_databases("postgresql://postgres@127.0.0.1:1/x", home)
    with pytest.raises(exc.DBAPIError) as caught, writing(nobody.control):
        pass
    assert database_gone(caught.value)


def test_an_idle_transaction_is_ended_by_the_server(postgres: PostgresServer, home: Path) -> None:
    databases = open_databases(postgres.url("postgres"), home)
    with writing(databases.control) as tx:
        limits = tx.execute(text("SHOW idle_in_transaction_session_timeout")).scalar()
        assert (limits, tx.execute(text("SHOW lock_timeout")).scalar()) == ("10s", "10s")
    with pytest.raises(exc.DBAPIError) as caught:
        stop_inside_a_transaction(databases)
    assert database_gone(caught.value)
    databases.close()


def stop_inside_a_transaction(databases: Databases) -> None:
    with writing(databases.control) as tx:
        tx.execute(text("SET LOCAL idle_in_transaction_session_timeout = 10"))
        threading.Event().wait(0.2)
        tx.execute(text("SELECT 1"))


def test_the_files_are_where_home_is(home: Path) -> None:
    databases = open_databases(None, home)
    databases.close()
    names = {path.name for path in home.iterdir() if stat.S_ISREG(path.stat().st_mode)}
    assert names == {"tallymark.db", "inbox.db", "cubes.db"}
