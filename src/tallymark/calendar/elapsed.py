"""A running bucket beside an earlier one: both only as far as the running one has come. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime

from tallymark.calendar.counting import bucket_days
from tallymark.calendar.dates import month_end, same_day
from tallymark.calendar.overlays import Pair, label
from tallymark.calendar.periods import Calendar
from tallymark.model import Grain, Period


def elapsed(calendar: Calendar, grain: Grain, pair: Pair, cut_at: datetime) -> Pair:
    """Both sides up to the same place: the same day number and time on the local clock.

    `cut_at`: up to where the running bucket counts, the end of a full hour or day.
    A pair without partner, and one of a bucket that has ended, stays as it is.
    """
    if pair.period is None or cut_at >= pair.of.end_at:
        return pair
    if grain == "hour" or cut_at <= pair.of.start_at:
        reason = f"no full hour of this {grain} is complete yet"
        return replace(pair, period=None, compare_days=None, reason=reason)
    end_at, lacking = _same_place(calendar, grain, pair.of, pair.period, cut_at)
    end_at = min(end_at, pair.period.end_at)
    if end_at <= pair.period.start_at:
        reason = f"the earlier {grain} had not begun at that time of day"
        return replace(pair, period=None, compare_days=None, reason=reason)
    of = Period(pair.of.start_at, cut_at)
    period = Period(pair.period.start_at, end_at)
    days, compare_days = (bucket_days(calendar, grain, [part])[0] for part in (of, period))
    return Pair(of, period, "", days, compare_days, lacking and period == pair.period)


def _same_place(
    calendar: Calendar, grain: Grain, of: Period, partner: Period, cut_at: datetime
) -> tuple[datetime, bool]:
    """The cut as far back as the partner lies; and whether the month there lacks its day."""
    on, second = _clock(calendar, cut_at)
    first_on, _ = label(calendar, grain, of)
    partner_on, _ = label(calendar, grain, partner)
    if grain in ("day", "week"):
        return calendar.first_at(on - (first_on - partner_on), second), False
    months = (partner_on.year - first_on.year) * 12 + partner_on.month - first_on.month
    there = same_day(on, months)
    if there is None:
        return calendar.end_of(month_end(on, months)), True
    return calendar.first_at(there, second), False


def _clock(calendar: Calendar, at: datetime) -> tuple[date, int]:
    """Date and second of day on the local clock; a day begins at 0, whatever the clock shows."""
    if calendar.period("day", at).start_at == at:
        return calendar.date_of(at), 0
    return calendar.clock_at(at)
