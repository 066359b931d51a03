"""How true one bucket of a metric is, from all that was read to answer a question. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from tallymark.metrics import polled, pushed
from tallymark.metrics.completeness import (
    Heard,
    Judged,
    Rules,
    Subject,
    combine,
    expected,
    rolling,
)
from tallymark.metrics.define import MetricSpec
from tallymark.metrics.facts import Marks
from tallymark.metrics.overlays import Beside
from tallymark.metrics.plan import Asked, Plan
from tallymark.metrics.words import Words
from tallymark.model import Period, Stream

_TICK = timedelta(microseconds=1)


@dataclass(frozen=True)
class Facts:
    """All that was read to answer one question, beside the cube's cells."""

    now: datetime
    plan: Plan
    metric: MetricSpec
    stream: Stream
    rules: Rules
    subjects: Sequence[Subject]
    marks: Marks
    heard: Heard
    words: Words
    overlays: Sequence[Beside] = ()


def judge(facts: Facts, subjects: Sequence[Subject], asked: Asked) -> Judged:
    """All of its subjects together."""
    each = [(one.name, judge_one(facts, one, asked)) for one in subjects]
    whole = combine(each, begins=_begins(subjects, asked, facts.words))
    return rolling(whole, asked.bucket) if facts.marks.ahead(asked.bucket) else whole


def judge_one(facts: Facts, subject: Subject, asked: Asked) -> Judged | None:
    """None: nothing is expected of this subject there."""
    now, rules, words = facts.now, facts.rules, facts.words
    if facts.stream.kind == "push":
        return pushed.judge(asked.span, subject, facts.heard, rules, now, words)
    return polled.judge(asked.span, subject, rules, now, words)


def all_complete(facts: Facts, subjects: Sequence[Subject], asked: Asked) -> bool:
    """Whether every bucket of a range is complete, which the range as a whole shows.

    False: it must be looked at bucket by bucket.
    """
    if facts.marks.ahead(asked.bucket) or not subjects:
        return False
    strict = replace(facts, rules=replace(facts.rules, needs="all"))
    return all(_complete(strict, one, _widened(asked, one, facts.rules)) for one in subjects)


def _complete(facts: Facts, subject: Subject, asked: Asked) -> bool:
    if expected(asked.span, subject) != asked.span:
        return False  # it begins or ends in the range: some buckets expect nothing of it
    judged = judge_one(facts, subject, asked)
    return judged is not None and judged.completeness == "complete"


def _widened(asked: Asked, subject: Subject, rules: Rules) -> Asked:
    """With the periods that reach into the range: a reading needs the whole of its own."""
    if rules.needs == "all":
        return asked
    first = subject.period(asked.span.start_at - _TICK)
    last = subject.period(asked.span.end_at - _TICK)
    return Asked(asked.bucket, Period(first.start_at, max(last.end_at, asked.span.end_at)))


def _begins(subjects: Sequence[Subject], asked: Asked, words: Words) -> str:
    starts = [one.start_at for one in subjects if one.start_at >= asked.span.end_at]
    if not starts:
        return "nothing is collected any more"
    return f"before the first period, which begins {words.moment(min(starts))}"
