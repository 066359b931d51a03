"""Whatever happens to a table, every reader finds the same rows in it."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from pyiceberg.types import IntegerType, LongType

from tallymark.errors import ConfigError
from tallymark.lake import views
from tallymark.lake.maintain import maintain
from tallymark.lake.views import Reader, scan
from tallymark.model import Field
from tallymark.state.database import reading
from tests.lakes import STREAM, TABLE, TestLake, at, in_order

SPAN = (at(0), at(24))
BASE = [(at(1), "a", 10), (at(5), "a", 11), (at(5), "b", None), (at(30), "a", 12)]


def base(lake: TestLake) -> None:
    lake.put(1, BASE, span=(at(0), at(48)))
    lake.put(2, [(at(2), "c", 7)])


def appended(lake: TestLake) -> list[tuple[object, ...]]:
    lake.put(3, [(at(6), "a", 13)])
    return [*BASE, (at(2), "c", 7), (at(6), "a", 13)]


def fewer(lake: TestLake) -> list[tuple[object, ...]]:
    lake.put(3, [(at(5), "a", 9)], replaces=(1,), span=SPAN)
    return [(at(5), "a", 9), (at(30), "a", 12), (at(2), "c", 7)]


def none(lake: TestLake) -> list[tuple[object, ...]]:
    lake.put(3, [], replaces=(1, 2), span=(at(0), at(48)))
    return []


def column_added(lake: TestLake) -> list[tuple[object, ...]]:
    wider = replace(STREAM, fields=(*STREAM.fields, Field("forks", "long")))
    lake.put(3, [(at(6), "a", 13, 2)], stream=wider)
    return [*((*row, None) for row in [*BASE, (at(2), "c", 7)]), (at(6), "a", 13, 2)]


def renamed(lake: TestLake) -> list[tuple[object, ...]]:
    with lake.table().update_schema() as change:
        change.rename_column("stars", "stargazers")
    other = replace(STREAM, fields=(Field("repo", "text"), Field("stargazers", "long")))
    lake.put(3, [(at(6), "a", 13)], stream=other)
    return [*BASE, (at(2), "c", 7), (at(6), "a", 13)]


def compacted(lake: TestLake) -> list[tuple[object, ...]]:
    lake.put(3, [(at(6), "a", 13)])
    done = maintain(lake.lake, TABLE, at(24 * 40), lambda tx: None)
    assert done.n_compacted > 0
    return [*BASE, (at(2), "c", 7), (at(6), "a", 13)]


def expired(lake: TestLake) -> list[tuple[object, ...]]:
    for n in range(25):
        lake.put(10 + n, [(at(6), "x", n)], replaces=(9 + n,) if n else ())
    assert len(lake.table().metadata.snapshots) < 25
    return [*BASE, (at(2), "c", 7), (at(6), "x", 24)]


CHANGES = [appended, fewer, none, column_added, renamed, compacted, expired]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
@pytest.mark.parametrize("unit", ["day", "month"])
def test_readers_agree_after(
    lake: TestLake,
    reader: Reader,
    change: Callable[[TestLake], list[tuple[object, ...]]],
    unit: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if unit == "month":
        monkeypatch.setattr("tests.lakes.STREAM", replace(STREAM, partition="month"))
    base(lake)
    expected = sorted(change(lake), key=repr_of)
    assert sorted(lake.read(), key=repr_of) == expected
    assert sorted(lake.read_by_duckdb(reader), key=repr_of) == expected


def repr_of(row: tuple[object, ...]) -> str:
    return repr([v.timestamp() if isinstance(v, datetime) else v for v in row])


def test_readers_agree_after_a_column_was_widened(lake: TestLake, reader: Reader) -> None:
    # a table as another writer may have made it: a 32-bit column
    narrow = pa.schema([("ts", pa.timestamp("us", tz="UTC")), ("repo", pa.string())])
    narrow = narrow.append(pa.field("stars", pa.int32()))
    for name, kind in (("_batch", pa.int64()), ("_page", pa.int64())):
        narrow = narrow.append(pa.field(name, kind))
    narrow = narrow.append(pa.field("_ingested_at", pa.timestamp("us", tz="UTC")))
    catalog = lake.lake.catalog
    catalog.create_namespace("github")
    location = f"{catalog.properties['warehouse']}/github/repositories"
    table = catalog.create_table(TABLE, schema=narrow, location=location)
    old = [at(1)], ["a"], [7], [1], [0], [at(2)]
    table.append(pa.table(dict(zip(narrow.names, old, strict=True)), schema=narrow))
    assert table.schema().find_field("stars").field_type == IntegerType()

    lake.put(2, [(at(2), "a", 2**40)])
    assert lake.table().schema().find_field("stars").field_type == LongType()
    expected = [(at(1), "a", 7), (at(2), "a", 2**40)]
    assert lake.read() == expected
    assert lake.read_by_duckdb(reader) == expected
    # and rows of before are replaced like any other
    lake.put(3, [(at(1), "a", 7)], replaces=(1,), span=(at(0), at(2)))
    assert lake.read() == expected


def test_a_table_without_any_commit_is_empty_for_all(lake: TestLake, reader: Reader) -> None:
    lake.lake.ensure(TABLE, STREAM)
    location = lake.table().metadata_location
    with reader.cursor() as duck:
        found = duck.execute(f"SELECT * FROM {scan(location)}").to_arrow_table()
    assert in_order(found) == lake.read() == []


def test_chdb_reads_the_lake_as_it_lies(lake: TestLake, tmp_path: Path) -> None:
    chdb = pytest.importorskip("chdb", reason="chdb is for the bench, and not installed here")
    base(lake)
    lake.put(3, [(at(5), "a", 9)], replaces=(1,), span=SPAN)
    folder = lake.root / "github" / "repositories"
    sql = f"SELECT toUnixTimestamp(ts), repo, stars FROM icebergLocal('{folder}/')"
    found = chdb.query(sql, "JSONCompactEachRow").bytes().decode().splitlines()
    assert len(found) == 3


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
