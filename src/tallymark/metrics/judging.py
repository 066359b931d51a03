"""How true one bucket of a metric is, from all that was read to answer a question. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from tallymark.metrics import polled, pushed
from tallymark.metrics.completeness import Heard, Judged, Rules, Subject, combine, rolling
from tallymark.metrics.define import MetricSpec
from tallymark.metrics.facts import Marks
from tallymark.metrics.overlays import Beside
from tallymark.metrics.plan import Asked, Plan
from tallymark.metrics.words import Words
from tallymark.model import Stream


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


def _begins(subjects: Sequence[Subject], asked: Asked, words: Words) -> str:
    starts = [one.start_at for one in subjects if one.start_at >= asked.span.end_at]
    if not starts:
        return "nothing is collected any more"
    return f"before the first period, which begins {words.moment(min(starts))}"
