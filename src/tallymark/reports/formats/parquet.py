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

BLOCK_ROWS = 4096
GROUP_ROWS = 32 * BLOCK_ROWS
GROUP_BYTES = 16 << 20
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
            for group in self._groups(schema):
                writer.write_table(group)

    def _note(self, n: int, column: Sequence[Any]) -> None:
        seen = self.seen[n]
        seen |= set(map(type, column)) - {_NULL}
        if frozenset(seen) not in _TYPES:
            told = " and ".join(sorted(_WORDS.get(kind, kind.__name__) for kind in seen))
            raise FatalError(
                f"the column {self.headings[n]!r} changes its type within the answer: it holds "
                f"{told}; a Parquet column has one type, csv, json and jsonl take both"
            )

    def _groups(self, schema: pa.Schema) -> Iterator[pa.Table]:
        """The rows again, cut where the rows alone say so."""
        waiting: list[pa.Table] = []
        for block in self._blocks():
            arrays = [self._array(n, schema.types[n], column) for n, column in enumerate(block)]
            waiting.append(pa.Table.from_arrays(arrays, schema=schema))
            n_rows, n_bytes = sum(map(len, waiting)), sum(table.nbytes for table in waiting)
            if n_rows >= GROUP_ROWS or n_bytes >= GROUP_BYTES:
                yield pa.concat_tables(waiting)
                waiting = []
        if waiting:
            yield pa.concat_tables(waiting)

    def _blocks(self) -> Iterator[list[list[Any]]]:
        """The columns of so many rows at once, however many had come together."""
        waiting: list[list[Any]] = [[] for _ in self.headings]
        with self.spilled.read() as file:
            while head := file.read(_HEAD_BYTES):
                columns = marshal.loads(file.read(int.from_bytes(head, "big")))
                for column, more in zip(waiting, columns, strict=True):
                    column.extend(more)
                n_whole = len(waiting[0]) // BLOCK_ROWS * BLOCK_ROWS
                for n in range(0, n_whole, BLOCK_ROWS):
                    yield [column[n : n + BLOCK_ROWS] for column in waiting]
                waiting = [column[n_whole:] for column in waiting] if n_whole else waiting
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
