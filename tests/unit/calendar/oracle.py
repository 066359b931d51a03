"""What the periods of a zone are, by looking at the clock: zoneinfo and plain counting.

Shares no code with `tallymark.calendar`. Around every change of a clock it looks at each slot of
15 minutes in turn and applies the rule as it is written; elsewhere a day begins at zoneinfo's
midnight.
"""

from __future__ import annotations

import struct
from datetime import UTC, date, datetime, timedelta
from functools import cache
from importlib.resources import files
from zoneinfo import ZoneInfo

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DAY = 86_400
SLOT = 900

# a day begins in the zone's own time, so both sides need a margin
FIRST = int(datetime(1979, 12, 30, tzinfo=UTC).timestamp())
END = int(datetime(2038, 1, 3, tzinfo=UTC).timestamp())


def data_of(name: str) -> bytes:
    return files("tzdata").joinpath("zoneinfo", *name.split("/")).read_bytes()


def all_names() -> list[str]:
    return sorted(files("tzdata").joinpath("zones").read_text().split())


def data_since_first(name: str) -> tuple[object, ...]:
    """All that a data file says of the time from FIRST on: offset, changes, closing rule."""
    changes, rule = tzif(name)
    recent = tuple((instant, offset) for instant, offset in changes if instant >= FIRST)
    return shows(zone_of(name), FIRST).utcoffset(), recent, rule


@cache
def distinct_names() -> list[str]:
    """One name of each group of zones whose data from FIRST on are the same."""
    return sorted({data_since_first(name): name for name in all_names()}.values())


@cache
def zone_of(name: str) -> ZoneInfo:
    with files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as data:
        return ZoneInfo.from_file(data, key=name)


def shows(zone: ZoneInfo, second: int) -> datetime:
    return datetime.fromtimestamp(second, zone)


def changed_days(zone: ZoneInfo) -> list[int]:
    """The UTC days, counted from 1970, between whose ends the offset differs."""
    found = []
    before = shows(zone, FIRST).utcoffset()
    for day in range(FIRST // DAY, END // DAY):
        after = shows(zone, (day + 1) * DAY).utcoffset()
        if after != before:
            found.append(day)
        before = after
    return found


def blocks(zone: ZoneInfo) -> list[tuple[int, int]]:
    """Stretches of seconds around every change: a day and a half before, one after."""
    found: list[tuple[int, int]] = []
    for day in changed_days(zone):
        start, end = day * DAY - 3 * DAY // 2, (day + 2) * DAY
        if found and start <= found[-1][1]:
            start = found.pop()[0]
        found.append((start, end))
    return found


class Looked:
    """What one look at every slot of a block found."""

    def __init__(self, zone: ZoneInfo, start: int, end: int) -> None:
        self.start, self.end = start, end
        self.days: list[int] = []
        self.hours: list[int] = []
        latest = shows(zone, start - 1).date()
        for second in range(start, end, SLOT):
            local = shows(zone, second)
            if (on := local.date()) > latest:
                latest = on
                self.days.append(second)
                self.hours.append(second)
            elif local.minute == 0:
                self.hours.append(second)


@cache
def midnights() -> list[tuple[datetime, date]]:
    found = [EPOCH + timedelta(days=day) for day in range(FIRST // DAY, END // DAY)]
    return [(midnight, midnight.date()) for midnight in found]


def days_of(zone: ZoneInfo, looked: list[Looked]) -> list[tuple[int, date]]:
    """The start of every day from FIRST to END, and the date that it shows."""
    found = [(second, shows(zone, second).date()) for block in looked for second in block.days]
    edges = [(block.start, block.end) for block in looked]
    at = 0
    for midnight, on in midnights():
        second = int(midnight.replace(tzinfo=zone).timestamp())
        while at < len(edges) and edges[at][1] <= second:
            at += 1
        if at == len(edges) or second < edges[at][0]:
            found.append((second, on))
    return sorted(found)


@cache
def tzif(name: str) -> tuple[list[tuple[int, int]], str]:
    """What a data file lists: each change of the offset with the new one, and the closing rule."""
    data = data_of(name)

    def counts(at: int) -> tuple[int, ...]:
        return struct.unpack(">6l", data[at + 20 : at + 44])

    utc, std, leap, times, types, chars = counts(0)
    at = 44 + times * 5 + types * 6 + chars + leap * 8 + std + utc
    utc, std, leap, times, types, chars = counts(at)
    at += 44
    instants = struct.unpack(f">{times}q", data[at : at + 8 * times])
    kinds = data[at + 8 * times : at + 9 * times]
    at += 9 * times
    offsets = [struct.unpack(">l", data[at + 6 * i : at + 6 * i + 4])[0] for i in range(types)]
    rule = data[at + types * 6 + chars + leap * 12 + std + utc :].strip().decode()
    found: list[tuple[int, int]] = []
    before = offsets[0]
    for instant, kind in zip(instants, kinds, strict=True):
        if offsets[kind] != before:
            found.append((instant, offsets[kind]))
        before = offsets[kind]
    return found, rule
