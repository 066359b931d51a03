"""What a bucket of an answer is called, once the calendar has agreed that it is one. Pure."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import lru_cache

from tallymark.calendar.periods import Calendar
from tallymark.calendar.zones import zone
from tallymark.engines.druid.granularity import Cut
from tallymark.errors import BadRequest, FatalError


def namer(cut: Cut, calendar: Calendar) -> Callable[[str], str]:
    """`2026-11-21` where buckets are whole days, else `2026-11-21T14:00:00+05:30`.

    Raises (what it gives): FatalError for an instant at which no period of the calendar starts.
    """
    here = zone(calendar.zone)
    precision = "milliseconds" if cut.sent == "none" else "seconds"

    # an answer names a few buckets very often
    @lru_cache(maxsize=4096)
    def name(text: str) -> str:
        try:
            at = datetime.fromisoformat(text)
            fits = cut.grain is None or calendar.period(cut.grain, at).start_at == at
        except (TypeError, ValueError, BadRequest) as error:
            raise FatalError(f"Druid names a bucket {text!r}") from error
        if not fits:
            raise FatalError(
                f"Druid cuts at {text}: no {cut.grain} of {calendar.zone} starts there"
            )
        local = at.astimezone(here)
        return local.date().isoformat() if cut.whole_days else local.isoformat(timespec=precision)

    return name
