"""Cells and facts become lines of judged buckets. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from tallymark.calendar.periods import Calendar
from tallymark.cubes.read import Cell
from tallymark.errors import BadRequest
from tallymark.metrics import polled
from tallymark.metrics.answer import Bucket, Line
from tallymark.metrics.compared import compared, own_sides
from tallymark.metrics.completeness import COMPLETE, Judged, Subject, lacking, unread
from tallymark.metrics.judging import Facts, all_complete, judge
from tallymark.metrics.overlays import Beside
from tallymark.metrics.plan import MOST_VALUES, Asked
from tallymark.metrics.values import Readings, Totals, Value
from tallymark.metrics.words import names
from tallymark.model import Cause, Grain, Overlay
from tallymark.state.schema import to_us

Key = tuple[str, ...]
"""The values that a line is of."""


@dataclass(frozen=True)
class Read:
    """What the cube held."""

    cells: Sequence[Cell]
    """Buckets of the asked grain."""
    parts: Mapping[Asked, Sequence[Cell]] = field(default_factory=dict)
    """The elapsed parts of running buckets, each as one bucket."""


def lines(facts: Facts, read: Read, calendar: Calendar, grain: Grain) -> tuple[Line, ...]:
    """A line a combination of values, in their order; every line has the same buckets."""
    plan = facts.plan
    labels = [calendar.key(grain, asked.bucket) for asked in plan.buckets]
    told = _Told(facts, read)
    found = []
    for key in keys_of(facts, told.totals.lines()):
        of_line = told.line(key)
        buckets = tuple(map(of_line, plan.buckets, labels))
        overlays = {
            one.overlay: compared(
                one, own_sides(one, buckets, of_line), told.line(key, told.known(key, one))
            )
            for one in facts.overlays
        }
        found.append(Line(dict(zip(plan.by, key, strict=True)), buckets, overlays))
    return tuple(found)


class _Told:
    """Values and judgements of buckets. Lines of the same subjects are equally true."""

    def __init__(self, facts: Facts, read: Read) -> None:
        self._facts = facts
        self.totals = _totals(facts, read.cells)
        self._parts = {
            part: _totals(facts, [*_before(read.cells, part), *cells])
            for part, cells in read.parts.items()
        }
        self._judged: dict[Key, dict[Asked, Judged]] = {}
        self._known: dict[tuple[Key, Overlay], Judged | None] = {}

    def line(self, key: Key, known: Judged | None = None) -> Callable[..., Bucket]:
        """What a bucket is worth to a line; `known`: how true all of them are."""
        facts, subjects = self._facts, _of_line(self._facts, key)
        judged = self._judged.setdefault(_whose(subjects), {})

        def told(asked: Asked, label: str = "") -> Bucket:
            if known is None and asked not in judged:
                judged[asked] = judge(facts, subjects, asked)
            totals = self._parts.get(asked, self.totals) if self._parts else self.totals
            value = _value(facts, totals, key, asked, subjects)
            return _bucket(facts, label, asked, subjects, value, known or judged[asked])

        return told

    def known(self, key: Key, beside: Beside) -> Judged | None:
        """How true all of an overlay is: complete, as one look mostly shows; else None."""
        subjects = _of_line(self._facts, key)
        of = (_whose(subjects), beside.overlay)
        if of not in self._known:
            whole = beside.whole and all_complete(self._facts, subjects, beside.whole)
            self._known[of] = COMPLETE if whole else None
        return self._known[of]


def _whose(subjects: Sequence[Subject]) -> Key:
    return tuple(one.name for one in subjects)


def _before(cells: Sequence[Cell], part: Asked) -> list[Cell]:
    """What an increase counts from."""
    start_us = to_us(part.bucket.start_at)
    return [cell for cell in cells if cell.start_us < start_us]


def keys_of(facts: Facts, found: set[Key]) -> list[Key]:
    """The combinations of values that have a line, sorted, given those that have a value.

    Raises: BadRequest for too many.
    """
    by, subject = facts.plan.by, facts.stream.subject
    keys: set[Key] = found if by else {()}
    names_of = {one.name for one in facts.subjects}
    if by == (subject,):
        # each subject has its line, also where it has no value
        keys = {(name,) for name in names_of}
    elif subject in by:
        keys = {key for key in keys if key[by.index(subject)] in names_of}
    count = len(facts.plan.buckets) * (1 + len(facts.overlays))
    if len(keys) * count > MOST_VALUES:
        raise BadRequest(
            f"the answer has {len(keys):,} lines of {count:,} buckets: filter "
            "it, shorten the range or ask for a coarser grain"
        )
    return sorted(keys)


def _totals(facts: Facts, cells: Sequence[Cell]) -> Totals | Readings:
    if facts.plan.needs == "all":
        return Totals(cells)
    place = facts.plan.cells_by.index(facts.stream.subject)
    return Readings(cells, len(facts.plan.by), place, facts.now)


def _of_line(facts: Facts, key: Key) -> Sequence[Subject]:
    if facts.stream.subject not in facts.plan.by:
        return facts.subjects
    name = key[facts.plan.by.index(facts.stream.subject)]
    return [one for one in facts.subjects if one.name == name]


def _value(
    facts: Facts,
    totals: Totals | Readings,
    key: Key,
    asked: Asked,
    subjects: Sequence[Subject],
) -> Value:
    if isinstance(totals, Totals):
        return totals.value(key, asked)
    if facts.plan.needs == "bounds":
        return totals.increase(key, asked, subjects)
    if set(facts.plan.by) <= {facts.stream.subject}:
        return totals.last(key, asked, subjects)
    return totals.some(key, asked)


def _bucket(
    facts: Facts,
    label: str,
    asked: Asked,
    subjects: Sequence[Subject],
    value: Value,
    judged: Judged,
) -> Bucket:
    number = value.number
    ahead = facts.marks.ahead(asked.bucket)
    if value.lacking and not ahead:
        when = facts.words.span(asked.span.start_at, asked.span.end_at)
        text = f"{names(value.lacking)}: its last reading is not of the end of {when}"
        judged = lacking(judged, Cause("missed", text, asked.span.start_at, asked.span.end_at))
    if value.unread and not ahead and not any(polled.read_in(asked.span, s) for s in subjects):
        judged = unread(judged)
    if judged.completeness == "missing":
        number = None
    elif number is None and not ahead and _is_zero(facts, judged):
        number = 0
    restated_at = None
    if judged.settled_at is not None and judged.completeness == "complete":
        newest = facts.marks.newest(asked.bucket)
        restated_at = newest if newest and newest > judged.settled_at else None
    bucket = asked.bucket
    return Bucket(
        label,
        bucket.start_at,
        bucket.end_at,
        number,
        judged.completeness,
        judged.causes,
        restated_at,
    )


def _is_zero(facts: Facts, judged: Judged) -> bool:
    """Whether no row means none: only where all is there, and the stream says so."""
    return adds_zeros(facts) and judged.completeness in ("complete", "provisional")


def adds_zeros(facts: Facts) -> bool:
    """Whether a bucket without a row, of which all is there, is 0 and not unknown."""
    return facts.stream.absent == "zero" and facts.metric.aggregate in ("sum", "count")


def complete_to(found: Sequence[Line]) -> datetime | None:
    """The end of the last bucket that is complete in every line."""
    columns = zip(*(line.buckets for line in found), strict=True)
    ends = [
        column[0].end_at
        for column in columns
        if all(bucket.completeness == "complete" for bucket in column)
    ]
    return ends[-1] if ends else None
