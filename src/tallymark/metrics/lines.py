"""Cells and facts become lines of judged buckets. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from tallymark.calendar.periods import Calendar
from tallymark.cubes.read import Cell
from tallymark.errors import BadRequest
from tallymark.metrics import polled, pushed
from tallymark.metrics.answer import Bucket, Line
from tallymark.metrics.completeness import (
    Heard,
    Judged,
    Rules,
    Subject,
    combine,
    lacking,
    rolling,
    unread,
)
from tallymark.metrics.define import MetricSpec
from tallymark.metrics.facts import Marks
from tallymark.metrics.plan import MOST_VALUES, Asked, Plan
from tallymark.metrics.values import Readings, Totals, Value
from tallymark.metrics.words import Words, names
from tallymark.model import Cause, Grain, Stream


@dataclass(frozen=True)
class Facts:
    """All that was read to answer one question."""

    now: datetime
    plan: Plan
    metric: MetricSpec
    stream: Stream
    rules: Rules
    subjects: Sequence[Subject]
    marks: Marks
    heard: Heard
    words: Words


def lines(
    facts: Facts, cells: Sequence[Cell], calendar: Calendar, grain: Grain
) -> tuple[Line, ...]:
    """A line a combination of values, in their order; every line has the same buckets."""
    totals = _totals(facts, cells)
    keys = _keys(facts, totals)
    labels = [calendar.key(grain, asked.bucket) for asked in facts.plan.buckets]
    judged: dict[tuple[str, ...], list[Judged]] = {}
    found = []
    for key in keys:
        subjects = _of_line(facts, key)
        # lines of the same subjects are equally true
        whose = tuple(one.name for one in subjects)
        if whose not in judged:
            judged[whose] = [_judge(facts, subjects, asked) for asked in facts.plan.buckets]
        buckets = tuple(
            _bucket(facts, label, asked, subjects, _value(facts, totals, key, asked, subjects), one)
            for label, asked, one in zip(labels, facts.plan.buckets, judged[whose], strict=True)
        )
        found.append(Line(dict(zip(facts.plan.by, key, strict=True)), buckets))
    return tuple(found)


def _keys(facts: Facts, totals: Totals | Readings) -> list[tuple[str, ...]]:
    """The combinations of values that have a line, sorted. Raises: BadRequest for too many."""
    by, subject = facts.plan.by, facts.stream.subject
    keys: set[tuple[str, ...]] = totals.lines() if by else {()}
    names_of = {one.name for one in facts.subjects}
    if by == (subject,):
        # each subject has its line, also where it has no value
        keys = {(name,) for name in names_of}
    elif subject in by:
        keys = {key for key in keys if key[by.index(subject)] in names_of}
    if len(keys) * len(facts.plan.buckets) > MOST_VALUES:
        raise BadRequest(
            f"the answer has {len(keys):,} lines of {len(facts.plan.buckets):,} buckets: filter "
            "it, shorten the range or ask for a coarser grain"
        )
    return sorted(keys)


def _totals(facts: Facts, cells: Sequence[Cell]) -> Totals | Readings:
    if facts.plan.needs == "all":
        return Totals(cells)
    place = facts.plan.cells_by.index(facts.stream.subject)
    return Readings(cells, len(facts.plan.by), place, facts.now)


def _of_line(facts: Facts, key: tuple[str, ...]) -> Sequence[Subject]:
    if facts.stream.subject not in facts.plan.by:
        return facts.subjects
    name = key[facts.plan.by.index(facts.stream.subject)]
    return [one for one in facts.subjects if one.name == name]


def _value(
    facts: Facts,
    totals: Totals | Readings,
    key: tuple[str, ...],
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


def _judge(facts: Facts, subjects: Sequence[Subject], asked: Asked) -> Judged:
    judged: list[tuple[str, Judged | None]]
    if facts.stream.kind == "push":
        judged = [
            (
                one.name,
                pushed.judge(asked.span, one, facts.heard, facts.rules, facts.now, facts.words),
            )
            for one in subjects
        ]
    else:
        judged = [
            (one.name, polled.judge(asked.span, one, facts.rules, facts.now, facts.words))
            for one in subjects
        ]
    whole = combine(judged, begins=_begins(subjects, asked, facts.words))
    return rolling(whole, asked.bucket) if facts.marks.ahead(asked.bucket) else whole


def _begins(subjects: Sequence[Subject], asked: Asked, words: Words) -> str:
    starts = [one.start_at for one in subjects if one.start_at >= asked.span.end_at]
    if not starts:
        return "nothing is collected any more"
    return f"before the first period, which begins {words.moment(min(starts))}"


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
    return (
        facts.stream.absent == "zero"
        and facts.metric.aggregate in ("sum", "count")
        and judged.completeness in ("complete", "provisional")
    )


def complete_to(found: Sequence[Line]) -> datetime | None:
    """The end of the last bucket that is complete in every line."""
    columns = zip(*(line.buckets for line in found), strict=True)
    ends = [
        column[0].end_at
        for column in columns
        if all(bucket.completeness == "complete" for bucket in column)
    ]
    return ends[-1] if ends else None
