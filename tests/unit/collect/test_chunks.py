from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import orjson
import pytest

from tallymark.collect.chunks import Chunk, chunks
from tallymark.model import Field, Page, Rejected, Row, Stream

START = datetime(2026, 3, 1, tzinfo=UTC)
STREAM = Stream(
    name="records",
    kind="series",
    fields=(Field("account", "text"), Field("id", "text"), Field("value", "long")),
    subject="account",
    key=("account", "id"),
)


@dataclass
class Records:
    """A page's body is `[[id, value], …]`; what is none is rejected. Counts what it decodes."""

    kind: ClassVar[str] = "records"
    title: ClassVar[str] = "Records"
    streams: ClassVar[tuple[Stream, ...]] = (STREAM,)
    decoded: list[int] = field(default_factory=list)

    def rows(self, stream: str, pages: Iterable[Page]) -> Iterator[Row | Rejected]:
        for page in pages:
            self.decoded.append(page.n)
            for name, value in orjson.loads(page.body):
                if value is None:
                    yield Rejected(page, name, "no value")
                else:
                    at = START + timedelta(days=int(name[0]))
                    yield Row(page, {"ts": at, "account": "a", "id": name, "value": value})


def cut(
    bodies: list[list[tuple[str, int | None]]],
    batch_rows: int,
    *,
    connector: Records | None = None,
    first: int = 0,
    end: int | None = None,
) -> list[Chunk]:
    def pages(n: int) -> Iterator[Page]:
        for number in range(n, len(bodies)):
            yield Page(
                url="u", status=200, body=orjson.dumps(bodies[number]), received_at=START, n=number
            )

    found = chunks(
        connector or Records(),
        STREAM,
        pages,
        begin=0,
        first=first,
        end=len(bodies) if end is None else end,
        batch_rows=batch_rows,
        whole_end=len(bodies),
    )
    return list(found)


def values(chunk: Chunk) -> list[tuple[str, int]]:
    return [(row.values["id"], row.values["value"]) for row in chunk.rows]


def numbered(n_pages: int, size: int) -> list[list[tuple[str, int | None]]]:
    return [[(f"{n}-{k}", n * size + k) for k in range(size)] for n in range(n_pages)]


def test_a_small_reading_is_one_chunk_that_is_decoded_once() -> None:
    connector = Records()
    (chunk,) = cut(numbered(3, 4), 100, connector=connector)
    assert (chunk.first_page, chunk.end_page, chunk.last) == (0, 3, True)
    assert len(chunk.rows) == 12
    assert chunk.there == {START + timedelta(days=n) for n in range(3)}
    assert connector.decoded == [0, 1, 2]


@pytest.mark.parametrize("batch_rows", [1, 3, 4, 5, 8, 11])
def test_chunks_are_cut_at_page_borders_and_tile_the_reading(batch_rows: int) -> None:
    bodies = numbered(6, 4)
    found = cut(bodies, batch_rows)
    assert found[0].first_page == 0
    assert found[-1].end_page == 6
    assert [one.first_page for one in found[1:]] == [one.end_page for one in found[:-1]]
    assert [one.last for one in found] == [False] * (len(found) - 1) + [True]
    for one in found:
        assert {row.page.n for row in one.rows} == set(range(one.first_page, one.end_page))
        assert one.last or len(one.rows) >= batch_rows
        assert len(one.rows) < batch_rows + 4
    assert [value for one in found for value in values(one)] == [
        pair for body in bodies for pair in body
    ]


def test_only_the_last_chunk_says_which_instants_have_rows() -> None:
    *before, last = cut(numbered(4, 2), 2)
    assert all(one.there == set() for one in before)
    assert last.there == {START + timedelta(days=n) for n in range(4)}


def test_a_record_that_comes_again_is_taken_from_its_last_page() -> None:
    bodies: Any = [[("0-a", 1), ("0-b", 2)], [("1-a", 3), ("0-b", 4)], [("2-a", 5), ("0-a", 6)]]
    found = [values(one) for one in cut(bodies, 2)]
    assert found == [[], [("1-a", 3), ("0-b", 4)], [("2-a", 5), ("0-a", 6)]]


def test_a_restart_leaves_out_what_is_there_and_still_looks_at_all() -> None:
    bodies: Any = [[("0-a", 1), ("0-b", 2)], [("1-a", 3)], [("2-a", 5), ("1-a", 6)]]
    whole = cut(bodies, 2)
    assert [one.first_page for one in whole] == [0, 1]
    (rest,) = cut(bodies, 2, first=1)
    assert values(rest) == values(whole[1])
    assert rest.there == whole[1].there


def test_a_part_of_a_reading_is_what_it_was_in_the_whole() -> None:
    bodies: Any = [[("0-a", 1), ("0-b", 2)], [("1-a", 3)], [("2-a", 5), ("0-a", 6), ("1-a", 7)]]
    whole = cut(bodies, 2)
    for one in whole:
        again = cut(bodies, 1000, first=one.first_page, end=one.end_page)
        assert [values(part) for part in again] == [values(one)]


def test_rejected_records_count_and_stay_with_their_pages() -> None:
    bodies: Any = [[("0-a", None), ("0-b", None)], [("1-a", 1)], [("2-a", None)]]
    found = cut(bodies, 2)
    assert [(one.first_page, one.end_page) for one in found] == [(0, 1), (1, 3)]
    assert [len(one.rejected) for one in found] == [2, 1]
    assert values(found[1]) == [("1-a", 1)]


def test_a_reading_without_records_is_one_empty_chunk() -> None:
    (chunk,) = cut([[], [], []], 1)
    assert (chunk.first_page, chunk.end_page, chunk.last, chunk.rows) == (0, 3, True, [])
    assert chunk.there == set()
