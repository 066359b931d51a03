"""What can happen to a table, each with the rows that every reader must find afterwards."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

import pyarrow as pa
from pyiceberg.types import IntegerType, LongType

from tallymark.lake import decode
from tallymark.lake.maintain import maintain
from tallymark.model import Field
from tests.lakes import STREAM, TABLE, TestLake, at

Rows = list[tuple[Any, ...]]

SPAN = (at(0), at(24))
BASE = [(at(1), "a", 10), (at(5), "a", 11), (at(5), "b", None), (at(30), "a", 12)]


def base(lake: TestLake) -> None:
    lake.put(1, BASE, span=(at(0), at(48)))
    lake.put(2, [(at(2), "c", 7)])


def appended(lake: TestLake) -> Rows:
    lake.put(3, [(at(6), "a", 13)])
    return [*BASE, (at(2), "c", 7), (at(6), "a", 13)]


def fewer(lake: TestLake) -> Rows:
    lake.put(3, [(at(5), "a", 9)], replaces=(1,), span=SPAN)
    return [(at(5), "a", 9), (at(30), "a", 12), (at(2), "c", 7)]


def none(lake: TestLake) -> Rows:
    lake.put(3, [], replaces=(1, 2), span=(at(0), at(48)))
    return []


def column_added(lake: TestLake) -> Rows:
    wider = replace(STREAM, fields=(*STREAM.fields, Field("forks", "long")))
    lake.put(3, [(at(6), "a", 13, 2)], stream=wider)
    return [*((*row, None) for row in [*BASE, (at(2), "c", 7)]), (at(6), "a", 13, 2)]


def renamed(lake: TestLake) -> Rows:
    with lake.table().update_schema() as change:
        change.rename_column("stars", "stargazers")
    other = replace(STREAM, fields=(Field("repo", "text"), Field("stargazers", "long")))
    lake.put(3, [(at(6), "a", 13)], stream=other)
    return [*BASE, (at(2), "c", 7), (at(6), "a", 13)]


def compacted(lake: TestLake) -> Rows:
    lake.put(3, [(at(6), "a", 13)])
    done = maintain(lake.lake, TABLE, at(24 * 40), lambda tx: None)
    assert done.n_compacted > 0
    return [*BASE, (at(2), "c", 7), (at(6), "a", 13)]


def expired(lake: TestLake) -> Rows:
    for n in range(25):
        lake.put(10 + n, [(at(6), "x", n)], replaces=(9 + n,) if n else ())
    assert len(lake.table().metadata.snapshots) < 25
    return [*BASE, (at(2), "c", 7), (at(6), "x", 24)]


def widened(lake: TestLake) -> Rows:
    """A table as another writer may have made it, with a 32-bit column, and our batch on it."""
    kinds = {field.name: field.type for field in decode.schema(STREAM)} | {"stars": pa.int32()}
    narrow = pa.schema(list(kinds.items()))
    catalog = lake.lake.catalog
    catalog.drop_table(TABLE)
    location = f"{catalog.properties['warehouse']}/github/narrow"
    table = catalog.create_table(TABLE, schema=narrow, location=location)
    old = [at(1)], ["a"], [7], [1], [0], [at(2)]
    table.append(pa.table(dict(zip(narrow.names, old, strict=True)), schema=narrow))
    assert table.schema().find_field("stars").field_type == IntegerType()
    lake.put(2, [(at(2), "a", 2**40)])
    assert lake.table().schema().find_field("stars").field_type == LongType()
    # rows of before are compared and replaced like any other
    assert not lake.put(3, [(at(1), "a", 7)], replaces=(1,), span=(at(0), at(2))).changed
    return [(at(1), "a", 7), (at(2), "a", 2**40)]


CHANGES: list[Callable[[TestLake], Rows]] = [
    appended,
    fewer,
    none,
    column_added,
    renamed,
    widened,
    compacted,
    expired,
]


def in_order(rows: Rows) -> Rows:
    """With instants as microseconds, nulls first."""
    plain = [tuple(_plain(value) for value in row) for row in rows]
    return sorted(plain, key=lambda row: [(value is not None, value) for value in row])


def _plain(value: Any) -> Any:
    return int(value.timestamp() * 1_000_000) if isinstance(value, datetime) else value
