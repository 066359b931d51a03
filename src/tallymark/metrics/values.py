"""From a cube's cells to the values of lines and buckets. Pure.

`last` is summed over subjects, and null where one that had started lacks its reading. `increase` is
`last` less the last reading before the bucket; it is never summed over time.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from tallymark.cubes.read import Cell
from tallymark.metrics.completeness import Subject, expected
from tallymark.metrics.plan import Asked
from tallymark.metrics.polled import target
from tallymark.state.schema import to_us

_TICK = timedelta(microseconds=1)

Number = int | float


@dataclass(frozen=True, slots=True)
class Value:
    """A number, or None; `lacking`: subjects whose reading is not where it should be."""

    number: Number | None
    lacking: tuple[str, ...] = ()
    unread: bool = False
    """No subject has a reading in the bucket."""


@dataclass(frozen=True, slots=True)
class Reading:
    start_us: int
    number: Number
    at_us: int


class Totals:
    """Values that add up by themselves: one cell is one value."""

    def __init__(self, cells: Iterable[Cell]) -> None:
        self._found = {(cell.by, cell.start_us): cell.value for cell in cells}

    def lines(self) -> set[tuple[str, ...]]:
        return {by for by, _ in self._found}

    def value(self, by: tuple[str, ...], asked: Asked) -> Value:
        return Value(self._found.get((by, to_us(asked.bucket.start_at))))


class Readings:
    """The last readings of each subject, by line, in the order of time."""

    def __init__(self, cells: Iterable[Cell], n_by: int, subject_at: int, now: datetime) -> None:
        """`subject_at`: where in a cell's `by` its subject stands; `n_by`: how long a line's is."""
        self._now = now
        self._found: dict[tuple[str, ...], dict[str, list[Reading]]] = defaultdict(dict)
        for cell in sorted(cells, key=lambda cell: cell.start_us):
            reading = Reading(cell.start_us, cell.value, cell.at_us or 0)
            of_line = self._found[cell.by[:n_by]]
            of_line.setdefault(cell.by[subject_at], []).append(reading)

    def lines(self) -> set[tuple[str, ...]]:
        return set(self._found)

    def last(self, by: tuple[str, ...], asked: Asked, subjects: Sequence[Subject]) -> Value:
        """The sum of what each subject showed last in the bucket."""
        found = self._found.get(by, {})
        numbers, lacking = [], []
        null = False
        for subject in subjects:
            if expected(asked.span, subject) is None:
                continue
            reading = _in(found.get(subject.name, ()), asked)
            if reading is None:
                null = True
                lacking.append(subject.name)
                continue
            numbers.append(reading.number)
            if not self._is_last(reading, asked, subject):
                lacking.append(subject.name)
        number = None if null or not numbers else sum(numbers)
        return Value(number, tuple(lacking), unread=not numbers)

    def some(self, by: tuple[str, ...], asked: Asked) -> Value:
        """The sum of the readings that are there, where nobody knows which should be."""
        found = (_in(readings, asked) for readings in self._found.get(by, {}).values())
        numbers = [reading.number for reading in found if reading]
        return Value(sum(numbers) if numbers else None)

    def increase(self, by: tuple[str, ...], asked: Asked, subjects: Sequence[Subject]) -> Value:
        """How much more each subject showed last than right before the bucket, summed."""
        found = self._found.get(by, {})
        numbers, lacking, unread = [], [], True
        for subject in subjects:
            if expected(asked.span, subject) is None:
                continue
            readings = found.get(subject.name, ())
            before, reading = _before(readings, asked, subject), _in(readings, asked)
            unread = unread and reading is None
            if before is None or reading is None or not self._is_last(reading, asked, subject):
                lacking.append(subject.name)
            else:
                numbers.append(reading.number - before.number)
        number = None if lacking or not numbers else sum(numbers)
        return Value(number, tuple(lacking), unread)

    def _is_last(self, reading: Reading, asked: Asked, subject: Subject) -> bool:
        """Whether it is of the bucket's last period; while the bucket runs, the newest will do."""
        if self._now < asked.span.end_at:
            return True
        return reading.at_us >= to_us(target(asked.span, subject, self._now).start_at)


def _in(readings: Sequence[Reading], asked: Asked) -> Reading | None:
    start_us = to_us(asked.bucket.start_at)
    i = bisect_left(readings, start_us, key=lambda r: r.start_us)
    found = readings[i] if i < len(readings) else None
    return found if found and found.start_us == start_us else None


def _before(readings: Sequence[Reading], asked: Asked, subject: Subject) -> Reading | None:
    """The last reading before the bucket, if it is of the period right before it."""
    i = bisect_left(readings, to_us(asked.bucket.start_at), key=lambda r: r.start_us) - 1
    wanted_us = to_us(subject.period(asked.span.start_at - _TICK).start_at)
    return readings[i] if i >= 0 and readings[i].at_us >= wanted_us else None
