"""Files in a cloud's object store: S3 and what speaks like it, Azure Blob, GCS, by obstore.

    publish   small: the claim, then one put under the condition that the key is as it was seen
              large: parts, then the claim, then the end of the upload
              refused, or nobody knows: look whether what lies there is ours, byte for byte

The client asks again by itself where the server fails, so a refusal may follow a put of ours that
has arrived: nothing is concluded from a refusal without looking.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import obstore
from obstore.store import ObjectStore

from tallymark.errors import CommitConflict, NotFound, RetryableError
from tallymark.files import Stat, StillOurs, check_key
from tallymark.files.mishaps import PresentAlready, mapped
from tallymark.files.same import lies_there

SMALL_BYTES = 32 << 20
"""Up to here a file is put at once, from memory."""
UPLOAD_BYTES = 16 << 20
"""10,000 of them are the longest upload that S3 takes: 160 GiB."""
READ_BYTES = 8 << 20


class CloudFiles:
    """`Files` in an object store."""

    at_once = 4

    def __init__(self, store: ObjectStore, where: str) -> None:
        self._store = store
        self._where = where

    def put(self, key: str, data: bytes) -> None:
        with mapped(self._where, key, put=True):
            obstore.put(self._store, check_key(key), data)

    def put_if_absent(self, key: str, data: bytes) -> bool:
        """A put of ours whose answer was lost, and that was asked for again, is another's."""
        try:
            with mapped(self._where, key, put=True):
                obstore.put(self._store, check_key(key), data, mode="create")
        except PresentAlready:
            return False
        return True

    def get(self, key: str) -> bytes:
        with mapped(self._where, key):
            return bytes(obstore.get(self._store, check_key(key)).bytes())

    def chunks(self, key: str) -> Iterator[bytes]:
        found = self._stat(key)
        whole = {"if_match": _version(found).get("e_tag")}
        for start in range(0, found.bytes, READ_BYTES):
            reach = (start, min(start + READ_BYTES, found.bytes))
            try:
                with mapped(self._where, key):
                    options: Any = {**whole, "range": reach}
                    yield bytes(obstore.get(self._store, key, options=options).bytes())
            except PresentAlready:
                raise RetryableError(f"{key} was replaced while it was read") from None

    def list(self, prefix: str) -> Iterator[str]:
        # a store's own prefix is a folder
        folder = prefix.rpartition("/")[0]
        if folder:
            check_key(folder)
        with mapped(self._where, prefix):
            for listed in obstore.list(self._store, folder or None):
                yield from (one["path"] for one in listed if one["path"].startswith(prefix))

    def delete(self, key: str) -> None:
        try:
            with mapped(self._where, key):
                obstore.delete(self._store, check_key(key))
        except NotFound:
            return

    def exists(self, key: str) -> bool:
        return self.stat(key) is not None

    def size(self, key: str) -> int:
        return self._stat(key).bytes

    def stat(self, key: str) -> Stat | None:
        try:
            return self._stat(key)
        except NotFound:
            return None

    def copy_if_absent(self, source: str, target: str, still_ours: StillOurs) -> bool:
        # through this machine: a store's own copy is either unconditional, limited, or never told
        # whether it has ended
        if self.exists(target):
            return False
        with TemporaryDirectory() as scratch:
            local = Path(scratch) / "copy"
            with local.open("xb") as file:
                for chunk in self.chunks(source):
                    file.write(chunk)
            try:
                self.publish(target, local, None, still_ours)
            except CommitConflict:
                return False
        return True

    def publish(self, key: str, path: Path, seen: Stat | None, still_ours: StillOurs) -> Stat:
        check_key(key)
        put = self._put_small if path.stat().st_size <= SMALL_BYTES else self._put_large
        try:
            with mapped(self._where, key, put=True):
                return put(key, path, seen, still_ours)
        except (PresentAlready, RetryableError) as error:
            if found := lies_there(self, key, path):
                return found
            if not isinstance(error, PresentAlready):
                raise
            raise CommitConflict(f"{key} was changed by somebody else meanwhile") from error

    def _put_small(self, key: str, path: Path, seen: Stat | None, still_ours: StillOurs) -> Stat:
        data = path.read_bytes()
        mode: Any = "create" if seen is None else _version(seen)
        still_ours()
        return _told(obstore.put(self._store, key, data, mode=mode, use_multipart=False), len(data))

    def _put_large(self, key: str, path: Path, seen: Stat | None, still_ours: StillOurs) -> Stat:
        # the end of an upload knows no condition: the claim alone keeps others away from here on
        if self.stat(key) != seen:
            raise PresentAlready(key)
        # an error in the parts ends the upload, and what has arrived of it is removed
        parts = _parts(path, still_ours)
        done = obstore.put(
            self._store,
            key,
            parts,
            use_multipart=True,
            chunk_size=UPLOAD_BYTES,
            max_concurrency=1,
        )
        return _told(done, path.stat().st_size)

    def _stat(self, key: str) -> Stat:
        with mapped(self._where, key):
            found = obstore.head(self._store, check_key(key))
        return _told(found, found["size"])


def _parts(path: Path, still_ours: StillOurs) -> Iterator[bytes]:
    with path.open("rb") as file:
        while part := file.read(UPLOAD_BYTES):
            yield part
    # one at a time is under way: when this one is taken, all before it have arrived
    yield b""
    still_ours()


def _told(found: Any, n_bytes: int) -> Stat:
    """A store that counts versions wants the number in its conditions: it goes with the etag."""
    etag, version = found["e_tag"] or "", found["version"]
    return Stat(f"{etag} {version}" if version else etag, n_bytes)


def _version(seen: Stat) -> dict[str, str]:
    # an etag holds no blank
    etag, _, version = seen.etag.partition(" ")
    return {"e_tag": etag, "version": version} if version else {"e_tag": etag}
