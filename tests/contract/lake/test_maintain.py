"""Upkeep changes no row, marks no hour, and removes no file that anybody can reach."""

from __future__ import annotations

import os
import threading
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from pyiceberg.table import Table
from sqlalchemy import Connection

from tallymark.clock import SystemClock
from tallymark.errors import ClaimLost
from tallymark.lake.catalog import CUT_TO_SNAPSHOTS, MOST_SNAPSHOTS
from tallymark.lake.maintain import Maintained, maintain
from tallymark.lake.sweep import reachable, sweep
from tallymark.lake.synced import path_of
from tallymark.state.database import Databases
from tests.clock import FakeClock
from tests.lakes import TABLE, TestLake, at, rows

LATER = at(24 * 40)


def mine(tx: Connection) -> None:
    """The claim is ours."""


def data_files(table: Table) -> list[str]:
    return sorted(task.file.file_path for task in table.scan().plan_files())


def aged(lake: TestLake, hours: float) -> None:
    """Let all files of the lake look so old."""
    then = (SystemClock().now() - timedelta(hours=hours)).timestamp()
    for path in lake.root.rglob("*"):
        os.utime(path, (then, then))


def test_compaction_leaves_the_rows_marks_nothing_and_moves_the_head(lake: TestLake) -> None:
    for n in range(1, 5):
        lake.put(n, [(at(n), "a", n), (at(n + 24), "a", n)])
    rows_before, marks = lake.read(), lake.marks()
    done = maintain(lake.lake, TABLE, LATER, mine)
    assert done == Maintained(n_compacted=8, n_expired=0, n_swept=0)
    assert len(data_files(lake.table())) == 2
    assert lake.read() == rows_before
    assert lake.marks() == marks
    snapshot = lake.table().current_snapshot()
    assert lake.head()[1:] == (snapshot.snapshot_id, snapshot.sequence_number)
    assert snapshot.summary["tallymark.kind"] == "compact"
    assert maintain(lake.lake, TABLE, LATER, mine) == Maintained(0, 0, 0)


def test_compacted_rows_stand_in_the_order_of_time_and_keep_their_batches(lake: TestLake) -> None:
    lake.put(1, [(at(5), "a", 5)])
    lake.put(2, [(at(1), "a", 1)])
    maintain(lake.lake, TABLE, LATER, mine)
    found = lake.table().scan().to_arrow()
    assert found["ts"].to_pylist() == [at(1), at(5)]
    assert found["_batch"].to_pylist() == [2, 1]
    lake.put(3, [(at(5), "a", 6)], replaces=(1,), span=(at(0), at(24)))
    assert lake.read() == [(at(1), "a", 1), (at(5), "a", 6)]


def test_an_open_partition_is_left_until_it_has_many_files(lake: TestLake) -> None:
    for n in range(1, 4):
        lake.put(n, [(at(n), "a", n)])
    assert maintain(lake.lake, TABLE, at(12), mine).n_compacted == 0
    for n in range(4, 21):
        lake.put(n, [(at(n % 12), "a", n)])
    assert maintain(lake.lake, TABLE, at(12), mine).n_compacted == 20
    assert len(data_files(lake.table())) == 1


def test_an_owner_that_lost_its_claim_compacts_nothing(lake: TestLake) -> None:
    lake.put(1, [(at(1), "a", 1)])
    lake.put(2, [(at(2), "a", 1)])
    before = lake.table().metadata_location

    def lost(tx: Connection) -> None:
        raise ClaimLost

    with pytest.raises(ClaimLost):
        maintain(lake.lake, TABLE, LATER, lost)
    assert lake.table().metadata_location == before


def test_rows_that_come_while_it_compacts_are_kept(
    lake: TestLake, databases: Databases, home: Path
) -> None:
    for n in range(1, 4):
        lake.put(n, [(at(n), "a", n)])
    late = [(at(10), "late", 1)]

    def somebody_appends(step: str) -> None:
        if step == "commit.files_written" and late:
            lake.put(9, [late.pop()])

    other = TestLake(databases, home, somebody_appends)
    maintain(other.lake, TABLE, LATER, mine)
    assert sorted(lake.read()) == [*((at(n), "a", n) for n in range(1, 4)), (at(10), "late", 1)]
    # the compaction landed beside it, and the next round took the new file too
    assert len(data_files(lake.table())) == 1


@pytest.mark.parametrize("span", [(at(0), at(24)), (at(2), at(3))], ids=["all", "a part"])
@pytest.mark.parametrize("left", [0, 1])
def test_a_restatement_that_meets_a_compaction_replaces_each_row_once(
    lake: TestLake, databases: Databases, home: Path, span: tuple[datetime, datetime], left: int
) -> None:
    lake.put(1, [(at(1), "a", 1), (at(2), "a", 2)], span=(at(0), at(24)))
    lake.put(2, [(at(2), "b", 2)])
    acts = [lambda: maintain(lake.lake, TABLE, LATER, mine)]

    def meanwhile(step: str) -> None:
        if step == "commit.files_written" and acts:
            assert acts.pop()().n_compacted == 2

    new = [(at(2), "a", 9)][:left]
    TestLake(databases, home, meanwhile).put(3, new, replaces=(1,), span=span)
    stay = [] if span == (at(0), at(24)) else [(at(1), "a", 1)]
    assert lake.read() == sorted([*stay, *new, (at(2), "b", 2)])


def test_a_compaction_that_meets_a_restatement_starts_again(
    lake: TestLake, databases: Databases, home: Path
) -> None:
    lake.put(1, [(at(1), "a", 1), (at(2), "a", 2)], span=(at(0), at(24)))
    lake.put(2, [(at(2), "b", 2)])
    acts = [lambda: lake.put(3, [(at(2), "a", 9)], replaces=(1,), span=(at(2), at(3)))]

    def meanwhile(step: str) -> None:
        if step == "commit.files_written" and acts:
            acts.pop()()

    maintain(TestLake(databases, home, meanwhile).lake, TABLE, LATER, mine)
    assert lake.read() == [(at(1), "a", 1), (at(2), "a", 9), (at(2), "b", 2)]
    assert len(data_files(lake.table())) == 1


def test_snapshots_that_others_left_are_cut(lake: TestLake) -> None:
    lake.put(1, [(at(1), "a", 1)])
    for n in range(MOST_SNAPSHOTS + 3):
        lake.table().append(rows([(at(30 + n), "spark", 1)], 99))
    before, n_before = lake.read(), len(lake.table().metadata.snapshots)
    assert n_before > MOST_SNAPSHOTS
    done = maintain(lake.lake, TABLE, at(0), mine)
    assert done.n_expired == n_before - CUT_TO_SNAPSHOTS
    assert len(lake.table().metadata.snapshots) == CUT_TO_SNAPSHOTS
    assert lake.read() == before


def test_the_sweep_takes_old_orphans_and_leaves_every_live_file(lake: TestLake) -> None:
    for n in range(1, 31):
        lake.put(n, [(at(n % 5), "a", n)], replaces=(n - 1,) if n > 1 else ())
    maintain(lake.lake, TABLE, LATER, mine)
    orphan = lake.root / "github" / "repositories" / "data" / "orphan.parquet"
    orphan.write_bytes(b"left by a refused commit")
    aged(lake, 73)
    young = orphan.with_name("young.parquet")
    young.write_bytes(b"of a commit that is under way")
    before = lake.read()
    n_files = sum(path.is_file() for path in lake.root.rglob("*"))

    done = maintain(lake.lake, TABLE, LATER, mine)
    assert done.n_swept > 10
    left = {str(path) for path in lake.root.rglob("*") if path.is_file()}
    assert len(left) == n_files - done.n_swept
    assert left == reachable(lake.table()) | {str(young)}
    assert lake.read() == before
    for snapshot in lake.table().metadata.snapshots:
        lake.table().scan(snapshot_id=snapshot.snapshot_id).to_arrow()


def test_files_are_aged_by_the_real_clock_whatever_now_says(lake: TestLake) -> None:
    lake.put(1, [(at(1), "a", 1)])
    orphan = lake.root / "github" / "repositories" / "data" / "orphan.parquet"
    orphan.write_bytes(b"")
    far = datetime.fromisoformat("2040-01-01T00:00:00+00:00")
    assert maintain(lake.lake, TABLE, far, mine).n_swept == 0
    # a clock that was set forward by a day says nothing of a file's age
    for hours, n_swept in ((25, 0), (73, 1)):
        later = FakeClock(SystemClock().now() + timedelta(hours=hours))
        assert maintain(lake.lake, TABLE, far, mine, files_clock=later).n_swept == n_swept


def test_live_files_are_known_however_their_address_is_written(lake: TestLake) -> None:
    lake.put(1, [(at(1), "a", 1)])
    aged(lake, 96)
    table = lake.table()
    # as Spark writes it
    table.metadata_location = table.metadata_location.replace("file:///", "file:/")
    assert path_of(table.metadata_location) == path_of(lake.table().metadata_location)
    removed = sweep(lambda: table, SystemClock().now())
    assert [Path(path).name[:5] for path in removed] == []
    assert lake.read() == [(at(1), "a", 1)]


def test_a_commit_between_listing_and_removing_loses_nothing(lake: TestLake) -> None:
    lake.put(1, [(at(1), "a", 1)])
    loads: list[int] = []

    def load() -> Table:
        loads.append(1)
        if len(loads) == 2:
            lake.put(2, [(at(2), "a", 2)])
            aged(lake, 96)
        return lake.table()

    aged(lake, 96)
    sweep(load, SystemClock().now())
    assert lake.read() == [(at(1), "a", 1), (at(2), "a", 2)]


def test_upkeep_beside_writers_loses_nothing(
    lake: TestLake, databases: Databases, home: Path
) -> None:
    other = TestLake(databases, home)
    lake.put(0, [(at(0), "a", 0)])

    def write() -> None:
        for n in range(1, 16):
            lake.put(n, [(at(n % 24), "a", n)])

    writer = threading.Thread(target=write)
    writer.start()
    while writer.is_alive():
        maintain(other.lake, TABLE, LATER, mine)
    writer.join()
    maintain(other.lake, TABLE, LATER, mine)
    assert sorted(row[2] for row in lake.read()) == list(range(16))
    assert len(data_files(lake.table())) == 1
