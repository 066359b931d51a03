"""How true a bucket of a pushed stream is: from when receivers listened, and what still waits.

A sender that repeats what was not acknowledged delivers all, once somebody has listened unbroken
for the allowance. One that does not has lost what it sent while nobody listened.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from tallymark.metrics.completeness import Heard, Judged, Rules, Subject, expected
from tallymark.metrics.words import Words
from tallymark.model import Cause, Completeness, Period

BEATS = timedelta(seconds=10)
"""A receiver says that it listens every few seconds: a silence this short is none."""


def judge(
    span: Period, subject: Subject, heard: Heard, rules: Rules, now: datetime, words: Words
) -> Judged | None:
    """Judge a bucket of one source; None: nothing is expected of it there."""
    part = expected(span, subject)
    if part is None:
        return None
    stretches = _up_to(heard.stretches, now)
    silent = list(_silences(part, stretches, now))
    if now < part.end_at:
        causes = (*_down(silent, rules, words), _running(span, now, words))
        return Judged("partial" if _listened(part, stretches) else "missing", causes)
    settled_at = _settled_at(part, stretches, heard.waiting_at, rules.allowance)
    if silent and not rules.retries:
        word: Completeness = "partial" if _listened(part, stretches) else "missing"
        return Judged(word, tuple(_down(silent, rules, words)))
    if settled_at is not None:
        return Judged("complete", (), settled_at)
    if silent:
        ever = any(s.end_at > part.start_at for s in stretches)
        return Judged("partial" if ever else "missing", tuple(_down(silent, rules, words)))
    return Judged(
        "provisional", (_unsettled(part, stretches, heard.waiting_at, rules, now, words),)
    )


def _up_to(stretches: Sequence[Period], now: datetime) -> list[Period]:
    """The stretches until now; the last one goes on where its next beat is not due yet."""
    found = [Period(s.start_at, min(s.end_at, now)) for s in stretches if s.start_at <= now]
    if found and now - found[-1].end_at <= BEATS:
        found[-1] = Period(found[-1].start_at, now)
    return found


def _settled_at(
    part: Period, stretches: Sequence[Period], waiting_at: datetime | None, allowance: timedelta
) -> datetime | None:
    """When all that belongs to the bucket was received, if all of it is in the lake by now."""
    for stretch in stretches:
        at = max(stretch.start_at, part.end_at) + allowance
        if at <= stretch.end_at:
            # what was received later than this cannot be missing
            return at if waiting_at is None or at < waiting_at else None
    return None


def _silences(part: Period, stretches: Sequence[Period], now: datetime) -> Iterator[Period]:
    at, end_at = part.start_at, min(part.end_at, now)
    for stretch in stretches:
        if stretch.start_at > at:
            if at < end_at:
                yield Period(at, min(stretch.start_at, end_at))
            at = stretch.start_at
        at = max(at, stretch.end_at)
    if at < end_at:
        yield Period(at, end_at)


def _listened(part: Period, stretches: Sequence[Period]) -> bool:
    return any(s.start_at < part.end_at and s.end_at > part.start_at for s in stretches)


def _down(silent: Sequence[Period], rules: Rules, words: Words) -> Iterator[Cause]:
    later = "senders repeat what it missed" if rules.retries else "what was sent then is lost"
    for gap in silent:
        text = f"the receiver did not listen {words.span(gap.start_at, gap.end_at)}: {later}"
        yield Cause("receiver_down", text, gap.start_at, gap.end_at)


def _unsettled(
    part: Period,
    stretches: Sequence[Period],
    waiting_at: datetime | None,
    rules: Rules,
    now: datetime,
    words: Words,
) -> Cause:
    if _settled_at(part, stretches, None, rules.allowance) is not None and waiting_at is not None:
        text = f"what was received since {words.moment(waiting_at)} is on its way into the lake"
        return Cause("waiting", text, waiting_at, now)
    last = stretches[-1] if stretches else None
    if last is None or last.end_at < now:
        since = part.end_at if last is None else max(last.end_at, part.end_at)
        text = f"the receiver has not listened since {words.moment(since)}"
        return Cause("receiver_down", text, since, now)
    until = max(last.start_at, part.end_at) + rules.allowance
    return Cause(
        "lag", f"late records are taken in until {words.moment(until)}", part.end_at, until
    )


def _running(span: Period, now: datetime, words: Words) -> Cause:
    word = "runs until" if span.start_at <= now else "begins"
    at = span.end_at if span.start_at <= now else span.start_at
    return Cause("running", f"it {word} {words.moment(at)}", span.start_at, span.end_at)
