"""Files in a folder of this machine: written beside, synced, renamed, and the folder synced."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from tallymark.clock import SystemClock
from tallymark.errors import CommitConflict, NotFound
from tallymark.files import CHUNK_BYTES, Stat, StillOurs, check_key
from tallymark.files.same import lies_there
from tallymark.files.sync import fsync_dir, makedirs_synced, whole_or_gone

# unfinished writes; no key begins with it
_UNFINISHED = ".unfinished"
LEFT_FOR = timedelta(days=3)
"""Longer than a clock is set forward by: a write under way would look that old."""


class LocalFiles:
    """`Files` in a folder. Several processes may share it."""

    at_once = 1

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()
        makedirs_synced(str(self._root / _UNFINISHED))
        self._tidy(SystemClock().now() - LEFT_FOR)

    def put(self, key: str, data: bytes) -> None:
        target = self._path(key)
        written = self._write(target, lambda file: file.write(data))
        with whole_or_gone(written):
            written.replace(target)
        fsync_dir(str(target.parent))

    def put_if_absent(self, key: str, data: bytes) -> bool:
        target = self._path(key)
        if target.exists():
            return False
        return self._keep_first(target, self._write(target, lambda file: file.write(data)))

    def copy_if_absent(self, source: str, target: str, still_ours: StillOurs) -> bool:
        kept = self._path(target)
        if kept.exists():
            return False
        with self._open(source) as file:
            return self._keep_first(kept, self._write(kept, _all_of(file)))

    def publish(self, key: str, path: Path, seen: Stat | None, still_ours: StillOurs) -> Stat:
        target = self._path(key)
        with path.open("rb") as file:
            written = self._write(target, _all_of(file))
        with whole_or_gone(written), self._alone():
            if self.stat(key) == seen:
                still_ours()
                # a rename changes nothing of it
                done = _stat(written.stat())
                written.replace(target)
                fsync_dir(str(target.parent))
                return done
        written.unlink()
        if found := lies_there(self, key, path):
            return found
        raise CommitConflict(f"{key} was changed by somebody else meanwhile")

    def _keep_first(self, target: Path, written: Path) -> bool:
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
        with self._open(key) as file:
            return file.read()

    def chunks(self, key: str) -> Iterator[bytes]:
        with self._open(key) as file:
            while chunk := file.read(CHUNK_BYTES):
                yield chunk

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
        found = self.stat(key)
        if found is None:
            raise NotFound(f"there is no file {key}")
        return found.bytes

    def stat(self, key: str) -> Stat | None:
        target = self._path(key)
        try:
            return _stat(target.stat()) if target.is_file() else None
        except FileNotFoundError:
            return None

    def _open(self, key: str) -> BinaryIO:
        try:
            return self._path(key).open("rb")
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
            raise NotFound(f"there is no file {key}") from error

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Between processes and threads: only one at a time compares and replaces."""
        handle = os.open(self._root / _UNFINISHED, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

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

    def _write(self, target: Path, fill: Callable[[BinaryIO], object]) -> Path:
        """A synced file beside, and the target's folder made durable."""
        makedirs_synced(str(target.parent))
        written = self._root / _UNFINISHED / uuid4().hex
        with whole_or_gone(written), written.open("xb") as file:
            fill(file)
            file.flush()
            os.fsync(file.fileno())
        return written


def _all_of(source: BinaryIO) -> Callable[[BinaryIO], object]:
    return lambda file: shutil.copyfileobj(source, file, CHUNK_BYTES)


def _stat(found: os.stat_result) -> Stat:
    # a replaced file is another file, and one that was changed in place has another time
    return Stat(f"{found.st_ino:x}-{found.st_mtime_ns:x}-{found.st_size:x}", found.st_size)
