from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tallymark.engines.druid import stream
from tallymark.engines.druid.stream import array_parts, line_parts
from tallymark.errors import FatalError, RetryableError

# what looks like a boundary, in texts and within values
ELEMENTS: list[dict[str, Any]] = [
    {"timestamp": "2026-03-01", "result": {"a": '},{"timestamp":"x"}', "n": 2**53 + 1}},
    {"timestamp": None, "result": {"a": ']}\\"},{\n"', "n": None}},
    {"timestamp": "2026-03-02", "result": [{"timestamp": 1}, {"timestamp": 2}]},
    {"timestamp": "ü\U0001f600", "result": {}},
]
LINES: list[list[Any]] = [["a", "b"], ["VARCHAR", "BIGINT"], ["]\n[", 2**53 + 1], [None, []]]


@pytest.fixture(autouse=True)
def _parts_are_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "PART_BYTES", 8)


def array(elements: list[dict[str, Any]]) -> bytes:
    return json.dumps(elements, separators=(",", ":"), ensure_ascii=False).encode()


def lines(rows: list[list[Any]]) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows) + b"\n"


def pieces(whole: bytes, size: int) -> Iterator[bytes]:
    return (whole[at : at + size] for at in range(0, len(whole), size))


def joined(parts: Iterator[list[Any]]) -> list[Any]:
    return [one for part in parts for one in part]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50, 10_000])
def test_an_answer_is_the_same_however_it_is_cut(size: int) -> None:
    assert joined(array_parts(pieces(array(ELEMENTS), size), "timestamp")) == ELEMENTS
    assert joined(line_parts(pieces(lines(LINES), size))) == LINES


@pytest.mark.parametrize("elements", [[], ELEMENTS[:1]])
def test_an_answer_may_have_one_part_or_nothing(elements: list[dict[str, Any]]) -> None:
    assert joined(array_parts(iter([array(elements)]), "timestamp")) == elements


def test_an_answer_without_its_end_is_torn_wherever_it_was_cut() -> None:
    whole = array(ELEMENTS)
    for end in range(len(whole)):
        with pytest.raises(RetryableError):
            joined(array_parts(pieces(whole[:end], 5), "timestamp"))
    whole = lines(LINES)
    for end in range(len(whole)):
        with pytest.raises(RetryableError):
            joined(line_parts(pieces(whole[:end], 5)))


def test_an_answer_of_another_kind_is_no_answer() -> None:
    for whole in (b'{"error":"x"}', b"<html>", b"[1,2]]", b"[1][2]"):
        with pytest.raises(RetryableError):
            joined(array_parts(iter([whole]), "timestamp"))


def test_nothing_is_held_but_the_part_that_is_read() -> None:
    given = 0

    def endless() -> Iterator[bytes]:
        nonlocal given
        yield b"["
        while True:
            given += 1
            yield b'{"timestamp":"2026-03-01"},'

    parts = array_parts(endless(), "timestamp")
    for _ in range(100):
        assert next(parts)
    assert given < 400


def test_a_row_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream, "MOST_BYTES", 1000)
    with pytest.raises(FatalError, match="too large"):
        joined(array_parts((b"x" * 100 for _ in range(100)), "timestamp"))
