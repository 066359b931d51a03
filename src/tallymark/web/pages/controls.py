"""The control row: every choice is a link, so that the address is the state. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from tallymark.boards.define import RANGES, BoardSpec
from tallymark.boards.overlays import OverlayChoice, align_matters, overlay_name
from tallymark.boards.view import View
from tallymark.boards.widgets import Card
from tallymark.calendar.labels import days
from tallymark.calendar.overlays import ALIGNS
from tallymark.calendar.periods import Calendar
from tallymark.web.pages.address import Address

TITLES = {
    "7d": "The 7 days that end with yesterday",
    "28d": "The 28 days that end with yesterday",
    "91d": "The 91 days that end with yesterday",
    "mtd": "This month to date",
    "qtd": "This quarter to date",
    "ytd": "This year to date",
    "12m": "The last 12 complete months",
    "13m": "12 months and the running one",
}
# More of them, by name: behind the control of dates.
NAMED = {
    "YESTERDAY": "Yesterday",
    "LAST_WEEK": "Last week",
    "LAST_MONTH": "Last month",
    "LAST_QUARTER": "Last quarter",
    "LAST_YEAR": "Last year",
    "LAST_30_DAYS": "Last 30 days",
    "LAST_3_MONTHS": "Last 3 months",
    "LAST_6_MONTHS": "Last 6 months",
}
KEYS = {"hour": "H", "day": "D", "week": "W", "month": "M", "quarter": "Q", "year": "Y"}
COMPARE_KEY = "X"
_OVERLAYS = {"prev": "previous"}  # the others are called as they are written


@dataclass(frozen=True, slots=True)
class Link:
    """`reason` set: it is dimmed and leads nowhere. `key`: the key on the keyboard."""

    id: str
    text: str
    href: str
    title: str
    here: bool
    reason: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class Controls:
    """`said` is the range in days, for the folded row and for ranges without a place of their own.

    `beside` says the overlays in few words, and `kept` is what the form of dates must hand on.
    `complete_to` empty: the card `slowest` has nothing complete; both empty: no card has numbers.
    """

    ranges: tuple[Link, ...]
    named: tuple[Link, ...]
    grains: tuple[Link, ...]
    compare: tuple[Link, ...]
    aligns: tuple[Link, ...]
    kept: Mapping[str, str]
    said: str
    beside: str
    custom: bool
    grain: str
    first_on: str
    last_on: str
    today: str
    zone: str
    complete_to: str
    slowest: str


def controls(
    board: BoardSpec, view: View, calendar: Calendar, cards: list[Card], now: datetime
) -> Controls:
    shown = [card for card in cards if card.readable and not card.empty]
    slow = min(shown, key=_reach, default=None)
    to = Address(board, view)
    return Controls(
        ranges=tuple(_range(to, name, name, TITLES[name]) for name in RANGES),
        named=tuple(_range(to, name, text, f"?range={name}") for name, text in NAMED.items()),
        grains=_grains(to),
        compare=tuple(_overlay(to, choice) for choice in view.overlays),
        aligns=_aligns(to),
        kept={"grain": view.grain, **to.beside()},
        said=days(view.first_on, view.last_on),
        beside=_beside(view),
        custom=view.range not in RANGES,
        grain=view.grain,
        first_on=view.first_on.isoformat(),
        last_on=view.last_on.isoformat(),
        today=calendar.date_of(now).isoformat(),
        zone=calendar.zone,
        complete_to=slow.complete_to if slow else "",
        slowest=slow.title if slow else "",
    )


def _range(to: Address, name: str, text: str, title: str) -> Link:
    return Link(f"range-{name}", text, to.of_range(name), title, name == to.view.range)


def _grains(to: Address) -> tuple[Link, ...]:
    return tuple(
        Link(
            f"grain-{choice.grain}",
            choice.grain.capitalize(),
            to.of_grain(choice.grain),
            f"By {choice.grain}",
            choice.grain == to.view.grain,
            choice.reason,
            KEYS[choice.grain],
        )
        for choice in to.view.choices
    )


def _overlay(to: Address, choice: OverlayChoice) -> Link:
    name = overlay_name(choice.overlay, to.view.align, to.view.grain)
    return Link(
        f"compare-{choice.overlay}",
        _OVERLAYS.get(choice.overlay, choice.overlay).capitalize(),
        to.toggled(choice.overlay),
        f"Take away: {name}" if choice.on else f"Compare with: {name}",
        choice.on,
        choice.reason[:1].upper() + choice.reason[1:],
        COMPARE_KEY if choice.overlay == "prev" else "",
    )


def _aligns(to: Address) -> tuple[Link, ...]:
    """Where both mean the same there is nothing to choose."""
    if not align_matters(to.view.grain, to.view.compare):
        return ()
    titles = {"date": "The same day number", "weekday": "The same weekday, whole weeks before"}
    return tuple(
        Link(f"align-{name}", f"By {name}", to.aligned(name), titles[name], name == to.view.align)
        for name in ALIGNS
    )


def _beside(view: View) -> str:
    on = [choice for choice in view.overlays if choice.on and not choice.reason]
    if len(on) > 1:
        return f"vs {len(on)}"
    return f"vs {_OVERLAYS.get(on[0].overlay, on[0].overlay)}" if on else ""


def _reach(card: Card) -> float:
    return card.complete_to_at.timestamp() if card.complete_to_at else 0
