"""How true a bucket of a polled stream is: gauges and series, from the coverage of one subject."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from datetime import datetime, timedelta

from tallymark.metrics.completeness import COMPLETE, Judged, Rules, Subject, expected
from tallymark.metrics.words import Words
from tallymark.model import Cause, Completeness, Covered, Period

_TICK = timedelta(microseconds=1)


def judge(
    span: Period, subject: Subject, rules: Rules, now: datetime, words: Words
) -> Judged | None:
    """Judge a bucket's span for one subject; None: nothing is expected of it there."""
    part = expected(span, subject)
    if part is None:
        return None
    if span.end_at <= now and rules.needs != "bounds" and _final(part, subject):
        return COMPLETE
    running = now < span.end_at
    causes: list[Cause] = [_running(span, now, words)] if running else []
    for window in _windows(span, part, subject, rules, now):
        for hole in _holes(window, subject):
            causes += _why(hole, subject, rules, now, words)
    partial = bool(causes)
    if rules.needs == "bounds" and not _begun_before(span, subject):
        partial = True
        text = f"counting began on {words.moment(subject.start_at)}"
        causes.append(Cause("missed", text, span.start_at, subject.start_at))
    for window in _windows(span, part, subject, rules, now):
        causes += _changing(window, subject, rules, now, words)
    if not _covered(part, subject):
        return Judged("missing", tuple(c for c in causes if c.code != "lag"))
    worst: Completeness = "partial" if partial else "provisional" if causes else "complete"
    return Judged(worst, tuple(causes))


def target(span: Period, subject: Subject, now: datetime) -> Period:
    """The last period that meets a bucket, or that has begun in it by now: its last reading's."""
    part = expected(span, subject) or span
    return subject.period(max(part.start_at, min(part.end_at, now) - _TICK))


def read_in(span: Period, subject: Subject) -> bool:
    """Whether a period that begins in the bucket was read; one before may only reach into it."""
    part = expected(span, subject)
    if part is None:
        return False
    first = subject.period(part.start_at)
    begins = first.start_at == part.start_at or part.start_at == subject.start_at
    start_at = part.start_at if begins else first.end_at
    return start_at < part.end_at and _covered(Period(start_at, part.end_at), subject)


def _windows(
    span: Period, part: Period, subject: Subject, rules: Rules, now: datetime
) -> Iterator[Period]:
    """The stretches that must be covered for the value to be whole."""
    if rules.needs == "all":
        if part.start_at < now:
            yield Period(part.start_at, min(part.end_at, now))
        return
    if rules.needs == "bounds" and _begun_before(span, subject):
        yield _within(subject.period(span.start_at - _TICK), subject)
    if part.start_at < now:
        yield _within(target(span, subject, now), subject)


def _within(period: Period, subject: Subject) -> Period:
    """A period as far as it is expected: the first one may have begun before its subject."""
    return expected(period, subject) or period


def _begun_before(span: Period, subject: Subject) -> bool:
    return subject.start_at < span.start_at


def _final(part: Period, subject: Subject) -> bool:
    i = bisect_right(subject.coverage, part.start_at, key=lambda c: c.start_at) - 1
    if i < 0:
        return False
    one = subject.coverage[i]
    return one.state == "final" and one.end_at >= part.end_at


def _meeting(part: Period, subject: Subject) -> Iterator[Covered]:
    i = bisect_right(subject.coverage, part.start_at, key=lambda c: c.start_at) - 1
    for one in subject.coverage[max(i, 0) :]:
        if one.start_at >= part.end_at:
            return
        if one.end_at > part.start_at:
            yield one


def _covered(part: Period, subject: Subject) -> bool:
    return any(one.state in ("read", "final") for one in _meeting(part, subject))


def _holes(window: Period, subject: Subject) -> Iterator[Covered | Period]:
    """The parts of a window that are not covered: stretches that say why, and plain gaps."""
    at = window.start_at
    for one in _meeting(window, subject):
        if one.start_at > at:
            yield Period(at, one.start_at)
        if one.state not in ("read", "final"):
            yield one
        at = max(at, one.end_at)
    if at < window.end_at:
        yield Period(at, window.end_at)


def _why(
    hole: Covered | Period, subject: Subject, rules: Rules, now: datetime, words: Words
) -> Iterator[Cause]:
    if isinstance(hole, Covered):
        yield _told(hole, rules, words)
    else:
        yield from _unread(hole, subject, rules, now, words)


def _told(one: Covered, rules: Rules, words: Words) -> Cause:
    """The cause that a stretch of coverage carries: all of the stretch, not only this bucket's."""
    when = words.span(one.start_at, one.end_at)
    match one.state:
        case "failed":
            return Cause("failed", f"{when} failed: {one.note}", one.start_at, one.end_at)
        case "waiting":
            until = words.moment(one.end_at + rules.lag)
            text = (
                f"{one.note or 'the vendor gave no value yet'}: {when}, asked again until {until}"
            )
            return Cause("waiting", text, one.start_at, one.end_at)
        case _:
            late = ": cannot be fetched later" if rules.kind == "gauge" else ""
            text = f"{one.note or 'it was not read'} {when}{late}"
            return Cause("missed", text, one.start_at, one.end_at)


def _unread(
    gap: Period, subject: Subject, rules: Rules, now: datetime, words: Words
) -> Iterator[Cause]:
    """A stretch without coverage: its time has not come, or the collector is behind.

    A gauge is due while its period runs, a series when its period has ended and the delay is over.
    """
    shown = now - rules.delay
    last = subject.period(min(gap.end_at, now) - _TICK)
    if rules.kind == "gauge" or last.end_at <= shown:
        yield _late(gap, subject, words)
        return
    if gap.start_at < last.start_at:
        # all before the period that is not due yet
        yield from _unread(Period(gap.start_at, last.start_at), subject, rules, now, words)
    due = words.moment(last.end_at + rules.delay)
    text = f"{words.span(last.start_at, last.end_at)} is not given before {due}"
    yield Cause("waiting", text, last.start_at, last.end_at)


def _late(gap: Period, subject: Subject, words: Words) -> Cause:
    text = f"{words.span(gap.start_at, gap.end_at)} is not read yet"
    if subject.trouble:
        text = f"{text}: {subject.trouble}"
    return Cause("late", text, gap.start_at, gap.end_at)


def _changing(
    window: Period, subject: Subject, rules: Rules, now: datetime, words: Words
) -> Iterator[Cause]:
    """Stretches that were read, and may be read again with another result."""
    for one in _meeting(window, subject):
        if one.state == "read":
            final_at = one.end_at + rules.lag
            when = words.span(one.start_at, one.end_at)
            if now < final_at:
                text = f"{when} may still change until {words.moment(final_at)}"
                yield Cause("lag", text, one.start_at, one.end_at)
            else:
                text = f"{when} is not read for the last time yet"
                yield Cause("late", text, one.start_at, one.end_at)


def _running(span: Period, now: datetime, words: Words) -> Cause:
    begun = span.start_at <= now
    text = (
        f"it runs until {words.moment(span.end_at)}"
        if begun
        else f"it begins {words.moment(span.start_at)}"
    )
    return Cause("running", text, span.start_at, span.end_at)
