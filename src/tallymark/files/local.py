"""Files in a folder of this machine: written beside, synced, renamed, and the folder synced."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from uuid import uuid4

from tallymark.clock import SystemClock
from tallymark.errors import NotFound
from tallymark.files import check_key
from tallymark.files.sync import fsync_dir, makedirs_synced, whole_or_gone

# unfinished writes; no key begins with it
_UNFINISHED = ".unfinished"
LEFT_FOR = timedelta(days=3)
"""Longer than a clock is set forward by: a write under way would look that old."""


class LocalFiles:
    """`Files` in a folder. Several processes may share it."""

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()
        makedirs_synced(str(self._root / _UNFINISHED))
        self._tidy(SystemClock().now() - LEFT_FOR)

    def put(self, key: str, data: bytes) -> None:
        target = self._path(key)
        written = self._write(target, data)
        with whole_or_gone(written):
            written.replace(target)
        fsync_dir(str(target.parent))

    def put_if_absent(self, key: str, data: bytes) -> bool:
        target = self._path(key)
        if target.exists():
            return False
        written = self._write(target, data)
        try:
            # unlike a rename, a link is refused where somebody else was faster
            target.hardlink_to(written)
        except FileExistsError:
            return False
        finally:
            written.unlink()
        fsync_dir(str(target.parent))
        return True

    def get(self, key: str) -> bytes:
        try:
            return self._path(key).read_bytes()
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
            raise NotFound(f"there is no file {key}") from error

    def list(self, prefix: str) -> Iterator[str]:
        # only the folder that the prefix names is walked: an archive has many
        folder = prefix.rpartition("/")[0]
        start = self._path(folder) if folder else self._root
        for directory, folders, names in os.walk(start):
            if _UNFINISHED in folders:
                folders.remove(_UNFINISHED)
            for name in names:
                key = (Path(directory) / name).relative_to(self._root).as_posix()
                if key.startswith(prefix):
                    yield key

    def delete(self, key: str) -> None:
        target = self._path(key)
        try:
            target.unlink()
        except (FileNotFoundError, NotADirectoryError):
            return
        fsync_dir(str(target.parent))

    def exists(self, key: str) -> bool:
        return self._path(key).is_file()

    def size(self, key: str) -> int:
        target = self._path(key)
        if not target.is_file():
            raise NotFound(f"there is no file {key}")
        return target.stat().st_size

    def _tidy(self, before: datetime) -> None:
        """Remove what killed processes left; ages are the file system's, so the clock is real."""
        for left in (self._root / _UNFINISHED).iterdir():
            # another process may tidy as well
            with suppress(FileNotFoundError):
                if left.stat().st_mtime < before.timestamp():
                    left.unlink()

    def _path(self, key: str) -> Path:
        if check_key(key).split("/")[0] == _UNFINISHED:
            raise NotFound(f"there is no file {key}")
        return self._root / key

    def _write(self, target: Path, data: bytes) -> Path:
        """A synced file beside, and the target's folder made durable."""
        makedirs_synced(str(target.parent))
        written = self._root / _UNFINISHED / uuid4().hex
        with whole_or_gone(written), written.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        return written
