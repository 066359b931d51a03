"""The `calendar` of a workspace's YAML: its zone, and where weeks and fiscal years start."""

from __future__ import annotations

from collections.abc import Iterable

from tallymark.calendar.periods import Calendar
from tallymark.calendar.zones import zone
from tallymark.definitions.reader import Section
from tallymark.errors import ConfigError
from tallymark.model import WEEK_STARTS, WeekStart


def calendar(tops: Iterable[Section]) -> Calendar:
    """The one calendar of all files; Monday weeks and plain years in UTC where none has it."""
    found, place = Calendar(), ""
    for top in tops:
        part = top.section("calendar")
        if part is None:
            continue
        if place:
            part.problems.add(part.where, f"the calendar stands at {place} already")
        place = str(part.where)
        found = Calendar(_zone(part), _weekday(part), _month(part))
        part.done()
    return found


def _zone(part: Section) -> str:
    name = part.text("zone", "UTC")
    try:
        zone(name)
    except ConfigError as error:
        part.problems.add(part.place("zone"), str(error))
        return "UTC"
    return name


def _weekday(part: Section) -> WeekStart:
    name = part.one_of("week_start", WEEK_STARTS, "monday")
    return next((known for known in WEEK_STARTS if known == name), "monday")


def _month(part: Section) -> int:
    found = part.value("fiscal_start", 1)
    if isinstance(found, int) and not isinstance(found, bool) and 1 <= found <= 12:
        return found
    text = f"`fiscal_start: {found}`: the month in which fiscal years start, 1 (January) to 12"
    part.problems.add(part.place("fiscal_start"), text)
    return 1
