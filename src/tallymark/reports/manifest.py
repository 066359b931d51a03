"""The manifest of a grouped run: which files are the run. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Protocol

import orjson


class File(Protocol):
    """What a manifest tells of a file."""

    @property
    def path(self) -> str: ...
    @property
    def rows(self) -> int: ...
    @property
    def bytes(self) -> int: ...
    @property
    def sha256(self) -> str: ...


def of(
    report_id: str, end_on: str, revision: int, made_at: datetime, files: Sequence[File]
) -> bytes:
    """Paths lie below the report's prefix."""
    told = {
        "report_id": report_id,
        "end_date": end_on,
        "revision": revision,
        "generated_at": made_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "files": [
            {"path": file.path, "rows": file.rows, "bytes": file.bytes, "sha256": file.sha256}
            for file in files
        ],
    }
    return orjson.dumps(told, option=orjson.OPT_INDENT_2)


def moved(data: bytes, move: Callable[[str], str]) -> bytes | None:
    """The manifest of the same files at other paths; None where it is none of ours."""
    try:
        told = orjson.loads(data)
        for file in told["files"]:
            file["path"] = move(file["path"])
    except (ValueError, KeyError, TypeError):
        return None
    return orjson.dumps(told, option=orjson.OPT_INDENT_2)
