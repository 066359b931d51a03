from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import zstandard

from tallymark.archive.keep import Archive, claim_of, page_key, task_prefix
from tallymark.errors import FatalError, NotFound
from tallymark.files.local import LocalFiles
from tallymark.model import Page

AT = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
PAGE = Page(
    url="https://api.example.com/records?page=2",
    status=200,
    body=b'{"a": 1}\n\n\x00\xff' * 40,
    received_at=AT,
    headers={"etag": '"abc"', "content-type": "application/json"},
    cursor="3",
    n=1,
)
KEY = page_key("shop", "orders", 7, 2, 1)


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    return Archive(LocalFiles(tmp_path))


def test_a_page_comes_back_as_it_was_received(archive: Archive) -> None:
    for body in (PAGE.body, b"", b"\n", b"x" * 1_000_000):
        page = replace(PAGE, body=body)
        archive.put(KEY, page)
        assert archive.get(KEY) == page


def test_keys_say_source_stream_task_claim_and_number(archive: Archive) -> None:
    assert KEY == "archive/shop/orders/7/2-1.json.zst"
    assert claim_of(page_key("shop", "orders", 7, 12, 345)) == 12
    odd = page_key("../a b", "x/y", 1, 1, 0)
    archive.put(odd, PAGE)
    archive.put(page_key("shop", "orders", 71, 1, 0), PAGE)
    assert archive.find(task_prefix("../a b", "x/y", 1)) == [odd]
    assert archive.find(task_prefix("shop", "orders", 7)) == []


def test_what_would_let_somebody_act_as_us_is_not_kept(archive: Archive, tmp_path: Path) -> None:
    secret = ("Authorization", "cookie", "SET-COOKIE", "proxy-authorization", "x-api-key")
    archive.put(KEY, replace(PAGE, headers={**PAGE.headers, **dict.fromkeys(secret, "canary")}))
    assert archive.get(KEY).headers == PAGE.headers
    held = zstandard.ZstdDecompressor().decompress((tmp_path / KEY).read_bytes())
    assert b"canary" not in held


def test_a_repeated_page_has_the_body_that_it_repeats_and_keeps_none(
    archive: Archive, tmp_path: Path
) -> None:
    archive.put(KEY, PAGE)
    other = page_key("shop", "orders", 8, 1, 0)
    archive.put(other, replace(PAGE, status=304, repeats=KEY))
    found = archive.get(other)
    assert (found.status, found.body, found.repeats) == (304, PAGE.body, KEY)
    assert PAGE.body[:8] not in zstandard.ZstdDecompressor().decompress(
        (tmp_path / other).read_bytes()
    )
    (tmp_path / KEY).unlink()
    with pytest.raises(NotFound):
        archive.get(other)


def damages(data: bytes) -> Iterator[bytes]:
    random_ = random.Random(1)
    yield from (b"", b"\0" * len(data), b"not zstd", data[1:], data + data)
    yield from (data[:length] for length in range(1, len(data), max(1, len(data) // 30)))
    for _ in range(300):
        at = random_.randrange(len(data))
        yield data[:at] + bytes([data[at] ^ 1 << random_.randrange(8)]) + data[at + 1 :]
    packer = zstandard.ZstdCompressor()
    for head in (b"", b"[]", b"1", b"{}", b'{"received_at": 5}', b'{"received_at": "x"}'):
        yield packer.compress(head + b"\nbody")


def test_a_damaged_file_is_named(archive: Archive, tmp_path: Path) -> None:
    archive.put(KEY, PAGE)
    whole = (tmp_path / KEY).read_bytes()
    for data in damages(whole):
        (tmp_path / KEY).write_bytes(data)
        said = ""
        try:
            assert archive.get(KEY) == PAGE, "a page that differs from what was received"
        except FatalError as error:
            said = str(error)
        assert said == "" or (KEY in said and "damaged" in said)


def test_a_page_whose_repeated_page_is_damaged_names_that_one(
    archive: Archive, tmp_path: Path
) -> None:
    archive.put(KEY, PAGE)
    other = page_key("shop", "orders", 8, 1, 0)
    archive.put(other, replace(PAGE, status=304, repeats=KEY))
    (tmp_path / KEY).write_bytes(b"damaged")
    with pytest.raises(FatalError, match=KEY):
        archive.get(other)
