"""The suite in docs/calendar-suite is what PostgreSQL and Java say of the pinned zone data now."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from tests.oracle import oracles
from tests.oracle.cases import Case, chosen
from tests.oracle.suite import CASES, answered, header, lines, made, pinned_zones, question
from tests.oracle.zone_files import MARKER
from tests.postgres import PostgresServer

STALE = "make oracle: the file is not what the oracles say"


@pytest.fixture(autouse=True)
def _there() -> None:
    if why := oracles.missing():
        pytest.skip(why)


@pytest.fixture(scope="module")
def zones() -> Iterator[Path]:
    with pinned_zones() as folder:
        yield folder


@pytest.fixture(scope="module")
def cases(zones: Path) -> list[Case]:
    return chosen(zones)


@pytest.fixture(scope="module")
def committed() -> list[str]:
    return CASES.read_text(encoding="utf-8").splitlines()


def test_the_file_asks_all_that_is_chosen(cases: list[Case], committed: list[str]) -> None:
    assert committed[0] == header(len(cases)), STALE
    asked = []
    for line in committed[1:]:
        case = json.loads(line)
        del case["answer"]
        asked.append(case)
    assert asked == [question(case) for case in cases], STALE


def test_both_oracles_say_of_every_hundredth_case_what_the_file_says(
    zones: Path, cases: list[Case], committed: list[str]
) -> None:
    with oracles.postgres_on(zones) as connection:
        answers = answered(zones, connection, cases[::100])
    assert lines(cases[::100], answers) == committed[1::100], STALE


@pytest.mark.timeout(900)
@pytest.mark.soak
def test_the_committed_files_are_what_both_oracles_say() -> None:
    for path, text in made().items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name}: {STALE}"


def test_postgres_has_no_zone_data_but_the_pinned(zones: Path, postgres: PostgresServer) -> None:
    with oracles.postgres_on(zones) as connection:
        named = "SELECT name FROM pg_timezone_names WHERE name NOT LIKE 'posix%'"
        seen = {row[0] for row in connection.execute(named)}
    files = {str(file.relative_to(zones)) for file in zones.rglob("*") if file.is_file()}
    assert MARKER in files
    assert seen == files
    with psycopg.connect(postgres.url("postgres")) as other:
        with pytest.raises(psycopg.errors.InvalidParameterValue, match="invalid value"):
            other.execute(f"SET timezone = '{MARKER}'")
