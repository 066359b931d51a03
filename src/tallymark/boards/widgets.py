"""A card as it is first painted: plain data that a template writes out. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta

from tallymark.boards.change import Change, change
from tallymark.boards.define import CardKind, CardSpec, Metric
from tallymark.boards.health import Health
from tallymark.boards.number import ADDS_UP, NumberText, number
from tallymark.boards.offer import Finest
from tallymark.boards.spark import Spark, spark
from tallymark.calendar.labels import moment, upto
from tallymark.calendar.periods import Calendar
from tallymark.metrics.answer import Bucket, Series
from tallymark.model import GRAINS, Grain


@dataclass(frozen=True, slots=True)
class Trouble:
    """What happened, since when, what to do; the last two may be empty."""

    what: str
    since: str = ""
    todo: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """`empty` says why there is nothing to draw; `trouble` may stand beside older numbers.

    `readable` False: the answer itself failed, and `trouble` is all there is.
    """

    id: str
    kind: CardKind
    columns: int
    title: str
    description: str
    unit: str
    note: str = ""
    number: NumberText | None = None
    change: Change | None = None
    spark: Spark | None = None
    complete_to: str = ""
    complete_to_at: datetime | None = None
    empty: str = ""
    trouble: Trouble | None = None
    readable: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known when a card is made. A text in place of a series: why it cannot be read.

    `last_on` is the last day of the range, `days` is the range day by day (or hour by hour),
    `trend` the same at the shown grain.
    """

    calendar: Calendar
    now: datetime
    grain: Grain
    last_on: date
    finest: Finest
    health: Health
    days: Series | str
    trend: Series | str | None = None


def card(place: int, spec: CardSpec, metric: Metric, facts: Facts) -> Card:
    """One card; `place` counts from 0 on its board and makes its id."""
    plain = Card(
        id=f"card-{place}",
        kind=spec.kind,
        columns=spec.columns,
        title=spec.title or metric.title,
        description=metric.description,
        unit=metric.unit,
        note=_note(facts),
    )
    if isinstance(facts.days, str):
        return replace(plain, readable=False, trouble=Trouble(facts.days))
    told = replace(plain, trouble=_trouble(facts))
    buckets = facts.days.series[0].buckets if facts.days.series else ()
    if all(bucket.value is None for bucket in buckets):
        return replace(told, empty=_empty(facts))
    at = facts.days.complete_to
    ended = replace(
        told, complete_to=upto(facts.calendar, at, facts.now) if at else "", complete_to_at=at
    )
    return _with_number(ended, metric, facts, facts.days.grain, buckets)


def _with_number(
    told: Card, metric: Metric, facts: Facts, grain: Grain, buckets: tuple[Bucket, ...]
) -> Card:
    days, trend = facts.days, facts.trend
    if (
        isinstance(days, str)
        or told.kind != "number"
        or not isinstance(trend, Series)
        or not trend.series
    ):
        return told
    shown = trend.series[0].buckets
    if metric.aggregate == "increase":  # never added up: the shown grain's newest bucket
        grain, buckets = trend.grain, shown
    return replace(
        told,
        number=number(facts.calendar, metric.aggregate, grain, buckets, facts.now),
        change=change(metric, trend, facts.now) or change(metric, days, facts.now),
        spark=spark(shown, from_zero=metric.aggregate in ADDS_UP),
    )


def _note(facts: Facts) -> str:
    if GRAINS.index(facts.finest.grain) <= GRAINS.index(facts.grain):
        return ""
    return f"by {facts.finest.grain}: {facts.finest.reason}"


def _trouble(facts: Facts) -> Trouble | None:
    health = facts.health
    if not health.last_error:
        return None
    since = health.failing_since_at
    return Trouble(
        health.last_error,
        moment(facts.calendar, since, facts.now) if since else "",
        health.advice,
    )


def _empty(facts: Facts) -> str:
    if facts.health.collected:
        yesterday = facts.calendar.date_of(facts.now) - timedelta(days=1)
        if facts.last_on == yesterday:
            return "Nothing up to yesterday, where this range ends; mtd has today."
        return "Nothing in this range."
    if facts.health.next_run_at is None:
        return "Nothing collected yet."
    at = moment(facts.calendar, facts.health.next_run_at, facts.now)
    return f"Nothing collected yet: next run {at}."
