"""Which grains make sense for a metric and a range, and why the others do not. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tallymark.model import GRAINS, Grain, Stream

NOMINAL_DAYS: dict[Grain, float] = {
    "hour": 1 / 24,
    "day": 1,
    "week": 7,
    "month": 28,
    "quarter": 90,
    "year": 365,
}
# 31 days of hours: more points than a card has pixels say nothing.
MAX_POINTS = 750


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
    """What a stream whose schedule has this nominal step can tell."""
    if stream.label == "day":
        return Finest("day", f"counted by whole days ({stream.zone})")
    for grain in reversed(GRAINS):
        if stream.kind != "push" and step_s >= NOMINAL_DAYS[grain] * 86_400 and grain != "hour":
            return Finest(grain, f"read once a {grain}")
    return Finest()


def choices(days: int, metrics: Sequence[Finest]) -> tuple[Choice, ...]:
    """All six grains for a range of so many days over these metrics."""
    return tuple(Choice(grain, _reason(grain, days, metrics)) for grain in GRAINS)


def choose(asked: Grain, offered: Sequence[Choice]) -> Grain:
    """The asked grain, or the nearest that makes sense: coarser if it is too fine, else finer."""
    allowed = [choice.grain for choice in offered if not choice.reason]
    place = GRAINS.index(asked)
    coarser = [grain for grain in allowed if GRAINS.index(grain) >= place]
    return coarser[0] if coarser else allowed[-1]


def at_least(grain: Grain, metric: Finest) -> Grain:
    """A card's own grain where its metric cannot follow the board's."""
    return max(grain, metric.grain, key=GRAINS.index)


def _reason(grain: Grain, days: int, metrics: Sequence[Finest]) -> str:
    if days / NOMINAL_DAYS[grain] > MAX_POINTS:
        return f"Too fine for {days:,} days: choose a shorter range"
    if NOMINAL_DAYS[grain] > days:
        return f"A {grain} is longer than {_days(days)}: choose a longer range"
    coarse = [metric for metric in metrics if GRAINS.index(metric.grain) > GRAINS.index(grain)]
    if metrics and len(coarse) == len(metrics):
        return f"Nothing here has a finer grain: {coarse[0].reason}"
    return ""


def _days(days: int) -> str:
    return "one day" if days == 1 else f"{days:,} days"
