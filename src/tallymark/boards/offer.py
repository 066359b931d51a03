"""Which grains make sense for a metric and a range, and why the others do not. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from tallymark.metrics.plan import NOMINAL_S, every
from tallymark.model import GRAINS, Grain, Stream

# 31 days of hours: more points than a card has pixels say nothing.
MAX_POINTS = 750
DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Finest:
    """The finest grain of a metric; `reason` says why nothing finer is offered."""

    grain: Grain = "hour"
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """One place of the grain control; `reason` empty: it can be chosen."""

    grain: Grain
    reason: str = ""


def finest(stream: Stream, step_s: float) -> Finest:
    """What a stream of this step can tell; `SeriesReader` refuses anything finer."""
    if stream.label == "day":
        return Finest("day", f"counted by whole days ({stream.zone})")
    if stream.kind == "push":
        return Finest()
    fits = [grain for grain in GRAINS if step_s <= NOMINAL_S[grain]] or [GRAINS[-1]]
    return Finest(fits[0], f"read {every(step_s)}" if fits[0] != "hour" else "")


def choices(
    days: int, metrics: Sequence[Finest], whole: Collection[Grain] = ()
) -> tuple[Choice, ...]:
    """All six grains for a range of so many days over these metrics.

    `whole`: the grains of which it is made, be it of one that has only begun.
    """
    return tuple(Choice(grain, _reason(grain, days, metrics, whole)) for grain in GRAINS)


def choose(asked: Grain, offered: Sequence[Choice]) -> Grain:
    """The asked grain, or the nearest that makes sense: coarser if it is too fine, else finer."""
    allowed = [choice.grain for choice in offered if not choice.reason]
    place = GRAINS.index(asked)
    coarser = [grain for grain in allowed if GRAINS.index(grain) >= place]
    return coarser[0] if coarser else allowed[-1]


def at_least(grain: Grain, metric: Finest) -> Grain:
    """A card's own grain where its metric cannot follow the board's."""
    return max(grain, metric.grain, key=GRAINS.index)


def _reason(grain: Grain, days: int, metrics: Sequence[Finest], whole: Collection[Grain]) -> str:
    if days * DAY_S / NOMINAL_S[grain] > MAX_POINTS:
        return f"Too fine for {days:,} days: choose a shorter range"
    if NOMINAL_S[grain] > days * DAY_S and grain not in whole:
        return f"A {grain} is longer than {_days(days)}: choose a longer range"
    coarse = [metric for metric in metrics if GRAINS.index(metric.grain) > GRAINS.index(grain)]
    if metrics and len(coarse) == len(metrics):
        return f"Nothing here has a finer grain: {coarse[0].reason}"
    return ""


def _days(days: int) -> str:
    return "one day" if days == 1 else f"{days:,} days"
