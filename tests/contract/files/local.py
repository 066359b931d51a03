"""Local files to publish."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

from tallymark.errors import ClaimLost

Write = Callable[..., Path]


def ours() -> None:
    """Nobody took over."""


def lost() -> None:
    raise ClaimLost


def writer(folder: Path) -> Write:
    def write(word: str, n_bytes: int = 1000) -> Path:
        """A file that differs from that of another word in every block."""
        path = folder / f"{word}-{n_bytes}"
        block = hashlib.sha256(word.encode()).digest() * 512
        with path.open("wb") as file:
            for start in range(0, n_bytes, len(block)):
                file.write(block[: n_bytes - start])
        return path

    return write
