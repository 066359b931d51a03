"""The files that a report can be: one protocol, one file a format, found by being there.

Numbers stay numbers, whole ones to their last digit; null stays null, and is told from an empty
text. The bytes depend on the rows alone, not on the parts in which they came, so that an unchanged
answer has an unchanged checksum. These are files for programs: no cell is escaped against
spreadsheets that would take it for a formula. NaN and Infinity, which only half of all readers
know, fail the run in every format.
"""

from __future__ import annotations

import importlib
import math
import pkgutil
from collections.abc import Iterable, Sequence
from typing import Any, BinaryIO, ClassVar, Protocol

from tallymark.engines import Columns
from tallymark.errors import ConfigError, FatalError

Cells = Sequence[Sequence[Any]]
"""Rows: text, int, float, bool, None, or a list of texts for each heading."""


class Sink(Protocol):
    """A file that is being written."""

    def write(self, data: bytes) -> Any: ...
    def scratch(self) -> Sink:
        """Another one, which is thrown away with the spool."""
        ...

    def read(self) -> BinaryIO:
        """What has been written to it."""
        ...


class Writer(Protocol):
    """One file's rows; it holds nothing open, and little in memory."""

    def write(self, rows: Cells) -> None:
        """Raises: FatalError where the format cannot hold a value as it is."""
        ...

    def close(self) -> None:
        """Write what stands at the end; also without any rows it is a whole file then."""
        ...


class Format(Protocol):
    """One of it serves one run: what its files share stands in it."""

    kind: ClassVar[str]
    """The file's name, and `output_format` of a report."""

    def open(self, sink: Sink, headings: Sequence[str]) -> Writer: ...


def discover() -> dict[str, Format]:
    """All formats by kind, fresh for one run: the modules of this folder.

    Raises: ConfigError where one holds no class of its own kind.
    """
    found: dict[str, Format] = {}
    for info in pkgutil.iter_modules(__path__):
        module = importlib.import_module(f"{__name__}.{info.name}")
        own = [v for v in vars(module).values() if getattr(v, "kind", None) == info.name]
        if not own:
            raise ConfigError(f"formats/{info.name}.py holds no class with kind = {info.name!r}")
        found[info.name] = own[0]()
    return found


def columns_of(rows: Cells) -> Sequence[Sequence[Any]]:
    """The columns of rows, of which there are some."""
    return rows.columns if isinstance(rows, Columns) else list(zip(*rows, strict=True))


def widths(rows: Cells) -> set[int]:
    """How many values a row has; of rows that agree, one number."""
    return {len(rows.columns)} if isinstance(rows, Columns) else set(map(len, rows))


def check_finite(columns: Iterable[Sequence[Any]]) -> None:
    """Raises: FatalError for NaN and Infinity."""
    for column in columns:
        if float in map(type, column):
            wrong = [v for v in column if type(v) is float and not math.isfinite(v)]
            if wrong:
                raise FatalError(f"the answer holds {wrong[0]}, which no format of reports does")
