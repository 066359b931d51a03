"""Kept pages cut into batches of a bounded number of rows, at page borders. No I/O of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from itertools import takewhile

from tallymark.connectors import Connector
from tallymark.model import Page, Rejected, Row, Stream

Pages = Callable[[int], Iterator[Page]]
"""The kept pages of one reading from a number on; may be asked for more than once."""


@dataclass
class Chunk:
    """The records of the pages `[first_page, end_page)`."""

    first_page: int
    end_page: int
    rows: list[Row] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    last: bool = False
    there: set[datetime] = field(default_factory=set)
    """On the last chunk: every `ts` of the whole reading, what came in earlier chunks included."""


def chunks(
    connector: Connector,
    stream: Stream,
    pages: Pages,
    *,
    begin: int,
    first: int,
    end: int,
    batch_rows: int,
    whole_end: int | None = None,
) -> Iterator[Chunk]:
    """Decode the pages `[first, end)` of a reading `[begin, whole_end)`; the last says `last`.

    A record whose key comes again on a later page is left out, across chunks as well, so that a
    chunk can be committed without looking back. Only a reading of several chunks pays for that:
    with one number a record, in a first pass.
    """
    begun = next(_cut(connector, stream, pages(first), first, end, batch_rows))
    if begun.last and first == begin and end == (whole_end or end):
        begun.there = {row.values["ts"] for row in begun.rows}
        yield begun
        return
    del begun
    newest: dict[int, int] = {}
    there: set[datetime] = set()
    for record in connector.rows(stream.name, pages(begin)):
        if isinstance(record, Row):
            newest[_key(stream, record)] = record.page.n
            there.add(record.values["ts"])
    for chunk in _cut(connector, stream, pages(first), first, end, batch_rows):
        chunk.rows = [row for row in chunk.rows if newest[_key(stream, row)] == row.page.n]
        chunk.there = there if chunk.last else set()
        yield chunk


def _cut(
    connector: Connector,
    stream: Stream,
    pages: Iterable[Page],
    first: int,
    end: int,
    batch_rows: int,
) -> Iterator[Chunk]:
    chunk = Chunk(first, end)
    for record in connector.rows(stream.name, takewhile(lambda page: page.n < end, pages)):
        held = len(chunk.rows) + len(chunk.rejected)
        if held >= batch_rows and record.page.n > _page_of(chunk):
            chunk.end_page = record.page.n
            yield chunk
            chunk = Chunk(record.page.n, end)
        if isinstance(record, Row):
            chunk.rows.append(record)
        else:
            chunk.rejected.append(record)
    chunk.last = True
    yield chunk


def _page_of(chunk: Chunk) -> int:
    last: list[Row | Rejected] = [*chunk.rows[-1:], *chunk.rejected[-1:]]
    return max(record.page.n for record in last)


def _key(stream: Stream, row: Row) -> int:
    return hash(tuple(row.values.get(name) for name in stream.key))
