"""CSV as RFC 4180 has it: UTF-8, a header, CRLF. Null is nothing, an empty text is `""`."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, ClassVar

from tallymark.reports.formats import Cells, Sink, Writer, check_finite, kinds
from tallymark.reports.paths import value_text

_SPECIAL = re.compile(r'[",\r\n]')
_AS_THEY_ARE = {str, int, float, type(None)}


class Csv:
    kind: ClassVar[str] = "csv"

    def open(self, sink: Sink, headings: Sequence[str]) -> Writer:
        writer = _Csv(sink)
        writer.write([headings])
        return writer


@dataclass(slots=True)
class _Csv:
    sink: Sink

    def write(self, rows: Cells) -> None:
        found = kinds(rows)
        if float in found:
            check_finite(zip(*rows, strict=True))
        if not found <= _AS_THEY_ARE:
            rows = [[_plain(value) for value in row] for row in rows]
        text = io.StringIO(newline="")
        # with CRLF a lone CR within a text is quoted too; with LF alone it would not be
        writer = csv.writer(text, lineterminator="\r\n")
        if _gapless(rows):
            writer.writerows(rows)
        else:
            text.writelines(_line(row) for row in rows)
        self.sink.write(text.getvalue().encode())

    def close(self) -> None:
        """Nothing stands at the end."""


def _plain(value: Any) -> Any:
    return value if type(value) in _AS_THEY_ARE else value_text(value)


def _gapless(rows: Cells) -> bool:
    """Whether the csv module would tell null and an empty text apart."""
    return bool(rows) and len(rows[0]) > 1 and "" not in chain.from_iterable(rows)


def _line(row: Sequence[Any]) -> str:
    return ",".join(map(_cell, row)) + "\r\n"


def _cell(value: Any) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else repr(value)
    if text and not _SPECIAL.search(text):
        return text
    return '"' + text.replace('"', '""') + '"'
