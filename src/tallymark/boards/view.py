"""What an address asks a board to show: a range of days and a grain. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from tallymark.boards.define import RANGES, BoardSpec
from tallymark.boards.offer import Choice, Finest, choices, choose
from tallymark.calendar.periods import Calendar
from tallymark.errors import BadRequest
from tallymark.model import GRAINS, Grain, Period


@dataclass(frozen=True, slots=True)
class Asked:
    """The address's query, as it stands there."""

    range: str = ""
    grain: str = ""
    from_on: str = ""
    to_on: str = ""


@dataclass(frozen=True, slots=True)
class View:
    """What is shown. `range` is one of RANGES, or `custom`; `last_on` is the last day included."""

    range: str
    grain: Grain
    first_on: date
    last_on: date
    choices: tuple[Choice, ...]

    def between(self, calendar: Calendar, now: datetime) -> tuple[datetime, datetime]:
        """The range in a calendar, which may be another card's: `[from_at, to_at)`."""
        last = day_period(calendar, self.last_on)
        # The present bucket comes whole; those that have not begun are nobody's business.
        present = self.last_on >= calendar.date_of(now)
        return day_period(calendar, self.first_on).start_at, _end(last, now, present)


_FIRST: dict[str, Callable[[date], date]] = {
    "7d": lambda today: today - timedelta(days=6),
    "28d": lambda today: today - timedelta(days=27),
    "91d": lambda today: today - timedelta(days=90),
    "mtd": lambda today: today.replace(day=1),
    "qtd": lambda today: today.replace(month=today.month - (today.month - 1) % 3, day=1),
    "ytd": lambda today: today.replace(month=1, day=1),
    "12m": lambda today: _months_back(today, 11),
    "13m": lambda today: _months_back(today, 12),
}


def view(
    board: BoardSpec, asked: Asked, metrics: Sequence[Finest], calendar: Calendar, now: datetime
) -> View:
    """Decide what is shown.

    Raises: BadRequest when the address names a range, grain or date that does not exist.
    """
    if asked.grain and asked.grain not in GRAINS:
        raise BadRequest(f"grain {asked.grain!r} does not exist; one of: {', '.join(GRAINS)}")
    today = calendar.date_of(now)
    name, first, last = _days(board, asked, today)
    offered = choices((last - first).days + 1, metrics)
    wanted: Grain = next((grain for grain in GRAINS if grain == asked.grain), board.grain)
    return View(
        name,
        choose(wanted, offered),
        first,
        last,
        offered,
    )


def _days(board: BoardSpec, asked: Asked, today: date) -> tuple[str, date, date]:
    if asked.from_on or asked.to_on:
        first, last = _date("from", asked.from_on), _date("to", asked.to_on or today.isoformat())
        if first > last:
            raise BadRequest(f"from {first} lies after to {last}: swap them")
        if first > today:
            raise BadRequest(f"from {first} lies ahead: the latest is today, {today}")
        return "custom", first, min(last, today)
    name = asked.range or board.range
    if name not in _FIRST:
        raise BadRequest(f"range {name!r} does not exist; one of: {', '.join(RANGES)}")
    return name, _FIRST[name](today), today


def _date(name: str, text: str) -> date:
    try:
        on = date.fromisoformat(text)
    except ValueError:
        raise BadRequest(f"{name} {text!r} is not a date such as 2026-08-03") from None
    if on.year < 1980:
        raise BadRequest(f"{name} {text!r} lies before 1980-01-01, the first day there is")
    return on


def day_period(calendar: Calendar, on: date) -> Period:
    """The day's period; of a date that never was (a zone that crossed the date line), the next."""
    try:
        return calendar.day(on)
    except ValueError:
        return calendar.day(on + timedelta(days=1))


def _end(period: Period, now: datetime, present: bool) -> datetime:
    return (
        min(period.end_at, max(now, period.start_at + timedelta(microseconds=1)))
        if present
        else period.end_at
    )


def _months_back(today: date, months: int) -> date:
    n = today.year * 12 + today.month - 1 - months
    return date(n // 12, n % 12 + 1, 1)
