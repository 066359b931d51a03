from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pytest

from tallymark.lake import replaced
from tests.lakes import STREAM, Reading, at, rows

KEYLESS = replace(STREAM, key=())


def own(table: pa.Table) -> pa.Table:
    return table.select(replaced.own(table.schema).names)


def test_rows_are_the_same_in_any_order_and_of_any_batch() -> None:
    one = rows([(at(1), "a", 1), (at(2), "a", 2), (at(1), "b", None)], 1)
    other = rows([(at(1), "b", None), (at(2), "a", 2), (at(1), "a", 1)], 2)
    assert replaced.difference(own(one), other).nothing


@pytest.mark.parametrize(
    "other",
    [
        [(at(1), "a", 1), (at(1), "a", 1), (at(2), "a", 3)],
        [(at(1), "a", 1), (at(1), "a", 1), (at(2), "a", None)],
        [(at(1), "a", 1), (at(2), "a", 2), (at(2), "a", 2)],
        [(at(1), "a", 1), (at(2), "a", 2)],
        [],
    ],
)
def test_rows_differ_by_a_value_a_null_or_their_number(other: list[Reading]) -> None:
    one = rows([(at(1), "a", 1), (at(1), "a", 1), (at(2), "a", 2)], 1, KEYLESS)
    assert not replaced.difference(own(one), rows(other, 2, KEYLESS)).nothing


def test_only_what_differs_is_gone_or_added() -> None:
    old = rows([(at(1), "a", 1), (at(2), "a", 2), (at(3), "a", None)], 1)
    new = rows([(at(3), "a", None), (at(2), "a", 5), (at(1), "a", 1), (at(4), "a", 4)], 2)
    found = replaced.difference(own(old), new)
    assert found.gone.to_pylist() == own(rows([(at(2), "a", 2)], 1)).to_pylist()
    assert found.added.to_pylist() == new.take([1, 3]).to_pylist()
