"""Which earlier bucket stands beside which. Pure; docs/calendar.md has the rule.

A bucket is found again by its label: the date on which it begins, for an hour with the full hour
that the local clock shows. An overlay moves the label; what bears the moved one is the partner.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial

from tallymark.calendar.counting import bucket_days, distinct_days
from tallymark.calendar.dates import FIRST_ON
from tallymark.calendar.moves import TOO_EARLY, Moved, days_back, months_back, week_a_year_back
from tallymark.calendar.names import named
from tallymark.calendar.offsets import HOUR_S
from tallymark.calendar.periods import Calendar
from tallymark.errors import BadRequest
from tallymark.model import GRAINS, Align, Grain, Overlay, Period

__all__ = ["ALIGNS", "OVERLAYS", "Align", "Overlay", "Pair", "label", "pairs", "parse_align"]
__all__ += ["parse_overlays", "refusal", "totals"]

OVERLAYS: tuple[Overlay, ...] = ("prev", "week", "month", "quarter", "year")
ALIGNS: tuple[Align, ...] = ("date", "weekday")

_MONTHS_BACK: Mapping[Overlay, int] = {"month": 1, "quarter": 3, "year": 12}
_DAYS_BACK: Mapping[Overlay, int] = {"week": 7, "month": 28, "quarter": 91, "year": 364}
_AT_MOST: Mapping[Grain, timedelta] = {
    "hour": timedelta(hours=2),
    "day": timedelta(days=2),
    "week": timedelta(days=8),
    "month": timedelta(days=32),
    "quarter": timedelta(days=93),
    "year": timedelta(days=367),
}

Label = tuple[date, int]
"""The date on which a bucket begins, and of an hour its full hour on the local clock."""
Found = Period | str
"""A partner, or the reason why there is none."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A bucket and its partner, or the reason why it has none."""

    of: Period
    period: Period | None
    reason: str
    """Empty where there is a partner."""
    days: int
    """The days of the calendar that the bucket meets."""
    compare_days: int | None
    whole: bool = False
    """Of a running bucket: the earlier period was shorter and is taken whole."""


def parse_overlays(text: str) -> tuple[Overlay, ...]:
    """`prev,year`: each once, as they stand. Raises: BadRequest with the nearest right ones."""
    words = [word for word in text.split(",") if word.strip()]
    return tuple(dict.fromkeys(named(word, OVERLAYS, "overlay") for word in words))


def parse_align(text: str) -> Align:
    """Raises: BadRequest with the right ones."""
    return named(text, ALIGNS, "alignment")


def refusal(grain: Grain, overlay: Overlay, align: Align) -> str | None:
    """Why an overlay is not offered on a grain; None: it is."""
    if overlay == "prev":
        return None
    if GRAINS.index(overlay) < GRAINS.index(grain):
        return f"a {overlay} is shorter than a {grain}: {overlay}s cannot be laid beside {grain}s"
    if grain == "week" and overlay in ("month", "quarter") and align == "date":
        weeks = _DAYS_BACK[overlay] // 7
        return f"weeks do not divide {overlay}s: they pair by weekday, {weeks} weeks back"
    return None


def pairs(
    calendar: Calendar, grain: Grain, overlay: Overlay, align: Align, buckets: Sequence[Period]
) -> list[Pair]:
    """A pair for each bucket, in their order; `buckets` are the consecutive ones of one range.

    Raises: BadRequest for what is refused.
    """
    reason = refusal(grain, overlay, align)
    if reason is not None:
        raise BadRequest(reason)
    if not buckets:
        return []
    if overlay == "prev":
        found = _so_many_back(calendar, grain, buckets)
    else:
        found = _moved(calendar, grain, _move(calendar, grain, overlay, align), buckets)
    days = bucket_days(calendar, grain, buckets)
    partners = [partner for partner in found if isinstance(partner, Period)]
    partner_days = iter(bucket_days(calendar, grain, partners))
    return [
        Pair(of, None, partner, count, None)
        if isinstance(partner, str)
        else Pair(of, partner, "", count, next(partner_days))
        for of, partner, count in zip(buckets, found, days, strict=True)
    ]


def totals(calendar: Calendar, found: Iterable[Pair]) -> tuple[int, int]:
    """The days that all buckets meet, and those that all their partners meet."""
    known = list(found)
    partners = [pair.period for pair in known if pair.period is not None]
    return distinct_days(calendar, [pair.of for pair in known]), distinct_days(calendar, partners)


def label(calendar: Calendar, grain: Grain, bucket: Period) -> Label:
    if grain != "hour":
        return calendar.first_day(grain, calendar.date_of(bucket.start_at)), 0
    on, second = calendar.clock_at(bucket.start_at)
    return on, second // HOUR_S


def _so_many_back(calendar: Calendar, grain: Grain, buckets: Sequence[Period]) -> list[Found]:
    """As many buckets back as there are."""
    start_at, count = buckets[0].start_at, len(buckets)
    first_at = calendar.start_of(FIRST_ON)
    from_at = max(first_at, start_at - (count + 1) * _AT_MOST[grain])
    earlier = calendar.periods(grain, from_at, start_at)
    found = [bucket for bucket in earlier if bucket.start_at >= first_at][-count:]
    return [*[TOO_EARLY] * (count - len(found)), *found]


def _move(
    calendar: Calendar, grain: Grain, overlay: Overlay, align: Align
) -> Callable[[date], Moved]:
    months = grain in ("month", "quarter", "year")
    if overlay == "week" or (align == "weekday" and not months):
        return partial(days_back, _DAYS_BACK[overlay])
    if grain == "week":
        return partial(week_a_year_back, calendar)
    return partial(months_back, _MONTHS_BACK[overlay])


def _moved(
    calendar: Calendar, grain: Grain, move: Callable[[date], Moved], buckets: Sequence[Period]
) -> list[Found]:
    """The buckets that bear the moved labels."""
    labels = [label(calendar, grain, bucket) for bucket in buckets]
    moved = {on: move(on) for on, _ in labels}
    dates = [on for on in moved.values() if isinstance(on, date)]
    if not dates:
        return [str(moved[on]) for on, _ in labels]
    own = _by_label(calendar, grain, min(moved), max(moved))
    earlier = _by_label(calendar, grain, min(dates), max(dates))
    found: list[Found] = []
    for bucket, (on, hour) in zip(buckets, labels, strict=True):
        there = moved[on]
        if isinstance(there, str):
            found.append(there)
        elif own[on, hour] != bucket:
            found.append("it is the second hour of its label")
        else:
            partner = earlier.get((there, hour))
            found.append(partner or _absent(calendar, there, hour))
    return found


def _by_label(
    calendar: Calendar, grain: Grain, first_on: date, last_on: date
) -> dict[Label, Period]:
    """The buckets that begin on these dates; of two with one label the first."""
    found: dict[Label, Period] = {}
    # one second more: the week of a date that never was begins where the next date begins
    start_at, end_at = calendar.start_of(first_on), calendar.end_of(last_on) + timedelta(seconds=1)
    for bucket in calendar.periods(grain, start_at, end_at):
        found.setdefault(label(calendar, grain, bucket), bucket)
    return found


def _absent(calendar: Calendar, on: date, hour: int) -> str:
    try:
        calendar.day(on)
    except ValueError as error:
        return str(error)
    return f"the clocks left out {hour:02d}:00 on {on}"
