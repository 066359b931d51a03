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
    assert replaced.same(own(one), other)


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
    assert not replaced.same(own(one), rows(other, 2, KEYLESS))
