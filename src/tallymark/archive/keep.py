"""Pages in the archive: one compressed file a page, body and headers as received.

A file is zstd over one JSON line (everything but the body) and the raw body after it. A page
that repeats an earlier one (a 304) holds no body: it names the file that has it.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import quote

import orjson
import zstandard

from tallymark.errors import FatalError
from tallymark.files import Files
from tallymark.model import Page

# what would let somebody act as us stays out of the archive
SECRET_HEADERS = re.compile(r"authorization|cookie|token|secret|password|api-?key", re.IGNORECASE)

NOT_A_HEAD = (ValueError, TypeError, KeyError, AttributeError)


def page_key(source: str, stream: str, task_id: int, claim_no: int, n: int) -> str:
    """`archive/<source>/<stream>/<task>/<claim_no>-<n>.json.zst`."""
    return f"{task_prefix(source, stream, task_id)}{claim_no}-{n}.json.zst"


def task_prefix(source: str, stream: str, task_id: int) -> str:
    return f"archive/{quote(source, safe='')}/{quote(stream, safe='')}/{task_id}/"


def claim_of(key: str) -> int:
    """The claim under which a page was kept."""
    return int(key.rsplit("/", 1)[1].split("-", 1)[0])


class Archive:
    """Pages by key, durable when `put` returns."""

    def __init__(self, files: Files) -> None:
        self._files = files

    def put(self, key: str, page: Page) -> None:
        self._files.put(key, _pack(page))

    def get(self, key: str) -> Page:
        """The page, with the body that it repeats.

        Raises: NotFound; FatalError where the file is damaged.
        """
        page = _unpack(self._files.get(key), key)
        if page.repeats is None:
            return page
        return replace(page, body=_unpack(self._files.get(page.repeats), page.repeats).body)

    def has(self, key: str) -> bool:
        return self._files.exists(key)

    def find(self, prefix: str) -> list[str]:
        return sorted(self._files.list(prefix))


def _pack(page: Page) -> bytes:
    head: dict[str, Any] = {
        "url": page.url,
        "status": page.status,
        "headers": {k: v for k, v in page.headers.items() if not SECRET_HEADERS.search(k)},
        "received_at": page.received_at.isoformat(),
        "cursor": page.cursor,
        "n": page.n,
        "repeats": page.repeats,
    }
    body = b"" if page.repeats else page.body
    # the checksum finds a flipped bit; the content size finds a cut file
    packer = zstandard.ZstdCompressor(write_checksum=True, write_content_size=True)
    return packer.compress(orjson.dumps(head) + b"\n" + body)


def _unpack(data: bytes, key: str) -> Page:
    try:
        head, _, body = zstandard.ZstdDecompressor().decompress(data).partition(b"\n")
        fields = orjson.loads(head)
        received_at = datetime.fromisoformat(fields.pop("received_at"))
        return Page(**fields, received_at=received_at, body=body)
    except (zstandard.ZstdError, MemoryError, *NOT_A_HEAD) as damage:
        raise FatalError(f"the archived page {key} is damaged ({damage}): restore it") from damage
