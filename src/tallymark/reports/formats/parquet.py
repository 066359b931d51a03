"""Parquet. A column has one type, and an answer shows it only with its last row.

So the columns first go to a scratch file as they come, and the types are worked out from all values
when the file is closed: whole numbers are int64, with fractions among them double, if that holds
each exactly; a text among lists (how Druid gives a dimension with several values) is a list of one;
a column without any value is text. Any other change of type fails the run.
"""

from __future__ import annotations

import marshal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import pyarrow as pa
import pyarrow.parquet as pq

from tallymark.errors import FatalError
from tallymark.reports.formats import Cells, Sink, Writer, check_finite

GROUP_ROWS = 65_536
_HEAD_BYTES = 8
_NULL = type(None)
_TYPES = {
    frozenset[type](): pa.string(),
    frozenset({str}): pa.string(),
    frozenset({bool}): pa.bool_(),
    frozenset({int}): pa.int64(),
    frozenset({float}): pa.float64(),
    frozenset({int, float}): pa.float64(),
    frozenset({list}): pa.list_(pa.string()),
    frozenset({list, str}): pa.list_(pa.string()),
}
_WORDS: dict[type, str] = {
    str: "texts",
    bool: "true or false",
    int: "whole numbers",
    float: "numbers with a fraction",
    list: "lists",
}


class Parquet:
    kind: ClassVar[str] = "parquet"

    def __init__(self) -> None:
        self._seen: dict[str, set[type]] = {}

    def open(self, sink: Sink, headings: Sequence[str]) -> Writer:
        # all files of a run have the same types: they are read as one table
        seen = [self._seen.setdefault(heading, set()) for heading in headings]
        return _Parquet(sink, sink.scratch(), headings, seen)


@dataclass(slots=True)
class _Parquet:
    sink: Sink
    spilled: Sink
    headings: Sequence[str]
    seen: list[set[type]]
    """For each column the types that its values have had, but for null."""

    def write(self, rows: Cells) -> None:
        if not rows:
            return
        columns = list(zip(*rows, strict=True))
        for n, column in enumerate(columns):
            self._note(n, column)
        check_finite(columns)
        # of Python's own forms this one is fast and exact; nobody else ever reads the file
        data = marshal.dumps(columns, 2)
        self.spilled.write(len(data).to_bytes(_HEAD_BYTES, "big") + data)

    def close(self) -> None:
        types = [_TYPES[frozenset(seen)] for seen in self.seen]
        schema = pa.schema(list(zip(self.headings, types, strict=True)))
        with pq.ParquetWriter(_Output(self.sink), schema) as writer:
            for columns in self._groups():
                arrays = [self._array(n, types[n], column) for n, column in enumerate(columns)]
                writer.write_table(pa.Table.from_arrays(arrays, schema=schema))

    def _note(self, n: int, column: Sequence[Any]) -> None:
        seen = self.seen[n]
        seen |= set(map(type, column)) - {_NULL}
        if frozenset(seen) not in _TYPES:
            told = " and ".join(sorted(_WORDS.get(kind, kind.__name__) for kind in seen))
            raise FatalError(
                f"the column {self.headings[n]!r} changes its type within the answer: it holds "
                f"{told}; a Parquet column has one type, csv, json and jsonl take both"
            )

    def _groups(self) -> Iterator[list[list[Any]]]:
        """The columns again, in row groups that depend on the rows alone."""
        waiting: list[list[Any]] = [[] for _ in self.headings]
        with self.spilled.read() as file:
            while head := file.read(_HEAD_BYTES):
                for column, more in zip(
                    waiting, marshal.loads(file.read(int.from_bytes(head, "big"))), strict=True
                ):
                    column.extend(more)
                while len(waiting[0]) >= GROUP_ROWS:
                    yield [column[:GROUP_ROWS] for column in waiting]
                    waiting = [column[GROUP_ROWS:] for column in waiting]
        if waiting[0]:
            yield waiting

    def _array(self, n: int, type_: pa.DataType, column: list[Any]) -> pa.Array:
        if pa.types.is_list(type_):
            column = [[value] if isinstance(value, str) else value for value in column]
        try:
            return pa.array(column, type_)
        except (pa.ArrowException, OverflowError) as error:
            raise FatalError(
                f"the column {self.headings[n]!r} has a value that {type_} does not hold: {error}"
            ) from error


@dataclass(slots=True)
class _Output:
    """The sink as Arrow wants a file."""

    sink: Sink
    closed: bool = False
    written: int = 0

    def write(self, data: Any) -> int:
        self.sink.write(bytes(data))
        self.written += len(data)
        return len(data)

    def tell(self) -> int:
        return self.written

    def flush(self) -> None: ...

    def close(self) -> None:
        self.closed = True
