"""An answer becomes files on the local disk, before anything of it is published.

rows ─▶ the chosen columns ─▶ one writer a combination of the group-by fields ─▶ waiting bytes
                                                                     all written out by 32 MiB

No file is held open between two writes, so any number of combinations needs one handle. The spool
is scratch: it is not synced, and a run that was killed begins it anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path
from typing import Any

from tallymark.engines import Rows
from tallymark.errors import FatalError
from tallymark.reports.columns import resolve
from tallymark.reports.define import ReportSpec
from tallymark.reports.formats import Cells, Writer, discover, widths
from tallymark.reports.paths import value_text
from tallymark.reports.pattern import Naming, object_path
from tallymark.reports.scratch import Scratch, ScratchFile

MOST_FILES = 100_000
"""More combinations than this are a mistake in the report; it bounds the memory too."""


@dataclass(frozen=True, slots=True)
class SpooledFile:
    path: str
    """Below the prefix."""
    local: Path
    rows: int
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Spooled:
    files: tuple[SpooledFile, ...]
    """By path. Without rows: one with its header; none where the report is grouped."""
    rows: int
    headings: tuple[str, ...]


def spool(answer: Iterator[Rows], spec: ReportSpec, naming: Naming, folder: Path) -> Spooled:
    """Write an answer below `folder`, which is empty.

    Raises: what the answer raises; FatalError where it does not fit the report or its format.
    """
    first = next(answer, None)
    if first is None:
        raise FatalError("the engine gave no answer, not even an empty one")
    columns = first.columns
    chosen = resolve(columns, spec)
    out = _Out(spec, naming, Scratch(folder), tuple(heading for _, heading in chosen))
    cut = _cutter(columns, [column for column, _ in chosen])
    group = _cutter(columns, spec.group_by)
    part: Rows | None = first
    while part is not None:
        _check(part, columns)
        if spec.group_by:
            out.grouped(cut(part.rows), group(part.rows))
        else:
            out.plain(cut(part.rows))
        part = next(answer, None)
    return out.done()


def _check(part: Rows, columns: Sequence[str]) -> None:
    if part.columns != columns:
        raise FatalError(f"the columns changed within the answer: {columns}, then {part.columns}")
    lengths = widths(part.rows) - {len(columns)}
    if lengths:
        raise FatalError(
            f"a row of the answer has {min(lengths)} values for {len(columns)} columns"
        )


def _cutter(columns: Sequence[str], wanted: Sequence[str]) -> Callable[[Cells], Cells]:
    """Takes the wanted columns out of rows, in their order."""
    places = [columns.index(column) for column in wanted]
    if places == list(range(len(columns))):
        return lambda rows: rows
    if len(places) == 1:
        return lambda rows: [(row[places[0]],) for row in rows]
    if not places:
        return lambda rows: [()] * len(rows)
    taken = itemgetter(*places)
    return lambda rows: list(map(taken, rows))


@dataclass(slots=True)
class _File:
    path: str
    local: ScratchFile
    writer: Writer
    rows: int = 0

    def write(self, rows: Cells) -> None:
        self.writer.write(rows)
        self.rows += len(rows)

    def close(self) -> SpooledFile:
        self.writer.close()
        n_bytes, sha256 = self.local.close()
        return SpooledFile(self.path, self.local.path, self.rows, n_bytes, sha256)


class _Out:
    """The files of one answer."""

    def __init__(
        self, spec: ReportSpec, naming: Naming, scratch: Scratch, headings: tuple[str, ...]
    ) -> None:
        self._spec = spec
        self._naming = naming
        self._scratch = scratch
        self._headings = headings
        self._format = discover()[spec.output_format]
        self._by_path: dict[str, _File] = {}
        self._by_values: dict[tuple[str | None, ...], _File] = {}

    def plain(self, rows: Cells) -> None:
        self._file(()).write(rows)

    def grouped(self, rows: Cells, groups: Cells) -> None:
        """A part's rows go to their files together: a write of one row each is far slower."""
        together: dict[tuple[str | None, ...], list[Sequence[Any]]] = {}
        for row, values in zip(rows, groups, strict=True):
            # as texts: 1, true and 1.0 are one key of a dict, and three folders
            key = tuple([None if v is None else value_text(v) for v in values])
            together.setdefault(key, []).append(row)
        for key, found in together.items():
            self._file(key).write(found)

    def done(self) -> Spooled:
        if not self._spec.group_by:
            self._file(())
        files = [self._by_path[path].close() for path in sorted(self._by_path)]
        return Spooled(tuple(files), sum(file.rows for file in files), self._headings)

    def _file(self, values: tuple[str | None, ...]) -> _File:
        found = self._by_values.get(values)
        if found is None:
            groups = dict(zip(self._spec.group_by, values, strict=True))
            path = object_path(self._spec.pattern, self._naming, groups)
            found = self._by_path.get(path) or self._open(path)
            self._by_values[values] = found
        return found

    def _open(self, path: str) -> _File:
        if len(self._by_path) >= MOST_FILES:
            fields = ", ".join(self._spec.group_by)
            raise FatalError(f"more than {MOST_FILES:,} combinations of {fields}: group by fewer")
        local = self._scratch.file()
        opened = _File(path, local, self._format.open(local, self._headings))
        self._by_path[path] = opened
        return opened
