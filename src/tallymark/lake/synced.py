"""PyIceberg's files, made durable: data, manifests and metadata all pass `OutputFile.create`.

PyIceberg itself never syncs: after a power cut a committed table would hold empty files.
"""

from __future__ import annotations

import os
from contextlib import suppress
from io import BufferedWriter
from pathlib import Path
from types import TracebackType
from typing import Any
from urllib.parse import urlparse

from pyiceberg.io import InputFile, OutputFile
from pyiceberg.io.pyarrow import PyArrowFileIO

from tallymark.files.sync import fsync_dir, makedirs_synced, whole_or_gone


def path_of(location: str) -> str:
    """The path of a file's address; Spark writes `file:/x` where PyIceberg writes `file:///x`."""
    return urlparse(location).path


class SyncedFileIO(PyArrowFileIO):
    """Named by the catalog's `py-io-impl`; object stores pass through."""

    def new_output(self, location: str) -> Any:
        output = super().new_output(location)
        if urlparse(location).scheme in ("", "file"):
            return _SyncedOutput(location, output)
        return output


class _SyncedOutput(OutputFile):
    def __init__(self, location: str, inner: OutputFile) -> None:
        super().__init__(location)
        self._inner = inner
        self._path = Path(path_of(location))

    def __len__(self) -> int:
        return len(self._inner)

    def exists(self) -> bool:
        return self._path.exists()

    def to_input_file(self) -> InputFile:
        return self._inner.to_input_file()

    def create(self, overwrite: bool = False) -> Any:
        if not overwrite and self.exists():
            raise FileExistsError(self.location)
        makedirs_synced(str(self._path.parent))
        return _SyncedFile(self._path)


class _SyncedFile:
    """A file whose `close` is durable."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: BufferedWriter = path.open("wb")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def __enter__(self) -> _SyncedFile:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self.close()
            return
        # half of a file is of no use to anybody: it is neither synced nor kept
        with suppress(OSError):
            self._file.close()
        with suppress(OSError):
            self._path.unlink()

    def write(self, data: Any) -> int:
        with whole_or_gone(self._path):
            return self._file.write(data)

    def close(self) -> None:
        if self._file.closed:
            return
        with whole_or_gone(self._path), self._file:
            self._file.flush()
            os.fsync(self._file.fileno())
        fsync_dir(str(self._path.parent))
