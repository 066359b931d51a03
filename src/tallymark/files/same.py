"""Whether what lies in a store is a certain local file: how an unknown outcome is settled."""

from __future__ import annotations

from pathlib import Path

from tallymark.errors import NotFound
from tallymark.files import Files, Stat


def lies_there(files: Files, key: str, path: Path) -> Stat | None:
    """The file under a key where it is, byte for byte, the local one; else None."""
    found = files.stat(key)
    if found is None or found.bytes != path.stat().st_size or not _equal(files, key, path):
        return None
    # it may have been replaced while it was read
    return found if files.stat(key) == found else None


def _equal(files: Files, key: str, path: Path) -> bool:
    try:
        with path.open("rb") as ours:
            return all(ours.read(len(chunk)) == chunk for chunk in files.chunks(key)) and (
                ours.read(1) == b""
            )
    except NotFound:
        return False
