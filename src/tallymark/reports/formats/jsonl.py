"""A JSON object a line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from tallymark.reports.formats import Cells, Sink, Writer
from tallymark.reports.formats.json import objects


class Jsonl:
    kind: ClassVar[str] = "jsonl"

    def open(self, sink: Sink, headings: Sequence[str]) -> Writer:
        return _Jsonl(sink, headings)


@dataclass(slots=True)
class _Jsonl:
    sink: Sink
    headings: Sequence[str]

    def write(self, rows: Cells) -> None:
        self.sink.write(b"".join(line + b"\n" for line in objects(self.headings, rows)))

    def close(self) -> None:
        """Nothing stands at the end."""
