"""What the periods of a zone are, by looking at the clock: zoneinfo and plain counting.

Shares no code with `tallymark.calendar`. Around every change of a clock it looks at each slot of
15 minutes in turn and applies the rule as it is written; elsewhere days of 24 hours begin at
zoneinfo's midnight.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from datetime import UTC, datetime
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


def offset_s(zone: ZoneInfo, second: int) -> int:
    ahead = shows(zone, second).utcoffset()
    assert ahead is not None
    return int(ahead.total_seconds())


def changes(zone: ZoneInfo) -> list[tuple[int, int]]:
    """Each change of the offset from FIRST to END: its second, and the offset from then on.

    Looked for every three days: a test of the data says that none are nearer than six.
    """
    found = []
    before = offset_s(zone, FIRST)
    for start in range(FIRST, END, 3 * DAY):
        low, high = start, min(start + 3 * DAY, END)
        after = offset_s(zone, high)
        if after == before:
            continue
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if offset_s(zone, middle) == before else (low, middle)
        found.append((high, after))
        before = after
    return found


Clock = tuple[tuple[int, int], ...]
"""From which second on the clock is how far from UTC."""


@dataclass(frozen=True)
class Block:
    """Seconds around changes: from a day and a half before one's day to a day after; the clock."""

    start: int
    end: int
    clock: Clock


def blocks(zone: ZoneInfo) -> list[Block]:
    spans: list[tuple[int, int, list[tuple[int, int]]]] = []
    for second, offset in changes(zone):
        start, end = second // DAY * DAY - 3 * DAY // 2, second // DAY * DAY + 2 * DAY
        inside = [(second, offset)]
        if spans and start <= spans[-1][1]:
            start, _, before = spans.pop()
            inside = before + inside
        spans.append((start, end, inside))
    return [
        Block(start, end, ((start, offset_s(zone, start)), *inside)) for start, end, inside in spans
    ]


class Looked:
    """What one look at every slot of a block found: days with their dates, and hours."""

    def __init__(self, zone: ZoneInfo, block: Block) -> None:
        self.days: list[tuple[int, int]] = []
        self.hours: list[int] = []
        latest = shows(zone, block.start - 1).toordinal()
        for second in range(block.start, block.end, SLOT):
            local = shows(zone, second)
            if (on := local.toordinal()) > latest:
                latest = on
                self.days.append((second, on))
                self.hours.append(second)
            elif local.minute == 0:
                self.hours.append(second)


def days_of(zone: ZoneInfo, looked: list[tuple[Block, Looked]]) -> list[tuple[int, int]]:
    """The start of every day from FIRST to END, and the date that it shows, as an ordinal."""
    found: list[tuple[int, int]] = []
    at = FIRST
    for block, look in looked:
        found += quiet_days(zone, at, block.start)
        found += look.days
        at = block.end
    return found + quiet_days(zone, at, END)


def quiet_days(zone: ZoneInfo, start: int, end: int) -> list[tuple[int, int]]:
    """Where the clock does not change, days begin each 24 hours, at zoneinfo's midnight."""
    if end <= start:
        return []
    offset = offset_s(zone, start)
    first = -(-(start + offset) // DAY)
    shown = shows(zone, first * DAY - offset)
    assert (shown.hour, shown.minute, shown.second) == (0, 0, 0)
    ordinal = shown.toordinal()
    last = -(-(end + offset) // DAY)
    return [(day * DAY - offset, ordinal + day - first) for day in range(first, last)]


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
