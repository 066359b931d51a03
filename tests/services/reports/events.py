"""Known events, and what every report over them must hold, worked out in plain Python.

Shares no code with the program: days are cut by `zoneinfo`, sums are made by hand, lines of CSV
and objects of JSON are spelled here. Numbers are chosen so that sums of doubles are exact.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

Event = dict[str, Any]
Row = dict[str, Any]

COLUMNS = ("eid", "channel", "did", "user_id", "pages", "seconds", "tags")
TYPES = {"user_id": "long", "pages": "long", "seconds": "double"}
QUIET = "quiet"
"""A channel without any numbers: all of its sums are null."""
HOUR = timedelta(hours=1)


def events(first: datetime, hours: int, seed: int, n: int = 40) -> list[Event]:
    """About `n` of them in each hour from an instant on; some hours are empty."""
    draw = random.Random(seed)

    def of(hour: int) -> int:
        # three empty hours in a row each day: a bucket without events, on any zone's clock
        return 0 if hour % 24 in (4, 5, 6) else draw.randint(1, n)

    return [
        event(draw, first + timedelta(hours=hour, milliseconds=draw.randrange(3_600_000)))
        for hour in range(hours)
        for _ in range(of(hour))
    ]


def event(draw: random.Random, at: datetime) -> Event:
    """One event. A field that it does not have is null: which is neither nothing nor zero."""
    made = {
        "ts": at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "eid": draw.choice(["IMPRESSION", "INTERACT", "END", 'ERRÖR, "x"']),
        "channel": draw.choice([None, "", "in.ekstep", "a/b c", "unknown", QUIET]),
        "did": f"d{min(int(draw.expovariate(0.4)), 11):02d}",
        "user_id": draw.choice([None, 2**53 + 1, 2**62 + 3, -(2**53) - 1, draw.randrange(2**63)]),
        "pages": draw.choice([None, None, 0, 1, 2, draw.randrange(10**12)]),
        "seconds": draw.choice([None, 0.0, draw.randrange(4_000) / 4]),
        "tags": draw.choice([None, "a", ["a", "b"], ["b", "c", "a"]]),
    }
    numbers = TYPES if made["channel"] == QUIET else ()
    return {n: value for n, value in made.items() if value is not None and n not in numbers}


def at_of(event: Event) -> datetime:
    return datetime.fromisoformat(event["ts"].replace("Z", "+00:00"))


class Oracle:
    """All events, as a report over some local days of a zone must show them."""

    def __init__(self, found: Iterable[Event], zone: str, first_on: date, last_on: date) -> None:
        self.zone = ZoneInfo(zone)
        self.first_at, self.end_at = self.midnight(first_on), self.midnight(last_on + timedelta(1))
        self.events = [one for one in found if self.first_at <= at_of(one) < self.end_at]

    def midnight(self, on: date) -> datetime:
        return datetime(on.year, on.month, on.day, tzinfo=self.zone).astimezone(UTC)

    def day(self, event: Event) -> str:
        return at_of(event).astimezone(self.zone).date().isoformat()

    def hour(self, at: datetime) -> str:
        # the local hour, also where the zone is half an hour off
        local = at.astimezone(self.zone).replace(minute=0, second=0, microsecond=0)
        return local.isoformat()

    def hours(self) -> list[str]:
        """Each that the days hold, also the empty ones."""
        found, at = [], self.first_at
        while at < self.end_at:
            found.append(self.hour(at))
            at += HOUR
        return found

    def by(self, *keys: Callable[[Event], Any]) -> dict[tuple[Any, ...], list[Event]]:
        groups: dict[tuple[Any, ...], list[Event]] = {}
        for one in self.events:
            groups.setdefault(tuple(key(one) for key in keys), []).append(one)
        return groups


def total(found: Sequence[Event], name: str, how: Callable[[list[Any]], Any] = sum) -> Any:
    """Over those that have a value; of none it is null, not zero."""
    values = [one[name] for one in found if name in one]
    return how(values) if values else None


def csv_lines(rows: Iterable[Row]) -> list[str]:
    """Each row as a line of CSV: null is nothing, an empty text is `""`."""
    return [",".join(map(_cell, row.values())) for row in rows]


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, list):
        value = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    if isinstance(value, str):
        escaped = value.replace('"', '""')
        return f'"{escaped}"' if value == "" or re.search(r'[",\r\n]', value) else value
    return repr(value)


def json_lines(rows: Iterable[Row]) -> list[str]:
    """Each row spelled out: 1 and 1.0, null and 0 are not alike."""
    return [json.dumps(row, sort_keys=False, ensure_ascii=False) for row in rows]
