"""What makes a local file survive a power cut: its data, its name, and the folders above it.

`kill -9` cannot find a missing fsync; the power-cut tests do.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path


@contextmanager
def whole_or_gone(path: Path) -> Iterator[None]:
    """What is half written when an error comes is removed; the error names it.

    After a failed sync nobody knows what is on the disk: such a file is never used again.
    """
    try:
        yield
    except BaseException as error:
        if isinstance(error, OSError):
            error.filename = error.filename or str(path)
        with suppress(OSError):
            path.unlink()
        raise


def fsync_dir(directory: str) -> None:
    """Make the names in a folder durable."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    except OSError as error:
        error.filename = directory
        raise
    finally:
        os.close(handle)


def makedirs_synced(directory: str) -> None:
    """Make a folder and those above it, each durable in its parent."""
    if os.path.isdir(directory):  # noqa: PTH112
        _settle(directory)
        return
    parent = os.path.dirname(directory)  # noqa: PTH120
    makedirs_synced(parent)
    os.makedirs(directory, exist_ok=True)  # noqa: PTH103
    fsync_dir(parent)


@lru_cache(maxsize=10_000)
def _settle(directory: str) -> None:
    # somebody else may have made the folder a moment ago and not have synced its parent yet;
    # once a process is enough, because nobody unmakes it
    parent = os.path.dirname(directory)  # noqa: PTH120
    if parent and parent != directory and os.access(parent, os.R_OK):
        fsync_dir(parent)
