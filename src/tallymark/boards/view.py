"""What an address asks a board to show: dates, a grain, and what is laid beside them. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from tallymark.boards.define import BoardSpec
from tallymark.boards.offer import Choice, Finest, choices, choose
from tallymark.boards.overlays import OverlayChoice, allowed, overlay_choices
from tallymark.calendar.intervals import bounds, interval
from tallymark.calendar.names import named
from tallymark.calendar.overlays import parse_align, parse_overlays
from tallymark.calendar.periods import Calendar
from tallymark.errors import BadRequest
from tallymark.model import GRAINS, Align, Grain, Overlay

CUSTOM = "custom"


@dataclass(frozen=True, slots=True)
class Asked:
    """The address's query, as it stands there. `compare` None: it says nothing of overlays."""

    range: str = ""
    grain: str = ""
    from_on: str = ""
    to_on: str = ""
    compare: str | None = None
    align: str = ""


@dataclass(frozen=True, slots=True)
class View:
    """What is shown. `range` is a named interval, or CUSTOM; `last_on` is the last day included.

    `compare` is what the address asks for; a grain that refuses one leaves it out.
    """

    range: str
    grain: Grain
    first_on: date
    last_on: date
    choices: tuple[Choice, ...]
    compare: tuple[Overlay, ...] = ()
    align: Align = "date"

    @property
    def overlays(self) -> tuple[OverlayChoice, ...]:
        return overlay_choices(self.grain, self.compare, self.align)

    def drawn(self, grain: Grain) -> tuple[Overlay, ...]:
        """The overlays of a card of this grain, which may be coarser than the board's."""
        return allowed(grain, allowed(self.grain, self.compare, self.align), self.align)

    def between(self, calendar: Calendar, now: datetime) -> tuple[datetime, datetime]:
        """The range in a calendar, which may be another card's: `[from_at, to_at)`."""
        whole = bounds(calendar, self.first_on, self.last_on)
        if self.last_on < calendar.date_of(now):
            return whole.start_at, whole.end_at
        # The present bucket comes whole; those that have not begun are nobody's business.
        begun = max(now, whole.start_at + timedelta(microseconds=1))
        return whole.start_at, min(whole.end_at, begun)

    def is_whole(self, calendar: Calendar, grain: Grain, now: datetime) -> bool:
        """Whether the range is made of whole periods of a grain; the last one may still run."""
        return grain in _whole(calendar, self.first_on, self.last_on, now)


def view(
    board: BoardSpec, asked: Asked, metrics: Sequence[Finest], calendar: Calendar, now: datetime
) -> View:
    """Decide what is shown.

    Raises: BadRequest when the address names a range, grain, date or overlay that does not exist.
    """
    wanted = named(asked.grain, GRAINS, "grain") if asked.grain else board.grain
    name, first, last = _dates(board, asked, calendar, now)
    offered = choices((last - first).days + 1, metrics, _whole(calendar, first, last, now))
    return View(
        name,
        choose(wanted, offered),
        first,
        last,
        offered,
        board.compare if asked.compare is None else parse_overlays(asked.compare),
        parse_align(asked.align) if asked.align else board.align,
    )


def _whole(calendar: Calendar, first: date, last: date, now: datetime) -> list[Grain]:
    """The grains of which the dates are whole periods."""
    after = last + timedelta(days=1)
    runs = last >= calendar.date_of(now)
    return [
        grain
        for grain in GRAINS
        if calendar.first_day(grain, first) == first
        and (runs or calendar.first_day(grain, after) == after)
    ]


def _dates(
    board: BoardSpec, asked: Asked, calendar: Calendar, now: datetime
) -> tuple[str, date, date]:
    if not (asked.from_on or asked.to_on):
        found = interval(asked.range or board.range, calendar, now)
        return found.name, found.first_on, found.last_on
    today = calendar.date_of(now)
    first, last = _date("from", asked.from_on), _date("to", asked.to_on or today.isoformat())
    bounds(calendar, first, last)
    if first > today:
        raise BadRequest(f"from {first} lies ahead: the latest is today, {today}")
    return CUSTOM, first, min(last, today)


def _date(name: str, text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise BadRequest(f"{name} {text!r} is not a date such as 2026-08-03") from None
