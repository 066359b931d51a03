"""What all tests share: databases, a home folder, a clock that can be set, other real servers."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tallymark.state.database import Databases, migrate, open_databases
from tests.clock import FakeClock
from tests.postgres import MISSING, PostgresServer, installed
from tests.servers.azurite import azurite
from tests.servers.druid import druid
from tests.servers.kafka import kafka
from tests.servers.s3 import s3

__all__ = ["azurite", "druid", "kafka", "s3"]

BOTH = [pytest.param("sqlite", id="sqlite"), pytest.param("postgresql", id="postgresql")]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whoever comes first waits for the start of a server, and perhaps for its first fetch."""
    for item in items:
        slow = {"druid", "kafka", "s3", "azurite"} & set(getattr(item, "fixturenames", ()))
        if slow and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(600))


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """The session's server; tests that stop a server start one of their own."""
    if not installed():
        pytest.skip(MISSING)
    server = PostgresServer()
    try:
        server.start()
        yield server
    finally:
        server.remove()


@pytest.fixture(scope="session")
def postgres_template(postgres: PostgresServer, tmp_path_factory: pytest.TempPathFactory) -> str:
    name = postgres.create()
    databases = open_databases(postgres.url(name), tmp_path_factory.mktemp("template"))
    migrate(databases)
    databases.close()
    return name


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("template")
    databases = open_databases(None, folder)
    migrate(databases)
    databases.close()
    return folder


@pytest.fixture(params=BOTH)
def database_url(request: pytest.FixtureRequest, home: Path) -> Iterator[str | None]:
    """A migrated database, empty: None (SQLite files in `home`), or an address of PostgreSQL."""
    if request.param == "sqlite":
        template: Path = request.getfixturevalue("sqlite_template")
        for file in template.glob("*.db"):
            shutil.copy(file, home / file.name)
        yield None
        return
    server: PostgresServer = request.getfixturevalue("postgres")
    name = server.create(request.getfixturevalue("postgres_template"))
    yield server.url(name)
    server.drop(name)


@pytest.fixture
def databases(database_url: str | None, home: Path) -> Iterator[Databases]:
    opened = open_databases(database_url, home)
    yield opened
    opened.close()
