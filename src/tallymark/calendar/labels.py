"""How a period is called on an axis, in a title and in a sentence. Pure."""

from __future__ import annotations

from datetime import date, datetime, timedelta

from tallymark.calendar.periods import Calendar
from tallymark.calendar.zones import zone
from tallymark.model import Grain

# Not strftime: names must not follow the server's locale.
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_MONTHS = tuple(name[:3] for name in MONTHS)
_TICK = timedelta(microseconds=1)


def axis_label(calendar: Calendar, grain: Grain, start_at: datetime, end_at: datetime) -> str:
    """`14:00`, `Mon 3 Aug`, `3–9 Aug`, `Aug 2026`, `Q3 2026` or `Q3 FY26`, `2026` or `FY26`."""
    first = calendar.date_of(start_at)
    if grain == "hour":
        return clock_time(calendar, start_at)
    if grain == "day":
        return day(first)
    if grain == "week":
        return _days(first, calendar.date_of(end_at - _TICK))
    return _large(calendar, grain, first)


def title(
    calendar: Calendar, grain: Grain, start_at: datetime, end_at: datetime, key: str = ""
) -> str:
    """The same with all that an axis leaves out: weekday, year, both ends of an hour."""
    first = calendar.date_of(start_at)
    if grain == "hour":
        # Only an hour that comes twice has its offset in the key.
        offset = f" ({key[13:]})" if len(key) > 13 else ""
        span = f"{clock_time(calendar, start_at)}–{clock_time(calendar, end_at)}"
        return f"{day(first)} {first.year}, {span}{offset}"
    if grain == "day":
        return f"{day(first)} {first.year}"
    if grain == "week":
        last = calendar.date_of(end_at - _TICK)
        year = f" {first.year}" if first.year != last.year else ""
        return _days(first, last, year) + f" {last.year}"
    return _large(calendar, grain, first)


def called(
    calendar: Calendar, grain: Grain, start_at: datetime, end_at: datetime, now: datetime
) -> str:
    """A bucket in a sentence, as short as today allows: `today`, `14:00–15:00`, `3–9 Aug`."""
    first, today = calendar.date_of(start_at), calendar.date_of(now)
    if grain == "day":
        return "today" if first == today else day(first) + _year_unless(first, today)
    if grain == "hour":
        return f"{moment(calendar, start_at, now)}–{clock_time(calendar, end_at)}"
    return axis_label(calendar, grain, start_at, end_at)


def moment(calendar: Calendar, at: datetime, now: datetime) -> str:
    """An instant as people say it today: `14:00`, `Sun 2 Aug 14:00`, `Sun 2 Aug 2025 14:00`."""
    on, today = calendar.date_of(at), calendar.date_of(now)
    if on == today:
        return clock_time(calendar, at)
    return f"{day(on)}{_year_unless(on, today)} {clock_time(calendar, at)}"


def upto(calendar: Calendar, end_at: datetime, now: datetime) -> str:
    """Where completeness ends: `14:00` inside a day, else the last whole day, `Sun 2 Aug`."""
    last, today = calendar.date_of(end_at - _TICK), calendar.date_of(now)
    if calendar.date_of(end_at) == last:
        return moment(calendar, end_at, now)
    return f"{day(last)}{_year_unless(last, today)}"


def clock_time(calendar: Calendar, at: datetime) -> str:
    return at.astimezone(zone(calendar.zone)).strftime("%H:%M")


def day(on: date) -> str:
    return f"{_DAYS[on.weekday()]} {on.day} {_MONTHS[on.month - 1]}"


def days(first: date, last: date) -> str:
    """A stretch of days with its years: `3–9 Aug 2026`, `28 Dec 2025–3 Jan 2026`, `3 Aug 2026`."""
    if first == last:
        return f"{first.day} {_MONTHS[first.month - 1]} {first.year}"
    year = f" {first.year}" if first.year != last.year else ""
    return _days(first, last, year) + f" {last.year}"


def _days(first: date, last: date, year: str = "") -> str:
    end = f"{last.day} {_MONTHS[last.month - 1]}"
    if (first.year, first.month) == (last.year, last.month):
        return f"{first.day}–{end}"
    return f"{first.day} {_MONTHS[first.month - 1]}{year}–{end}"


def _large(calendar: Calendar, grain: Grain, first: date) -> str:
    if grain == "month":
        return f"{_MONTHS[first.month - 1]} {first.year}"
    year, quarter = calendar.quarter_number(first)
    called = str(year) if calendar.fiscal_start == 1 else f"FY{year % 100:02d}"
    return f"Q{quarter} {called}" if grain == "quarter" else called


def _year_unless(on: date, today: date) -> str:
    return "" if on.year == today.year else f" {on.year}"
