"""The states in which a board is looked at, and the pages that show them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from tallymark.boards.health import Health, Progress
from tallymark.calendar.periods import Calendar
from tests.web_world import METRICS, World

NEXT_AT = datetime(2026, 11, 24, 15, tzinfo=UTC)


def much(_: World) -> None:
    """As it is made."""


def little(world: World) -> None:
    world.numbers.since_at = datetime(2026, 11, 22, tzinfo=UTC)
    world.progress = Progress(text="collecting 13 months", done=0.62, left_s=140)


def none(world: World) -> None:
    world.numbers.since_at = datetime(2027, 1, 1, tzinfo=UTC)
    for name in METRICS:
        world.healths[name] = Health(collected=False, next_run_at=NEXT_AT)


def failing(world: World) -> None:
    world.healths["stars"] = Health(
        failing_since_at=datetime(2026, 11, 23, 7, tzinfo=UTC),
        last_error="GitHub did not answer (503 Service Unavailable).",
        advice="Nothing to do: it is tried again at 15:00.",
    )


def sundays(world: World) -> None:
    """Weeks from Sunday, years from October, and numbers for long enough to look back."""
    world.numbers.since_at = datetime(2023, 10, 1, tzinfo=UTC)
    world.numbers.cut = Calendar("Europe/Berlin", "sunday", 10)


STATES: dict[str, tuple[Callable[[World], None], str]] = {
    "much": (much, "/boards/project?range=91d&grain=day"),
    "hours": (much, "/boards/project?range=7d&grain=hour"),
    "weeks": (much, "/boards/project?range=91d&grain=week"),
    "months": (much, "/boards/project?range=13m&grain=month"),
    "two overlays": (much, "/boards/project?range=28d&grain=day&compare=prev,year&align=weekday"),
    "overlay by date": (much, "/boards/project?range=mtd&grain=day&compare=month"),
    "sunday weeks": (sundays, "/boards/project?range=91d&grain=week&compare=prev,year"),
    "fiscal quarters": (
        sundays, "/boards/project?from=2025-10-01&to=2026-11-24&grain=quarter&compare=prev,year",
    ),
    "little": (little, "/boards/project?range=28d&grain=day"),
    "none": (none, "/boards/project"),
    "error": (failing, "/boards/broken"),
    "unknown": (much, "/boards/projekt"),
    "without cards": (much, "/boards/none"),
}  # fmt: skip
