"""Which questions the suite asks. Only the questions: the answers come from the oracles."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import count, product
from pathlib import Path
from zoneinfo import ZoneInfo

from tests.oracle.zone_files import Change, distinct

# every change of these is asked: odd minutes, odd days, odd years, days that never were
AWKWARD = (
    "America/St_Johns", "America/Goose_Bay", "America/Moncton", "Asia/Gaza", "Asia/Hebron",
    "Antarctica/Casey", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Chatham",
    "America/Havana", "Pacific/Apia", "Pacific/Kwajalein",
)  # fmt: skip
ZONES = (
    "UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Kiritimati",
    "America/Sao_Paulo", "Asia/Beirut", *AWKWARD,
)  # fmt: skip
GRAINS = ("hour", "day", "week", "month", "quarter", "year")
WEEK_STARTS = ("monday", "sunday", "saturday")
OVERLAYS = ("prev", "week", "month", "quarter", "year")
ALIGNS = ("date", "weekday")
BACK = {"hour": (1, 24, 31), "day": (1, 7, 31), "week": (1, 4, 53), "month": (1, 6, 13),
        "quarter": (1, 4, 5), "year": (1, 2, 3)}  # fmt: skip
ENDED = (
    "YESTERDAY", "LAST_7_DAYS", "7d", "28d", "LAST_30_DAYS", "91d", "LAST_WEEK", "LAST_MONTH",
    "LAST_QUARTER", "LAST_YEAR", "LAST_3_MONTHS", "LAST_6_MONTHS", "12m",
)  # fmt: skip
RUNNING = ("mtd", "qtd", "ytd", "13m")
DURATIONS = ("P1D", "P7D", "P2W", "P1M", "P3M", "P1Y", "P1Y6M", "P1M10D")
HOUR_S = 3600


@dataclass(frozen=True, slots=True)
class Case:
    """Instants in seconds from 1970; fields that a question does not have are None."""

    zone: str
    at: int
    question: str
    week_start: str = "monday"
    fiscal_start: int = 1
    grain: str | None = None
    align: str | None = None
    n: int | None = None
    through: str | None = None
    cut_at: int | None = None


def chosen(zones: Path) -> list[Case]:
    by_zone = distinct(zones, ZONES)
    found = [
        *_ends_of_zones(by_zone),
        *_every_change(by_zone),
        *_days_that_never_were(),
        *_leap_days(),
        *_year_ends(),
        *_month_ends(),
        *_fiscal_years(),
        *_intervals(),
        *_overlays(),
        *_running(zones),
        *_cut_at_changes(by_zone),
        *_cut_at_midnight(zones),
    ]
    return list(dict.fromkeys(found))


def second(*parts: int) -> int:
    return int(datetime(*parts, tzinfo=UTC).timestamp())  # type: ignore[misc, arg-type]


def turns() -> Iterator[tuple[str, int]]:
    """Week start and first month, each in turn: all 36 pairs."""
    return ((WEEK_STARTS[n % 3], 1 + n // 3 % 12) for n in count())


def around(zone: str, change: Change, cut: tuple[str, int]) -> Iterator[Case]:
    """The hours on both sides of a change, and the day that it falls in."""
    for when, question in ((change.at - 1, "hour"), (change.at, "hour"), (change.at, "day")):
        yield Case(zone, when, question, *cut)


def a_week_later(zone: str, change: Change, cut: tuple[str, int]) -> Iterator[Case]:
    at = change.at
    hour = Case(zone, at, "compare:week", *cut, "hour", "date")
    if change.by > 0:
        # what the gap left out is missed a week later
        yield replace(hour, at=at + 7 * 86400 - min(change.by, HOUR_S))
    else:
        # the second hour of a label; and the one that pairs with the first
        yield hour
        yield replace(hour, at=at + 7 * 86400)


def _ends_of_zones(by_zone: dict[str, list[Change]]) -> Iterator[Case]:
    """Of each zone the first and the last change forward and back from 2000 to 2037."""
    turn = turns()
    start, end = second(2000, 1, 1), second(2037, 12, 1)
    for zone, changes in by_zone.items():
        for n, grain in enumerate(GRAINS):
            at = second(2026, 1 + len(zone) % 12, 1 + (5 * n + len(zone)) % 28, 3 * n + 1, 34)
            yield Case(zone, at, grain, *next(turn))
        recent = [one for one in changes if start <= one.at < end]
        forward = [one for one in recent if one.by > 0]
        back = [one for one in recent if one.by < 0]
        for one in dict.fromkeys([*forward[:1], *back[:1], *forward[-1:], *back[-1:]]):
            yield from around(zone, one, next(turn))


def _every_change(by_zone: dict[str, list[Change]]) -> Iterator[Case]:
    turn = turns()
    for zone in AWKWARD:
        for one in by_zone[zone]:
            if second(1980, 1, 10) <= one.at < second(2037, 12, 1):
                yield from around(zone, one, next(turn))
                yield from a_week_later(zone, one, next(turn))


def _days_that_never_were() -> Iterator[Case]:
    """Kwajalein 1993-08-21, Kiritimati 1994-12-31 (in its week, month, year), Apia 2011-12-30."""
    turn = turns()
    for zone, after in (
        ("Pacific/Kwajalein", second(1993, 8, 22)),
        ("Pacific/Kiritimati", second(1995, 1, 1)),
        ("Pacific/Apia", second(2011, 12, 31)),
    ):
        for days, hour in product((-8, -2, -1, 0, 1, 2, 6, 7, 8, 31), (1, 12)):
            at = after + days * 86400 + hour * HOUR_S
            for grain in GRAINS:
                yield Case(zone, at, grain, *next(turn))
            for name in ("YESTERDAY", "LAST_7_DAYS", "LAST_WEEK", "mtd", "P1M"):
                yield Case(zone, at, name, *next(turn))
            for grain, overlay in product(("hour", "day", "week"), ("prev", "week", "month")):
                yield compare(zone, at, grain, overlay, "weekday", next(turn))
            yield compare(zone, at, "day", "month", "date", next(turn))
            yield compare(zone, at, "month", "month", "date", next(turn))


def compare(
    zone: str, at: int, grain: str, overlay: str, align: str, cut: tuple[str, int], turn: int = 0
) -> Case:
    n = BACK[grain][turn % 3] if overlay == "prev" else None
    return Case(zone, at, f"compare:{overlay}", *cut, grain, align, n)


def _leap_days() -> Iterator[Case]:
    turn = turns()
    days = [(year, month, day) for year in (1984, 2000, 2023, 2024, 2028, 2036)
            for month, day in ((2, 28), (2, 29), (3, 1)) if day < 29 or year % 4 == 0]  # fmt: skip
    for n, on in enumerate(days):
        at = second(*on, 12, 34)
        zone = ZONES[n % len(ZONES)]
        for grain in GRAINS:
            yield Case(zone, at, grain, *next(turn))
        for grain, overlay, align in product(("hour", "day"), OVERLAYS[2:], ALIGNS):
            yield compare("UTC", at, grain, overlay, align, next(turn))
        for grain in ("month", "quarter", "year"):
            yield compare("UTC", at, grain, "year", "date", ("monday", 1))
            yield compare(zone, at, grain, "year", "date", next(turn))


def _year_ends() -> Iterator[Case]:
    """Every new year, by each week start: week 53, and the year before that lacks it."""
    for year, week_start in product(range(1983, 2037), WEEK_STARTS):
        zone = ZONES[year % len(ZONES)]
        for at in (second(year, 12, 30, 12), second(year + 1, 1, 2, 12)):
            yield Case(zone, at, "week", week_start)
            yield Case(zone, at, "compare:year", week_start, 1, "week", "date")
        yield compare(zone, at, "week", "year", "weekday", (week_start, 1))


def _month_ends() -> Iterator[Case]:
    turn = turns()
    for year, month, day in product((2024, 2026), range(1, 13), (28, 29, 30, 31)):
        try:
            at = second(year, month, day, 15, 20)
        except ValueError:
            continue
        zone = ZONES[(month + day) % len(ZONES)]
        for overlay in OVERLAYS[2:]:
            yield compare(zone, at, "day", overlay, "date", next(turn))
        yield compare(zone, at, "hour", "month", "date", next(turn))
        for name in ("P1M", "P3M", "P1Y6M", "mtd"):
            yield Case(zone, at, name, *next(turn))


def _fiscal_years() -> Iterator[Case]:
    turn = turns()
    for month, fiscal_start in product(range(1, 13), range(1, 13)):
        zone = ZONES[(month + 5 * fiscal_start) % len(ZONES)]
        at = second(2025 + month % 3, month, 1 + (month * fiscal_start) % 28, 12)
        cut = (next(turn)[0], fiscal_start)
        for grain in ("quarter", "year"):
            yield Case(zone, at, grain, *cut)
        yield compare(zone, at, "quarter", "quarter", "date", cut)
        yield compare(zone, at, "quarter", "year", "date", cut)
        yield compare(zone, at, "year", "year", "date", cut)
        for name in ("LAST_QUARTER", "LAST_YEAR", "qtd", "ytd"):
            yield Case(zone, at, name, *cut)


INSTANTS = (
    second(1985, 4, 30, 22, 10), second(1999, 12, 31, 23, 59, 59), second(2008, 2, 29, 10),
    second(2019, 11, 3, 5, 30), second(2023, 3, 26, 0, 45), second(2024, 3, 1, 4),
    second(2024, 10, 27, 1, 15), second(2026, 1, 1, 0), second(2026, 3, 31, 18, 30),
    second(2026, 4, 5, 15), second(2026, 7, 1, 12), second(2026, 8, 3, 0, 0, 1),
    second(2026, 11, 24, 9), second(2027, 1, 3, 13), second(2028, 12, 30, 21),
    second(2032, 5, 31, 2), second(2036, 2, 29, 23, 30),
)  # fmt: skip


def _intervals() -> Iterator[Case]:
    turn = turns()
    for n, (at, name) in enumerate(product(INSTANTS, (*ENDED, *RUNNING, *DURATIONS))):
        for zone in (ZONES[n % len(ZONES)], ZONES[(7 * n + 3) % len(ZONES)]):
            yield Case(zone, at, name, *next(turn))
    firsts = [second(2026, month, 1, 12) for month in (1, 2, 4, 10)]
    for n, (at, name) in enumerate(product((*INSTANTS, *firsts), RUNNING)):
        yield Case(ZONES[n % len(ZONES)], at, name, *next(turn), through="yesterday")


def _overlays() -> Iterator[Case]:
    """Every grain with every overlay and alignment, the refused ones too."""
    turn = turns()
    asked = product(INSTANTS, GRAINS, OVERLAYS, ALIGNS)
    for n, (at, grain, overlay, align) in enumerate(asked):
        zone = ZONES[(n + n // 60) % len(ZONES)]
        yield compare(zone, at, grain, overlay, align, next(turn), n // 2 + n // 60)


def _running(zones: Path) -> Iterator[Case]:
    """Running periods, compared up to a cut some hours before the instant."""
    turn = turns()
    ends = [second(2026, 3, day, 12, 10) for day in (28, 29, 30, 31)]
    ends += [second(2026, 5, 31, 12, 10), second(2024, 2, 29, 9, 5), second(2026, 8, 31, 20)]
    asked = product((*INSTANTS, *ends), GRAINS[1:], OVERLAYS, ALIGNS)
    for n, (at, grain, overlay, align) in enumerate(asked):
        name = ZONES[(3 * n + n // 50) % len(ZONES)]
        zone = _zone(zones, name)
        local = datetime.fromtimestamp(at, UTC).astimezone(zone)
        cut = (local - timedelta(hours=n % 3)).replace(minute=0, second=0, fold=0)
        cut_at = int(cut.timestamp())
        # some of the same day must have gone by
        before = datetime.fromtimestamp(cut_at - 1, UTC).astimezone(zone)
        if (n + n // 10) % 2 == 0 and before.date() == local.date() and cut_at <= at:
            case = compare(name, at, grain, overlay, align, next(turn), n // 2)
            yield replace(case, cut_at=cut_at)


def _cut_at_changes(by_zone: dict[str, list[Change]]) -> Iterator[Case]:
    """Cuts at clock times that the other day left out, or shows twice."""
    turn = turns()
    for zone in ("Europe/Berlin", "America/New_York", *AWKWARD):
        recent = [one for one in by_zone[zone] if second(2025, 1, 1) <= one.at < second(2027, 1, 1)]
        for one, days, hours in product(recent, (0, 7), (-1, 0, 1, 2, 3)):
            cut_at = one.at + days * 86400 + hours * HOUR_S
            for grain, overlay in (("day", "week"), ("week", "week"), ("month", "month")):
                case = compare(zone, cut_at + 600, grain, overlay, "date", next(turn))
                yield replace(case, cut_at=cut_at)


def _cut_at_midnight(zones: Path) -> Iterator[Case]:
    """Cuts between two days, where no period starts; also where the clock left midnight out."""
    turn = turns()
    days = [(2026, 3, 12), (2026, 5, 28), (2026, 5, 29), (2026, 3, 31)]
    asked = [*product(("UTC", "America/St_Johns", "Asia/Kathmandu"), days)]
    asked += [("Asia/Beirut", (2026, 3, 29)), ("America/Havana", (2026, 3, 8)),
              ("America/Havana", (2026, 11, 1)), ("Asia/Beirut", (2026, 4, 29))]  # fmt: skip
    for (name, on), (grain, overlay) in product(asked, product(GRAINS[3:], OVERLAYS)):
        midnight = datetime(*on, tzinfo=_zone(zones, name)).astimezone(UTC)
        case = compare(name, int(midnight.timestamp()) + 600, grain, overlay, "date", next(turn))
        yield replace(case, cut_at=int(midnight.timestamp()))


def _zone(zones: Path, name: str) -> ZoneInfo:
    with (zones / name).open("rb") as data:
        return ZoneInfo.from_file(data)
