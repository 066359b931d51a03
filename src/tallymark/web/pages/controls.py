"""The control row: every choice is a link, so that the address is the state. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlencode

from tallymark.boards.define import RANGES
from tallymark.boards.view import View
from tallymark.boards.widgets import Card
from tallymark.calendar.labels import days
from tallymark.calendar.periods import Calendar

TITLES = {
    "7d": "The last 7 days",
    "28d": "The last 28 days",
    "91d": "The last 91 days",
    "mtd": "This month to date",
    "qtd": "This quarter to date",
    "ytd": "This year to date",
    "12m": "12 months with this one",
    "13m": "13 months with this one",
}
KEYS = {"hour": "H", "day": "D", "week": "W", "month": "M", "quarter": "Q", "year": "Y"}


@dataclass(frozen=True, slots=True)
class Link:
    """`reason` set: it is dimmed and leads nowhere. `key`: the key on the keyboard."""

    text: str
    href: str
    title: str
    here: bool
    reason: str = ""
    key: str = ""


@dataclass(frozen=True, slots=True)
class Controls:
    """`said` is the range in days, for the folded row and for custom ranges.

    `complete_to` empty: the card `slowest` has nothing complete; both empty: no card has numbers.
    """

    ranges: tuple[Link, ...]
    grains: tuple[Link, ...]
    said: str
    custom: bool
    grain: str
    first_on: str
    last_on: str
    today: str
    zone: str
    complete_to: str
    slowest: str


def controls(view: View, calendar: Calendar, cards: list[Card], now: datetime) -> Controls:
    shown = [card for card in cards if card.readable and not card.empty]
    slow = min(shown, key=_reach, default=None)
    return Controls(
        ranges=tuple(
            Link(name, _href(range=name, grain=view.grain), TITLES[name], name == view.range)
            for name in RANGES
        ),
        grains=tuple(
            Link(
                choice.grain.capitalize(),
                _href(**_range(view), grain=choice.grain),
                f"By {choice.grain}",
                choice.grain == view.grain,
                choice.reason,
                KEYS[choice.grain],
            )
            for choice in view.choices
        ),
        said=days(view.first_on, view.last_on),
        custom=view.range == "custom",
        grain=view.grain,
        first_on=view.first_on.isoformat(),
        last_on=view.last_on.isoformat(),
        today=calendar.date_of(now).isoformat(),
        zone=calendar.zone,
        complete_to=slow.complete_to if slow else "",
        slowest=slow.title if slow else "",
    )


def _reach(card: Card) -> float:
    return card.complete_to_at.timestamp() if card.complete_to_at else 0


def _range(view: View) -> dict[str, str]:
    if view.range != "custom":
        return {"range": view.range}
    return {"from": view.first_on.isoformat(), "to": view.last_on.isoformat()}


def _href(**query: str) -> str:
    return f"?{urlencode(query)}"
