"""Which files of a table are written together anew. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from typing import Literal

from tallymark.model import Period

SMALL_ROWS = 500_000
BIN_ROWS = 1_000_000
"""What one rewriting holds in memory."""
OPEN_FILES = 20
"""A partition that still grows is worth it from so many small files on."""

EPOCH = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class DataFile:
    """A live data file: its partition's number (days or months since 1970), first `ts`, rows."""

    path: str
    partition: int
    first_us: int
    n_rows: int
    has_deletes: bool = False
    """Somebody wrote delete files against it: a reader of Parquet alone would see dead rows."""


def bins(
    files: Iterable[DataFile], unit: Literal["day", "month"], now: datetime
) -> Iterator[list[str]]:
    """Paths that become one file, the oldest partition first.

    Small files of closed partitions, and of open ones that have many.
    """
    ordered = sorted(files, key=lambda file: (file.partition, file.first_us, file.path))
    for number, group in groupby(ordered, key=lambda file: file.partition):
        period = period_of(unit, number)
        small = [file for file in group if file.n_rows < SMALL_ROWS or file.has_deletes]
        if len(small) < OPEN_FILES and period.end_at > now and not _dead(small):
            continue
        for files_of_bin in _filled(small):
            if len(files_of_bin) > 1 or _dead(files_of_bin):
                yield [file.path for file in files_of_bin]


def _dead(files: list[DataFile]) -> bool:
    return any(file.has_deletes for file in files)


def _filled(files: list[DataFile]) -> Iterator[list[DataFile]]:
    """Neighbours in time together, so that an hour stays in few files."""
    taken: list[DataFile] = []
    for file in files:
        if taken and sum(other.n_rows for other in taken) + file.n_rows > BIN_ROWS:
            yield taken
            taken = []
        taken.append(file)
    if taken:
        yield taken


def period_of(unit: Literal["day", "month"], number: int) -> Period:
    """The partition's span; its number counts days or months since 1970."""
    if unit == "day":
        start = EPOCH + timedelta(days=number)
        return Period(_midnight(start), _midnight(start + timedelta(days=1)))
    return Period(_midnight(_month(number)), _midnight(_month(number + 1)))


def _month(number: int) -> date:
    return date(1970 + number // 12, 1 + number % 12, 1)


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
