"""How spans of time and causes are said to people. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, time, timedelta, tzinfo

_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Words:
    """Says instants in the workspace's zone, and whole days in the stream's, where they are cut."""

    now: datetime
    zone: tzinfo
    days_in: tzinfo

    def moment(self, at: datetime) -> str:
        """`24 Nov 06:00`; the year only where it is not this one."""
        local = at.astimezone(self.zone)
        return f"{self._date(local)} {local:%H:%M}"

    def span(self, start_at: datetime, end_at: datetime) -> str:
        """`3–5 Nov`, `30 Oct–2 Nov`, `3 Nov 14:00–16:00`."""
        first, after = start_at.astimezone(self.days_in), end_at.astimezone(self.days_in)
        if first.time() == after.time() == time():
            return self._days(first, (end_at - _TICK).astimezone(self.days_in))
        start, end = start_at.astimezone(self.zone), end_at.astimezone(self.zone)
        if start.date() == (end_at - _TICK).astimezone(self.zone).date():
            # midnight is the end of a day here, not the start of the next
            return f"{self.moment(start_at)}–{'24:00' if end.time() == time() else f'{end:%H:%M}'}"
        return f"{self.moment(start_at)} – {self.moment(end_at)}"

    def _days(self, first: datetime, last: datetime) -> str:
        if first.date() == last.date():
            return self._date(first)
        if (first.year, first.month) == (last.year, last.month):
            return f"{first.day}–{self._date(last)}"
        if first.year == last.year:
            return f"{first.day} {first:%b}–{self._date(last)}"
        return f"{first.day} {first:%b} {first.year}–{last.day} {last:%b} {last.year}"

    def _date(self, local: datetime) -> str:
        year = "" if local.year == self.now.astimezone(self.zone).year else f" {local.year}"
        return f"{local.day} {local:%b}{year}"


def names(found: Iterable[str], at_most: int = 3) -> str:
    """`a, b, c and 4 more`; each once."""
    all_of_them = sorted(set(found))
    shown = ", ".join(all_of_them[:at_most])
    more = len(all_of_them) - at_most
    return f"{shown} and {more} more" if more > 0 else shown
