"""Files that are written in small pieces, any number of them at once, with one handle."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

WAITING_BYTES = 32 << 20


class Scratch:
    """A folder of such files. What was written waits in memory until it is worth a write."""

    def __init__(self, folder: Path, waiting_bytes: int = WAITING_BYTES) -> None:
        self._folder = folder
        self._most = waiting_bytes
        self._files = 0
        self._waiting: dict[int, ScratchFile] = {}
        self._waiting_bytes = 0

    def file(self) -> ScratchFile:
        self._files += 1
        return ScratchFile(self, self._folder, self._files)

    def wait(self, file: ScratchFile, n_bytes: int) -> None:
        """The file has so many more bytes to write."""
        self._waiting[file.number] = file
        self._waiting_bytes += n_bytes
        if self._waiting_bytes > self._most:
            for waiting in self._waiting.values():
                waiting.flush()
            self._waiting.clear()
            self._waiting_bytes = 0

    def flushed(self, file: ScratchFile, n_bytes: int) -> None:
        """The file has written its bytes of its own accord."""
        if self._waiting.pop(file.number, None):
            self._waiting_bytes -= n_bytes


class ScratchFile:
    """One of them: its bytes and its SHA-256 are known when it is closed."""

    __slots__ = ("_folder", "_room", "_sha", "_waiting", "_written", "number")

    def __init__(self, room: Scratch, folder: Path, number: int) -> None:
        self.number = number
        self._room = room
        self._folder = folder
        self._sha = hashlib.sha256()
        self._written = 0
        self._waiting: list[bytes] = []

    @property
    def path(self) -> Path:
        return self._folder / str(self.number)

    def write(self, data: bytes) -> None:
        self._waiting.append(data)
        self._room.wait(self, len(data))

    def flush(self) -> int:
        """Write what waits, and say how many bytes that were."""
        for piece in self._waiting:
            self._sha.update(piece)
        with self.path.open("ab") as file:
            file.writelines(self._waiting)
        n_bytes = sum(map(len, self._waiting))
        self._written += n_bytes
        self._waiting.clear()
        return n_bytes

    def scratch(self) -> ScratchFile:
        return self._room.file()

    def read(self) -> BinaryIO:
        self._room.flushed(self, self.flush())
        return self.path.open("rb")

    def close(self) -> tuple[int, str]:
        """Bytes, and SHA-256 in hex; nothing can be written any more."""
        self._room.flushed(self, self.flush())
        return self._written, self._sha.hexdigest()


@contextmanager
def own_folder(of_run: Path, claimed: str) -> Iterator[Path]:
    """A folder of one claim on a run; what an earlier claim left is in nobody's use."""
    shutil.rmtree(of_run, ignore_errors=True)
    folder = of_run / claimed
    folder.mkdir(parents=True)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        # an heir may be at work beside it by now
        with suppress(OSError):
            of_run.rmdir()
