"""What is due follows from periods and coverage, never from clock ticks. Pure.

A missed tick cannot exist, and catching up after an outage needs no code of its own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from tallymark.calendar.schedule import Schedule, parse_duration
from tallymark.ledger.coverage import SETTLED, gaps, merge
from tallymark.model import Covered, Period, Stream

NO_VALUE_YET = "the vendor gave no value yet"
NO_VALUE = "the vendor gave no value"
NOT_CAUGHT_UP = "not caught up, as the catch-up policy says"


@dataclass(frozen=True)
class Plan:
    """What to ask for now, what is missing for good, and when the answer may change."""

    spans: tuple[Period, ...]
    missing: tuple[Covered, ...]
    check_at: datetime


def plan(
    stream: Stream,
    schedule: Schedule,
    *,
    start_at: datetime,
    coverage: Sequence[Covered],
    now: datetime,
    catch_up: str = "all",
    note: str,
) -> Plan:
    """Decide for one object; `coverage` is all that meets `[start_at, …)`, sorted.

    `start_at` may be the object's `settled_at`: nothing before it is looked at. `note` says why a
    gauge has no reading.
    """
    if stream.kind == "gauge":
        return _plan_gauge(schedule, start_at, coverage, now, note)
    return _plan_series(stream, schedule, start_at, coverage, now, catch_up)


def _plan_gauge(
    schedule: Schedule, start_at: datetime, coverage: Sequence[Covered], now: datetime, note: str
) -> Plan:
    if now < start_at:
        return Plan((), (), start_at)
    running = schedule.period(now)
    settled = [c for c in coverage if c.state in SETTLED]
    ended = gaps(start_at, max(start_at, running.start_at), settled)
    missing = [Covered(*gap, "missing", None, note) for gap in ended]
    unread = any(gaps(running.start_at, running.end_at, settled))
    return Plan((running,) if unread else (), tuple(missing), running.end_at)


def _plan_series(
    stream: Stream,
    schedule: Schedule,
    start_at: datetime,
    coverage: Sequence[Covered],
    now: datetime,
    catch_up: str,
) -> Plan:
    # with a delay all is as without one, that much earlier
    shown = now - timedelta(seconds=stream.delay_s)
    cut = periods_of(stream, schedule)
    ended = [p for p in cut.periods(start_at, shown) if p.end_at <= shown]
    unsettled = list(_unsettled(ended, start_at, coverage))
    never = [period for period, read_at in unsettled if read_at is None]
    skipped = _skipped(never, catch_up, shown, schedule)
    tick = schedule.latest(shown)
    due = [
        period
        for period, read_at in unsettled
        if period not in skipped and (read_at is None or read_at < tick)
    ]
    ends_at = cut.period(max(shown, start_at)).end_at
    changes_at = min(ends_at, schedule.next_after(shown)) if unsettled else ends_at
    return Plan(
        tuple(_join(due, stream.max_span_s)),
        tuple(_passed_over(skipped, start_at, coverage)),
        changes_at + (now - shown),
    )


def periods_of(stream: Stream, schedule: Schedule) -> Schedule:
    """How a series is cut: by the day where its rows carry a day's label, else by its schedule."""
    return Schedule.parse("1d", "UTC") if stream.label == "day" else schedule


def _unsettled(
    periods: Iterable[Period], start_at: datetime, coverage: Sequence[Covered]
) -> Iterator[tuple[Period, datetime | None]]:
    """The periods that may still be asked for, and when each was last read as a whole."""
    first = 0
    for period in periods:
        while first < len(coverage) and coverage[first].end_at <= period.start_at:
            first += 1
        inside = []
        for one in coverage[first:]:
            if one.start_at >= period.end_at:
                break
            inside.append(one)
        if any(gaps(max(period.start_at, start_at), period.end_at, inside)):
            yield period, None
        elif reads := [c.read_at for c in inside if c.state not in SETTLED]:
            yield period, min(read_at for read_at in reads if read_at is not None)


def _skipped(
    never: Sequence[Period], catch_up: str, shown: datetime, schedule: Schedule
) -> frozenset[Period]:
    """Which periods that were never read the catch-up policy passes over.

    `all` none; `latest` all but the last; `none` those that ended more than one step of the
    schedule ago; an age such as `30d` those that ended longer ago.
    """
    if catch_up == "all":
        return frozenset()
    if catch_up == "latest":
        return frozenset(never[:-1])
    age = timedelta(seconds=schedule.step_s) if catch_up == "none" else parse_duration(catch_up)
    return frozenset(period for period in never if period.end_at <= shown - age)


def _passed_over(
    skipped: Iterable[Period], start_at: datetime, coverage: Sequence[Covered]
) -> list[Covered]:
    wanted = ((max(p.start_at, start_at), p.end_at) for p in skipped)
    open_parts = (gap for start, end in wanted for gap in gaps(start, end, coverage))
    return merge(Covered(*gap, "missing", None, NOT_CAUGHT_UP) for gap in open_parts)


def _join(due: Iterable[Period], max_span_s: float) -> list[Period]:
    spans: list[Period] = []
    for period in due:
        if spans and spans[-1].end_at == period.start_at:
            longer = Period(spans[-1].start_at, period.end_at)
            if (longer.end_at - longer.start_at).total_seconds() <= max_span_s:
                spans[-1] = longer
                continue
        spans.append(period)
    return spans


def after_read(
    stream: Stream,
    schedule: Schedule,
    span: Period,
    read_at: datetime,
    ts_with_rows: Collection[datetime] | None = None,
) -> list[Covered]:
    """What a reading of a span covers.

    `ts_with_rows` are the starts of the periods that had rows; None: it does not matter.
    """
    if stream.kind == "gauge":
        return [Covered(span.start_at, span.end_at, "final")]
    lag = timedelta(seconds=stream.lag_s)
    if stream.absent == "zero":
        ts_with_rows = None
    covered = []
    for period in periods_of(stream, schedule).periods(span.start_at, span.end_at):
        start_at, end_at = max(period.start_at, span.start_at), min(period.end_at, span.end_at)
        empty = ts_with_rows is not None and period.start_at not in ts_with_rows
        if read_at >= period.end_at + lag:
            one = Covered(start_at, end_at, "missing", None, NO_VALUE) if empty else None
            covered.append(one or Covered(start_at, end_at, "final"))
        else:
            one = Covered(start_at, end_at, "waiting", read_at, NO_VALUE_YET) if empty else None
            covered.append(one or Covered(start_at, end_at, "read", read_at))
    return merge(covered)
