"""What every store of files does; an implementation is a word of `STORES`."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tallymark.errors import BadRequest, NotFound
from tallymark.files import Files
from tests.stores import STORES, opener


@pytest.fixture(params=STORES)
def make(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[], Files]:
    """Opens the same store each time, as another process would."""
    return opener(request.param, request, tmp_path)


@pytest.fixture
def files(make: Callable[[], Files]) -> Files:
    return make()


def test_what_was_put_is_there_for_everybody(files: Files, make: Callable[[], Files]) -> None:
    files.put("archive/github/1.json", b"one")
    other = make()
    assert other.get("archive/github/1.json") == b"one"
    assert other.exists("archive/github/1.json")
    assert other.size("archive/github/1.json") == 3


def test_a_second_put_replaces_the_first(files: Files) -> None:
    files.put("a", b"first")
    files.put("a", b"")
    assert files.get("a") == b""


def test_put_if_absent_keeps_the_first(files: Files) -> None:
    assert files.put_if_absent("a/b", b"first") is True
    assert files.put_if_absent("a/b", b"second") is False
    assert files.get("a/b") == b"first"


def test_of_many_who_put_if_absent_at_once_one_wins(make: Callable[[], Files]) -> None:
    won: list[int] = []
    start = threading.Barrier(8)

    def put(n: int) -> None:
        store = make()
        start.wait()
        if store.put_if_absent("a", bytes([n])):
            won.append(n)

    threads = [threading.Thread(target=put, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(won) == 1
    assert make().get("a") == bytes(won)


def test_what_is_not_there_is_not_found(files: Files) -> None:
    files.put("a/b", b"1")
    for key in ("c", "a", "a/b/c"):
        assert files.exists(key) is False
        with pytest.raises(NotFound):
            files.get(key)
        with pytest.raises(NotFound):
            files.size(key)


def test_a_deleted_key_is_gone_and_deleting_it_again_is_no_error(files: Files) -> None:
    files.put("a/b", b"1")
    files.delete("a/b")
    files.delete("a/b")
    files.delete("never/there")
    assert files.exists("a/b") is False
    assert list(files.list("")) == []


def test_a_list_holds_the_keys_that_begin_with_the_prefix(files: Files) -> None:
    for key in ("a/1", "a/10", "a/b/2", "ab/3", "c"):
        files.put(key, b"")
    assert sorted(files.list("a/")) == ["a/1", "a/10", "a/b/2"]
    assert sorted(files.list("a/1")) == ["a/1", "a/10"]
    assert sorted(files.list("a")) == ["a/1", "a/10", "a/b/2", "ab/3"]
    assert sorted(files.list("")) == ["a/1", "a/10", "a/b/2", "ab/3", "c"]
    assert list(files.list("z/")) == []


def test_a_reader_sees_a_whole_file_or_none(make: Callable[[], Files]) -> None:
    writer, reader = make(), make()
    contents = {bytes([n]) * 50_000 for n in range(2)}
    stop = threading.Event()

    def write() -> None:
        while not stop.is_set():
            for content in contents:
                writer.put("a", content)

    writer.put("a", next(iter(contents)))
    thread = threading.Thread(target=write)
    thread.start()
    try:
        assert all(reader.get("a") in contents for _ in range(300))
    finally:
        stop.set()
        thread.join()


@pytest.mark.parametrize("key", ["../a", "/a", "a/../../b", "a\0", ""])
def test_no_key_leads_out_of_the_store(files: Files, key: str) -> None:
    for call in (files.get, files.exists, files.delete, files.size):
        with pytest.raises(BadRequest):
            call(key)
    with pytest.raises(BadRequest):
        files.put(key, b"")
    with pytest.raises(BadRequest):
        files.put_if_absent(key, b"")


def test_the_longest_key_is_taken(files: Files) -> None:
    key = "/".join(["x" * 255] * 4)
    assert len(key) <= 1024
    files.put(key, b"1")
    assert list(files.list("")) == [key]
