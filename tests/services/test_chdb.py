"""chDB, somebody else's engine, reads the lake as it lies: the same rows as our own readers."""

from __future__ import annotations

import csv
import io
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tallymark.state.database import migrate, open_databases
from tests.lake_changes import CHANGES, Rows, base, in_order
from tests.lakes import TestLake

REPOSITORY = Path(__file__).parents[2]
ASK = """
import json, os, sys, chdb
found = []
for folder, sql in json.load(sys.stdin):
    # it reads no file outside the folder in which it runs
    os.chdir(folder)
    found.append(str(chdb.query(sql, "CSV")))
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def chdb() -> Path:
    """A Python that has chDB: too large to be among what all tests need."""
    place = REPOSITORY / "bench" / "work" / "chdb"
    python, uv = place / "bin" / "python", Path(sys.prefix) / "bin" / "uv"
    lines = (REPOSITORY / "requirements-bench.lock").read_text().splitlines(keepends=True)
    wanted, taken = "", False
    for line in lines:
        taken = line.startswith(("chdb==", "chdb-core==")) or (taken and line.startswith(" "))
        wanted += line if taken else ""
    if not python.exists():
        subprocess.run([uv, "venv", "-q", "--python", sys.executable, place], check=True)
    lock = place / "chdb.lock"
    lock.write_text(wanted)
    install = [uv, "pip", "install", "-q", "--no-deps", "--require-hashes", "--python", python]
    done = subprocess.run([*install, "-r", lock], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"chdb cannot be installed here: {done.stderr.strip()[-200:]}")
    return python


def test_chdb_reads_the_same_rows_after_every_change(chdb: Path, tmp_path: Path) -> None:
    questions: list[tuple[str, str]] = []
    expected: dict[str, Rows] = {}
    for change in CHANGES:
        home = tmp_path / change.__name__
        home.mkdir()
        databases = open_databases(None, home)
        migrate(databases)
        lake = TestLake(databases, home)
        base(lake)
        expected[change.__name__] = in_order(change(lake))
        table = lake.table()
        own = [f.name for f in table.schema().fields if f.name != "ts" and f.name[0] != "_"]
        columns = ", ".join(["toUnixTimestamp64Micro(ts)", *own])
        folder = Path(table.location().removeprefix("file://"))
        sql = f"SELECT {columns} FROM icebergLocal('{folder.name}/')"
        questions.append((str(folder.parent), sql))
        databases.close()
    asked = subprocess.run(
        [chdb, "-c", ASK],
        input=json.dumps(questions),
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    answers = json.loads(asked.stdout)
    found = {change.__name__: rows_of(text) for change, text in zip(CHANGES, answers, strict=True)}
    assert found == expected


def rows_of(text: str) -> Rows:
    return in_order(
        [
            tuple(None if value == r"\N" else _number(value) for value in row)
            for row in csv.reader(io.StringIO(text))
            if row
        ]
    )


def _number(value: str) -> int | str:
    return int(value) if value.lstrip("-").isdigit() else value
