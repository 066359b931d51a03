"""How the collecting behind a metric goes, as a card tells it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """`collected`: something has come in at least once. `advice`: what a person should do."""

    collected: bool = True
    next_run_at: datetime | None = None
    failing_since_at: datetime | None = None
    last_error: str = ""
    advice: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A long first collection: `text` is `collecting 13 months`, `done` a share 0..1."""

    text: str
    done: float
    left_s: float | None = None


def sentence(progress: Progress) -> str:
    """`Collecting 13 months: 62 %, about 2 min left`."""
    text = f"{progress.text[:1].upper()}{progress.text[1:]}: {int(progress.done * 100)} %"
    return text if progress.left_s is None else f"{text}, {_left(progress.left_s)} left"


def _left(seconds: float) -> str:
    if seconds < 90:
        return f"about {max(1, round(seconds / 10)) * 10} s"
    minutes = round(seconds / 60)
    return f"about {minutes} min" if minutes < 90 else f"about {round(minutes / 60)} h"
