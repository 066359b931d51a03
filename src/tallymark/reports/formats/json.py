"""One JSON array of objects, an object a line."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import orjson

from tallymark.reports.formats import Cells, Sink, Writer, check_finite, columns_of


class Json:
    kind: ClassVar[str] = "json"

    def open(self, sink: Sink, headings: Sequence[str]) -> Writer:
        sink.write(b"[")
        return _Json(sink, headings)


@dataclass(slots=True)
class _Json:
    sink: Sink
    headings: Sequence[str]
    between: bytes = b"\n"

    def write(self, rows: Cells) -> None:
        if rows:
            self.sink.write(self.between + b",\n".join(objects(self.headings, rows)))
            self.between = b",\n"

    def close(self) -> None:
        self.sink.write(b"\n]\n" if self.between == b",\n" else b"]\n")


def objects(headings: Sequence[str], rows: Cells) -> list[bytes]:
    """Each row as a JSON object. Raises: FatalError for NaN and Infinity."""
    if rows:
        check_finite(columns_of(rows))
    return [_dumped(dict(zip(headings, row, strict=True))) for row in rows]


def _dumped(found: Mapping[str, Any]) -> bytes:
    try:
        return orjson.dumps(found)
    except TypeError:
        # an integer of more than 64 bits
        return json.dumps(found, ensure_ascii=False, separators=(",", ":")).encode()
