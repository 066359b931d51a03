"""Whatever happens to a table, every reader finds the same rows in it."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from tallymark.errors import ConfigError
from tallymark.lake import views
from tallymark.lake.views import Reader, scan
from tallymark.state.database import reading
from tests.lake_changes import BASE, CHANGES, Rows, base, in_order
from tests.lakes import STREAM, TABLE, TestLake


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_readers_agree_after(
    lake: TestLake,
    reader: Reader,
    change: Callable[[TestLake], Rows],
) -> None:
    # the layout has nothing to do with the database: each has one of the two
    lake.partition = "day" if lake.engine.dialect.name == "sqlite" else "month"
    base(lake)
    expected = in_order(change(lake))
    assert in_order(lake.read()) == expected
    assert in_order(lake.read_by_duckdb(reader)) == expected


def test_a_table_without_any_commit_is_empty_for_all(lake: TestLake, reader: Reader) -> None:
    lake.lake.ensure(TABLE, STREAM)
    location = lake.table().metadata_location
    with reader.cursor() as duck:
        found = duck.execute(f"SELECT * FROM {scan(location)}").to_arrow_table()
    assert (found.num_rows, lake.read()) == (0, [])


def test_a_reader_opens_no_file_outside_its_lake(
    lake: TestLake, reader: Reader, tmp_path: Path
) -> None:
    base(lake)
    outside = tmp_path / "outside.csv"
    outside.write_text("a,b\n1,2\n")
    tried = [
        f"SELECT * FROM read_csv('{outside}')",
        f"SELECT * FROM read_csv('{lake.root}/../../outside.csv')",
        f"SELECT * FROM read_text('{outside}')",
        f"SELECT * FROM iceberg_scan('{outside}')",
        f"COPY (SELECT 1) TO '{tmp_path}/new.csv'",
        f"ATTACH '{tmp_path}/new.db'",
        "INSTALL httpfs",
        "SELECT * FROM read_csv('http://127.0.0.1:1/x.csv')",
    ]
    with reader.cursor() as duck:
        for sql in tried:
            with pytest.raises(duckdb.Error):
                duck.execute(sql).fetchall()
        for sql in ("SET enable_external_access = true", "SET threads = 1"):
            with pytest.raises(duckdb.InvalidInputException, match="locked"):
                duck.execute(sql)
    assert len(lake.read_by_duckdb(reader)) == 5


def test_after_the_two_of_the_wheels_no_extension_is_loaded(lake: TestLake, reader: Reader) -> None:
    lake.root.mkdir()
    other = lake.root / "other.duckdb_extension"
    other.write_bytes(b"anything")
    with reader.cursor() as duck:
        with pytest.raises(duckdb.PermissionException, match="extensions is disabled"):
            duck.execute(f"LOAD '{other}'")


def test_cursors_do_not_see_each_others_tables(reader: Reader) -> None:
    with reader.cursor() as one, reader.cursor() as other:
        one.register("calendar", pa.table({"slot": [1]}))
        assert one.execute("SELECT slot FROM calendar").fetchall() == [(1,)]
        with pytest.raises(duckdb.CatalogException):
            other.execute("SELECT slot FROM calendar")


def test_an_extension_without_a_wheel_says_what_to_install(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "EXTENSIONS", (f"x{uuid.uuid4().hex}",))
    with pytest.raises(ConfigError, match="install duckdb-extension-x"):
        Reader(home)


def test_a_pointer_is_of_one_commit(lake: TestLake) -> None:
    done = lake.put(1, BASE)
    with reading(lake.engine) as conn:
        found = views.pointer(conn, TABLE)
    table = lake.table()
    assert found is not None
    assert found.metadata_location == table.metadata_location
    assert found.table_uuid == str(table.metadata.table_uuid)
    assert (found.snapshot_id, found.seq) == (done.snapshot_id, done.seq)
