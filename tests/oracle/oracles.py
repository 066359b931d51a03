"""The two oracles: PostgreSQL and java.time, each asked for all cases in one go.

Neither shares a line or a library with `tallymark.calendar`. Both read the pinned zone data.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path

import psycopg

from tests import postgres
from tests.oracle.cases import Case
from tests.oracle.zone_files import MARKER

HERE = Path(__file__).parent
FIELDS = ("zone", "at", "week_start", "fiscal_start", "question", "grain", "align", "n", "through",
          "cut_at")  # fmt: skip

Fields = list[str | None]


def missing() -> str:
    """Why the oracles cannot be asked here, or nothing."""
    if not postgres.installed():
        return postgres.MISSING
    for program in ("java", "zic", "unshare", "setpriv"):
        if shutil.which(program) is None:
            return f"the oracles need {program}"
    return "" if os.geteuid() == 0 else "only root can bind a folder over the system's zoneinfo"


def ask_java(zones: Path, cases: Sequence[Case]) -> list[Fields]:
    return _answers(_java(zones, "answer", map(_line, range(len(cases)), cases)))


def start_of_day_differs(zones: Path, names: Iterable[str]) -> dict[str, int]:
    """By zone the number of days that `atStartOfDay` begins elsewhere."""
    lines = (line.split("\t") for line in _java(zones, "differ", names))
    return {zone: int(found) for zone, found in lines}


def _java(zones: Path, word: str, lines: Iterable[str]) -> list[str]:
    command = ["java", "-Xshare:auto", HERE / "Oracle.java", zones, word]
    text = "".join(f"{line}\n" for line in lines)
    done = subprocess.run(command, input=text, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.splitlines()


@contextmanager
def postgres_on(zones: Path) -> Iterator[psycopg.Connection]:
    """A PostgreSQL that sees `zones` where the system's zone data is."""
    server = postgres.PostgresServer(zones)
    try:
        server.start()
        with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
            # fails where the server reads other data
            connection.execute(f"SET timezone = '{MARKER}'")
            connection.execute((HERE / "oracle.sql").read_text())
            yield connection
    finally:
        server.remove()


def ask_postgres(connection: psycopg.Connection, cases: Sequence[Case]) -> list[Fields]:
    connection.execute("TRUNCATE asked")
    with connection.cursor() as cursor:
        with cursor.copy(f"COPY asked (number, {', '.join(FIELDS)}) FROM STDIN") as copy:
            for number, case in enumerate(cases):
                copy.write_row([number, *(_field(case, name) for name in FIELDS)])
        lines: list[str] = []
        for zone, _ in groupby(sorted(case.zone for case in cases)):
            cursor.execute("SELECT set_config('timezone', %s, false)", [zone])
            cursor.execute(
                "SELECT number || E'\\t' || answer(asked) FROM asked WHERE zone = %s", [zone]
            )
            lines += [row[0] for row in cursor]
    return _answers(lines)


def date_trunc_differs(
    connection: psycopg.Connection, by_zone: Mapping[str, Sequence[int]]
) -> dict[str, tuple[int, int]]:
    """By zone the numbers of days and of hours that `date_trunc` begins elsewhere."""
    found = {}
    for zone, changed in by_zone.items():
        connection.execute("SELECT set_config('timezone', %s, false)", [zone])
        row = connection.execute(
            "SELECT count(DISTINCT start_at) FILTER (WHERE grain = 'day'),"
            " count(DISTINCT start_at) FILTER (WHERE grain = 'hour')"
            " FROM unnest(%s::bigint[]) AS at, date_trunc_differs(to_timestamp(at))",
            [list(changed)],
        ).fetchone()
        assert row is not None
        found[zone] = (int(row[0]), int(row[1]))
    return found


def _field(case: Case, name: str) -> object:
    value = getattr(case, name)
    return iso(value) if name in ("at", "cut_at") and value is not None else value


def iso(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _line(number: int, case: Case) -> str:
    fields = [getattr(case, name) for name in FIELDS]
    return "\t".join("-" if field is None else str(field) for field in [number, *fields])


def _answers(lines: Iterable[str]) -> list[Fields]:
    """By the number in each line's first field."""
    split = sorted((line.split("\t") for line in lines), key=lambda fields: int(fields[0]))
    return [[None if field == "-" else field for field in fields[1:]] for fields in split]
