"""Windows and answers for the tests of Druid."""

from __future__ import annotations

from datetime import date
from typing import Any

from tallymark.calendar.periods import Calendar
from tallymark.engines import Window
from tallymark.model import Period


def window(first: str, end: str, zone: str = "UTC", **calendar: Any) -> Window:
    """Dates of a zone, both included."""
    here = Calendar(zone, **calendar)
    first_on, end_on = date.fromisoformat(first), date.fromisoformat(end)
    period = Period(here.start_of(first_on), here.end_of(end_on))
    return Window(first_on=first_on, end_on=end_on, period=period, calendar=here)
