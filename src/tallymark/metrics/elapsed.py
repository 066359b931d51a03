"""The elapsed part of a running bucket: where it is cut, and what its value is made of. Pure.

A part is put together from its whole days and the hours of its last one, so that the part of a year
costs no more than 366 days and 24 hours.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from tallymark.calendar.periods import Calendar
from tallymark.cubes.read import Cell
from tallymark.metrics.completeness import Subject
from tallymark.metrics.judging import Facts, judge, judge_one
from tallymark.metrics.plan import Asked, asked_of
from tallymark.model import Aggregate, Grain, Period


def running(buckets: Sequence[Asked], now: datetime) -> int | None:
    """The place of the bucket that holds the present instant."""
    for place, asked in enumerate(buckets):
        if asked.bucket.start_at <= now < asked.bucket.end_at:
            return place
    return None


def cut_at(facts: Facts, calendar: Calendar, bucket: Period, finest: Grain) -> datetime:
    """The end of the last full hour, or day, of a running bucket for which its metric is complete.

    The bucket's own start where none is.
    """
    for day in reversed(calendar.periods("day", bucket.start_at, facts.now)):
        at = _cut_in(facts, calendar, day, finest)
        if at is not None:
            return at
    return bucket.start_at


def pieces(calendar: Calendar, part: Period) -> list[tuple[Grain, Period]]:
    """The grains and ranges of the cube whose buckets make a part."""
    last_day = calendar.period("day", part.end_at).start_at
    found: list[tuple[Grain, Period]] = []
    if part.start_at < last_day:
        found.append(("day", Period(part.start_at, last_day)))
    if last_day < part.end_at:
        found.append(("hour", Period(max(part.start_at, last_day), part.end_at)))
    return found


def rolled(
    cells: Iterable[Cell], aggregate: Aggregate, start_us: int, places: Sequence[int]
) -> list[Cell]:
    """The cells of a part as the one bucket that a cube would hold of it.

    `places`: which of a cell's dimensions are kept.
    """
    if aggregate == "last":
        newest: dict[tuple[str, ...], Cell] = {}
        for cell in cells:
            before = newest.get(cell.by)
            if before is None or (before.at_us or 0) <= (cell.at_us or 0):
                newest[cell.by] = cell
        cells = newest.values()
    found: dict[tuple[str, ...], Cell] = {}
    for cell in cells:
        by = tuple(cell.by[place] for place in places)
        one = replace(cell, by=by, start_us=start_us)
        found[by] = _joined(found[by], one, aggregate) if by in found else one
    return list(found.values())


def _joined(one: Cell, other: Cell, aggregate: Aggregate) -> Cell:
    match aggregate:
        case "min":
            value = min(one.value, other.value)
        case "max":
            value = max(one.value, other.value)
        case "sum" | "count" | "last":
            value = one.value + other.value
    return replace(one, value=value, at_us=max(one.at_us or 0, other.at_us or 0))


def _cut_in(facts: Facts, calendar: Calendar, day: Period, finest: Grain) -> datetime | None:
    """The end of the last complete hour of a day, or of the day itself."""
    asked = asked_of(facts.stream, calendar, day)
    if day.end_at <= facts.now and _complete(facts, asked):
        return day.end_at
    if finest == "day" or any(_silent(facts, one, asked) for one in facts.subjects):
        return None
    for hour in reversed(calendar.periods("hour", day.start_at, min(day.end_at, facts.now))):
        if hour.end_at <= facts.now and _complete(facts, Asked(hour, hour)):
            return hour.end_at
    return None


def _complete(facts: Facts, asked: Asked) -> bool:
    return judge(facts, facts.subjects, asked).completeness == "complete"


def _silent(facts: Facts, subject: Subject, day: Asked) -> bool:
    """Whether a subject has nothing all day, so that none of its hours can be complete."""
    if subject.start_at > day.span.start_at:
        return False
    judged = judge_one(facts, subject, day)
    return judged is not None and judged.completeness == "missing"
