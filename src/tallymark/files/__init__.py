"""Bytes under keys: the archive's pages and whatever else is kept as files.

Writes are whole or absent, and durable when they return.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

from tallymark.errors import BadRequest

KEY_BYTES = 1024
PART_BYTES = 255
CHUNK_BYTES = 1 << 20

StillOurs = Callable[[], None]
"""Asked right before what cannot be taken back; raises ClaimLost where somebody else works now."""


class Stat(NamedTuple):
    """A file as it lies in the store now."""

    etag: str
    """Another one whenever the file was replaced."""
    bytes: int


class Files(Protocol):
    """A store of bytes under keys such as `archive/github/repositories/7/1-0.json.zst`.

    Every method raises BadRequest for a key that cannot be one: see `check_key`.
    """

    at_once: int
    """So many calls beside each other are sooner done than one after another."""

    def put(self, key: str, data: bytes) -> None:
        """Keep `data` under `key`, over what was there; a reader sees all of it or none."""
        ...

    def put_if_absent(self, key: str, data: bytes) -> bool:
        """Keep `data` unless the key is there already; says whether it was kept."""
        ...

    def get(self, key: str) -> bytes:
        """Raises: NotFound."""
        ...

    def list(self, prefix: str) -> Iterator[str]:
        """The keys that begin with `prefix`, in no order; `""` lists all."""
        ...

    def delete(self, key: str) -> None:
        """Forget the key; one that is not there is no error."""
        ...

    def exists(self, key: str) -> bool: ...

    def size(self, key: str) -> int:
        """In bytes. Raises: NotFound."""
        ...

    def stat(self, key: str) -> Stat | None:
        """None where there is no such file."""
        ...

    def chunks(self, key: str) -> Iterator[bytes]:
        """The content in pieces, all of one version of it. Raises: NotFound."""
        ...

    def copy_if_absent(self, source: str, target: str, still_ours: StillOurs) -> bool:
        """Keep a second copy of `source` unless there is a `target` already; says whether.

        Raises: NotFound where there is no source; else as `publish`.
        """
        ...

    def publish(self, key: str, path: Path, seen: Stat | None, still_ours: StillOurs) -> Stat:
        """Put a local file under a key that still is as it was seen (None: absent).

        Where the same content lies there already, that is a success, whoever put it there.
        Raises: CommitConflict where it was changed meanwhile; ClaimLost; RetryableError.
        """
        ...


def check_key(key: str) -> str:
    """The key, if every store can hold it and none can be led out of its root.

    Raises: BadRequest.
    """
    if "\0" in key or "\\" in key:
        raise BadRequest(f"the key {key!r} holds a NUL or a backslash")
    if len(key.encode("utf-8", "surrogatepass")) > KEY_BYTES:
        raise BadRequest(f"the key {key[:80]!r}… is longer than {KEY_BYTES} bytes")
    for part in key.split("/"):
        _check_part(key, part)
    return key


def _check_part(key: str, part: str) -> None:
    if part in ("", ".", ".."):
        raise BadRequest(f"the key {key!r} has a part that is empty, . or ..")
    try:
        n_bytes = len(part.encode())
    except UnicodeEncodeError as error:
        raise BadRequest(f"the key {key!r} is not text") from error
    if n_bytes > PART_BYTES:
        raise BadRequest(f"the key {key[:80]!r}… has a part of more than {PART_BYTES} bytes")
