"""When a schedule runs next, for people. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from tallymark.calendar.labels import day
from tallymark.calendar.schedule import Schedule
from tallymark.calendar.zones import zone


def next_runs(schedule: Schedule, at: datetime, n: int = 3) -> list[datetime]:
    """The first runs later than an instant."""
    found = []
    for _ in range(n):
        at = schedule.next_after(at)
        found.append(at)
    return found


def in_words(runs: Sequence[datetime], zone_name: str, now: datetime) -> str:
    """`Tue 24 Nov 06:00, Wed 25 Nov 06:00 and Thu 26 Nov 06:00 (Europe/Berlin)`.

    A day is named once, its year where it is not this one, and the offset of a clock time that
    comes twice: `Sun 25 Oct 02:30 (+02:00), 02:30 (+01:00) and 03:30 (Europe/Berlin)`.
    """
    of_zone = zone(zone_name)
    year, last_on, told = now.astimezone(of_zone).year, None, []
    for run in runs:
        local = run.astimezone(of_zone)
        on = local.date()
        named = "" if on == last_on else day(on) + ("" if on.year == year else f" {on.year}")
        told.append(f"{named} {_clock_time(local)}".strip())
        last_on = on
    return f"{' and '.join(filter(None, (', '.join(told[:-1]), told[-1])))} ({zone_name})"


def _clock_time(local: datetime) -> str:
    twice = local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
    shown = f"{local:%H:%M}"
    return f"{shown} ({local.isoformat()[-6:]})" if twice else shown
