from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from tallymark.engines import Columns
from tallymark.reports.formats import Sink, discover

NAMES, NUMBERS, GAPS = ["a", "b,", "c"], [1, 2**60, 3], [0.5, None, 2.0]


@dataclass
class Bytes:
    """A sink in memory."""

    data: bytearray = field(default_factory=bytearray)

    def write(self, data: bytes) -> None:
        self.data += data

    def scratch(self) -> Sink:
        raise AssertionError("only Parquet needs one")

    read = scratch  # type: ignore[assignment]


def test_rows_by_columns_are_rows() -> None:
    rows = Columns(NAMES, NUMBERS, GAPS)
    plain = list(zip(NAMES, NUMBERS, GAPS, strict=True))
    assert len(rows) == 3
    assert list(rows) == plain
    assert rows[1] == plain[1]
    assert rows[-1] == plain[-1]
    assert list(rows[:2]) == plain[:2]
    assert len(rows[2:]) == 1
    with pytest.raises(IndexError):
        rows[3]
    with pytest.raises(ValueError, match="argument 2 is shorter"):
        list(Columns(NAMES, NUMBERS[:2]))


@pytest.mark.parametrize("kind", ["csv", "json", "jsonl"])
def test_a_format_writes_them_as_it_writes_rows(kind: str) -> None:
    written = []
    for rows in (Columns(NAMES, NUMBERS, GAPS), list(zip(NAMES, NUMBERS, GAPS, strict=True))):
        sink = Bytes()
        writer = discover()[kind].open(sink, ["name", "number", "gap"])
        writer.write(rows)
        writer.write(rows[:0])
        writer.close()
        written.append(bytes(sink.data))
    assert written[0] == written[1]
    assert str(2**60).encode() in written[0]
