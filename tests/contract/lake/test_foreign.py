"""Somebody else's commit writes no marks: it stays visible until someone has marked it."""

from __future__ import annotations

from tallymark.lake.maintain import maintain
from tallymark.lake.views import is_foreign, pointer
from tallymark.state.database import reading
from tests.lakes import STREAM, TABLE, TestLake, at, hour, rows


def foreign(lake: TestLake) -> bool:
    with reading(lake.engine) as conn:
        found = pointer(conn, TABLE)
    assert found is not None
    return is_foreign(found)


def test_our_own_commits_are_not_foreign(lake: TestLake) -> None:
    lake.put(1, [(at(1), "a", 1)])
    lake.put(2, [(at(2), "a", 1)])
    lake.put(3, [], replaces=(1, 2))
    lake.put(4, [(at(2), "a", 1)])
    lake.put(5, [(at(2), "a", 1)])
    maintain(lake.lake, TABLE, at(100), lambda tx: None)
    assert not foreign(lake)


def test_a_foreign_commit_is_seen_and_our_next_ones_do_not_hide_it(lake: TestLake) -> None:
    lake.put(1, [(at(1), "a", 1)])
    lake.table().append(rows([(at(9), "spark", 1)], 99))
    assert foreign(lake)
    done = lake.put(2, [(at(2), "a", 1)])
    assert foreign(lake)
    maintain(lake.lake, TABLE, at(100), lambda tx: None)
    assert foreign(lake)
    # collecting goes on meanwhile, and marks what it touches
    assert lake.marks()[hour(at(2))] == done.seq
    assert len(lake.read()) == 3


def test_a_table_with_rows_but_no_head_is_foreign(lake: TestLake) -> None:
    lake.lake.ensure(TABLE, STREAM)
    lake.table().append(rows([(at(9), "spark", 1)], 99))
    lake.put(1, [(at(1), "a", 1)])
    assert foreign(lake)
