"""A batch is in the ledger and in the table, or in neither; and it marks what it touched."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import Connection, insert, select

from tallymark.errors import ConfigError, FatalError
from tallymark.lake.catalog import CUT_TO_SNAPSHOTS, MOST_SNAPSHOTS, moved, open_catalog
from tallymark.lake.commit import Committed, Write
from tallymark.lake.views import pointer
from tallymark.model import Field
from tallymark.state.database import reading
from tallymark.state.schema import counters
from tests.lakes import STREAM, TABLE, TestLake, at, hour, rows

SPAN = (at(0), at(24))


def in_ledger(name: str):  # type: ignore[no-untyped-def]
    def finish(tx: Connection, committed: Committed) -> None:
        tx.execute(insert(counters).values(name=name, value=committed.rows))

    return finish


def ledger(lake: TestLake) -> dict[str, int]:
    with reading(lake.engine) as conn:
        return {row.name: row.value for row in conn.execute(select(counters))}


def test_the_first_batch_makes_the_table(lake: TestLake) -> None:
    done = lake.put(1, [(at(1), "a", 10)], finish=in_ledger("one"))
    assert lake.read() == [(at(1), "a", 10)]
    assert ledger(lake) == {"one": 1}
    table = lake.table()
    assert done == Committed(True, 1, table.current_snapshot().snapshot_id, 1)
    assert lake.head() == (str(table.metadata.table_uuid), done.snapshot_id, 1)
    assert table.properties["write.delete.mode"] == "copy-on-write"
    assert [field.name for field in table.spec().fields] == ["ts_day"]
    assert {f.name: f.field_id for f in table.schema().fields}["ts"] == 1


def test_a_finish_that_raises_leaves_neither_rows_nor_ledger(lake: TestLake) -> None:
    lake.put(1, [(at(1), "a", 10)])
    before = lake.head(), lake.marks()

    def finish(tx: Connection, committed: Committed) -> None:
        in_ledger("two")(tx, committed)
        raise FatalError("no")

    with pytest.raises(FatalError):
        lake.put(2, [(at(5), "a", 11)], finish=finish)
    assert lake.read() == [(at(1), "a", 10)]
    assert ledger(lake) == {}
    assert (lake.head(), lake.marks()) == before
    # readers without a catalog look for the newest metadata in the folder
    newest = max(path.name for path in lake.root.rglob("*.metadata.json"))
    assert lake.table().metadata_location.endswith(newest)


def test_a_batch_without_rows_writes_only_the_ledger(lake: TestLake) -> None:
    done = lake.put(1, [], finish=in_ledger("none"))
    assert done == Committed(False, 0)
    assert ledger(lake) == {"none": 0}
    with reading(lake.engine) as conn:
        assert pointer(conn, TABLE) is None


def test_marks_are_the_hours_of_new_and_of_replaced_rows(lake: TestLake) -> None:
    lake.put(1, [(at(1), "a", 10), (at(1.5), "b", 1), (at(3), "a", 11)], span=SPAN)
    assert lake.marks() == {hour(at(1)): 1, hour(at(3)): 1}
    done = lake.put(2, [(at(7), "a", 12)], replaces=(1,), span=(at(2), at(24)))
    assert done.seq is not None
    assert lake.marks() == {hour(at(1)): 1, hour(at(3)): done.seq, hour(at(7)): done.seq}


def test_a_restatement_replaces_its_own_rows_inside_its_span_only(lake: TestLake) -> None:
    lake.put(1, [(at(1), "a", 10), (at(5), "a", 11)], span=SPAN)
    lake.put(2, [(at(5), "b", 1)], span=SPAN)
    lake.put(3, [(at(5), "a", 9)], replaces=(1,), span=(at(4), at(6)))
    assert lake.read() == [(at(1), "a", 10), (at(5), "a", 9), (at(5), "b", 1)]


def test_a_replay_replaces_its_batches_wherever_their_rows_lie(lake: TestLake) -> None:
    lake.put(1, [(at(1), "a", 10), (at(30), "a", 11)])
    lake.put(2, [(at(1), "b", 1)])
    lake.put(1, [(at(2), "a", 10)], replaces=(1,))
    assert lake.read() == [(at(1), "b", 1), (at(2), "a", 10)]


def test_a_restatement_to_none_leaves_a_table_that_can_be_read(lake: TestLake) -> None:
    lake.put(1, [(at(1), "a", 10), (at(5), "a", 11)], span=SPAN)
    done = lake.put(2, [], replaces=(1,), span=SPAN, finish=in_ledger("two"))
    assert (done.changed, done.rows) == (True, 0)
    assert lake.read() == []
    assert ledger(lake) == {"two": 0}
    assert set(lake.marks().values()) == {done.seq}


def test_an_unchanged_restatement_commits_nothing_to_the_table(lake: TestLake) -> None:
    readings = [(at(1), "a", 10), (at(5), "a", None)]
    lake.put(1, readings, span=SPAN)
    before = lake.table().metadata_location, lake.head(), lake.marks()
    done = lake.put(2, readings[::-1], replaces=(1,), span=SPAN, finish=in_ledger("two"))
    assert done == Committed(False, 2)
    assert ledger(lake) == {"two": 2}
    assert (lake.table().metadata_location, lake.head(), lake.marks()) == before


def test_a_restatement_reads_no_file_outside_its_span(
    lake: TestLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    for day in range(5):
        lake.put(day + 1, [(at(24 * day - 96), "a", day)])
    data = {str(path) for path in lake.root.rglob("*.parquet")}
    for path in data:
        if "2026-03-01" not in path:
            # whoever opened it would find no Parquet
            Path(path).write_bytes(b"")
    assert len([path for path in data if "2026-03-01" in path]) == 1
    lake.put(6, [(at(0), "a", 99)], replaces=(1, 2, 3, 4, 5), span=SPAN)


def test_a_new_column_comes_with_the_batch_that_has_it(lake: TestLake) -> None:
    lake.put(1, [(at(1), "a", 10)])
    n_before = len(lake.table().metadata.metadata_log)
    wider = replace(STREAM, fields=(*STREAM.fields, Field("forks", "double")))
    lake.put(2, [(at(2), "a", 11, 0.5)], stream=wider)
    assert len(lake.table().metadata.metadata_log) == n_before + 1
    by_name = {(r["ts"], r["forks"]) for r in lake.table().scan().to_arrow().to_pylist()}
    assert by_name == {(at(1), None), (at(2), 0.5)}


def test_a_stream_that_lost_a_column_still_commits(lake: TestLake) -> None:
    wider = replace(STREAM, fields=(*STREAM.fields, Field("forks", "long")))
    lake.put(1, [(at(1), "a", 10, 3)], stream=wider)
    lake.put(2, [(at(2), "a", 11)])
    assert len(lake.read()) == 2


def test_a_table_can_take_on_columns_before_there_are_rows(lake: TestLake) -> None:
    lake.lake.ensure(TABLE, STREAM)
    lake.lake.ensure(TABLE, STREAM)
    assert lake.read() == []
    with reading(lake.engine) as conn:
        assert pointer(conn, TABLE) is None
    lake.put(1, [(at(1), "a", 10)])
    before = lake.head(), lake.marks()
    lake.lake.ensure(TABLE, replace(STREAM, fields=(*STREAM.fields, Field("forks", "long"))))
    assert "forks" in lake.table().schema().column_names
    assert (lake.head(), lake.marks()) == before


def test_a_type_that_no_reader_could_follow_is_refused(lake: TestLake) -> None:
    lake.put(1, [(at(1), "a", 10)])
    other = replace(STREAM, fields=(Field("repo", "text"), Field("stars", "text")))
    with pytest.raises(FatalError, match="give the new field a name of its own"):
        lake.put(2, [(at(2), "a", "ten")], stream=other, finish=in_ledger("two"))
    assert ledger(lake) == {}


def test_at_most_twenty_snapshots_are_kept(lake: TestLake) -> None:
    kept = []
    for n in range(1, 31):
        lake.put(n, [(at(n % 24), "a", n)], replaces=(n - 1,) if n % 3 == 0 else ())
        kept.append(len(lake.table().metadata.snapshots))
    assert max(kept) <= MOST_SNAPSHOTS
    assert min(kept[20:]) >= CUT_TO_SNAPSHOTS
    assert len(lake.read()) == 20


def test_manifests_are_merged(lake: TestLake) -> None:
    for n in range(1, 45):
        lake.put(n, [(at(n), "a", n)])
    table = lake.table()
    assert len(table.current_snapshot().manifests(table.io)) <= 21


def test_a_table_made_anew_forgets_the_old_ones_marks(lake: TestLake) -> None:
    lake.put(1, [(at(1), "a", 10)])
    lake.put(2, [(at(2), "a", 10)])
    lake.lake.catalog.drop_table(TABLE)
    lake.put(3, [(at(5), "a", 10)])
    assert lake.read() == [(at(5), "a", 10)]
    assert lake.marks() == {hour(at(5)): 1}
    assert lake.head()[0] == str(lake.table().metadata.table_uuid)


def test_a_name_that_could_be_no_folder_is_refused(lake: TestLake) -> None:
    for name in ("github", "a.b.c", "../x.y", "git hub.x", ".x"):
        write = Write(table=name, stream=STREAM, rows=rows([(at(1), "a", 1)], 1), batch_id=1)
        with pytest.raises(ConfigError):
            lake.lake.commit(write, in_ledger("no"))


def test_a_moved_lake_is_named(lake: TestLake) -> None:
    lake.put(1, [(at(1), "a", 10)])
    with reading(lake.engine) as conn:
        assert moved(conn, lake.root) == []
        assert moved(conn, lake.root.parent / "lak") == [TABLE]


@pytest.mark.parametrize("name", ["a#b", "a?b", "100%", "a*b", "[a]"])
def test_a_folder_that_is_no_files_address_is_refused(
    lake: TestLake, home: Path, name: str
) -> None:
    with pytest.raises(ConfigError, match="choose another"):
        open_catalog(lake.engine, home / name)
