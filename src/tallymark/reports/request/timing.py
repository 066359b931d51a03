"""When a request's report runs and what dates it covers. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from tallymark.calendar.dates import since_first
from tallymark.calendar.intervals import bounds, interval
from tallymark.calendar.names import nearest
from tallymark.calendar.periods import Calendar
from tallymark.calendar.recurring import WORDS, recurring
from tallymark.calendar.schedule import Schedule, parse_duration
from tallymark.errors import ConfigError
from tallymark.reports.define import ONCE
from tallymark.reports.request.fields import Fields

FREQUENCIES = f"{', '.join(WORDS)}, {ONCE}, or a cron text such as '0 6 * * 1-5'"
SHORTEST_STEP_S = 3600.0
LONGEST_WAIT = timedelta(days=30)
LONGEST_AHEAD = timedelta(days=366)
_CATCH_UP = ("all", "latest", "none")


@dataclass(frozen=True, slots=True)
class Covers:
    """A name of the calendar, or two dates."""

    interval: str = ""
    from_on: str = ""
    to_on: str = ""


def frequency(fields: Fields, calendar: Calendar) -> str:
    """`DAILY`, `WEEKLY 06:00`, a cron text, `ONCE`; empty where it is wrong."""
    text, at = fields.text("execution_frequency", FREQUENCIES), fields.optional("at")
    words = text.split()
    if not words:
        return ""
    if text.upper() == ONCE:
        if at:
            fields.blame("at", f"{ONCE} has no time of day: remove it")
        return ONCE
    named = words[0].upper() in WORDS
    if not named and len(words) == 1 and not text.startswith("@"):
        said = f"there is no frequency {text!r}: {nearest(text, (*WORDS, ONCE))}, or a cron text"
        fields.blame("execution_frequency", said)
        return ""
    if at and not (named and len(words) == 1):
        fields.blame("at", "`execution_frequency` says the time of day already: remove it")
        at = ""
    return _scheduled(fields, "at" if at else "execution_frequency", f"{text} {at}", calendar)


def _scheduled(fields: Fields, name: str, text: str, calendar: Calendar) -> str:
    text = " ".join(text.split())
    schedule = fields.read(name, lambda: Schedule.in_calendar(text, calendar))
    if schedule is None:
        return ""
    if schedule.step_s < SHORTEST_STEP_S:
        fields.blame(name, "a report makes one file a day at most: an hour is the shortest step")
        return ""
    return text.upper().replace(" AT ", " ") if recurring(text) else text


def covers(
    fields: Fields, frequency: str, calendar: Calendar, now: datetime, warnings: list[str]
) -> Covers:
    """What `report_interval` says; nothing where it is wrong."""
    given = fields.value("report_interval")
    if isinstance(given, dict):
        section = Fields(given, "report_interval.", fields.wrong)
        return _dates(fields, section, frequency, calendar, now, warnings)
    name = fields.text("report_interval", "a name such as YESTERDAY, LAST_7_DAYS or P14D")
    if not name:
        return Covers()
    found = fields.read(
        "report_interval", lambda: interval(name, calendar, now, through="yesterday")
    )
    return Covers(found.name) if found else Covers()


def _dates(
    fields: Fields,
    section: Fields,
    frequency: str,
    calendar: Calendar,
    now: datetime,
    warnings: list[str],
) -> Covers:
    from_on, to_on = section.date("from"), section.date("to")
    section.done()
    if frequency not in (ONCE, ""):
        said = f"two dates go with the frequency {ONCE} only: give a name such as LAST_7_DAYS"
        fields.blame("report_interval", said)
    if not from_on or not to_on:
        return Covers()
    first, last = date.fromisoformat(from_on), date.fromisoformat(to_on)
    period = fields.read("report_interval", lambda: bounds(calendar, first, last))
    if period is None:
        return Covers()
    if period.end_at > now + LONGEST_WAIT:
        fields.blame("report_interval.to", "lies more than 30 days ahead: a report waits no longer")
    elif period.end_at > now:
        warnings.append(f"report_interval: {to_on} has not ended yet; the report waits for it")
    return Covers("", from_on, to_on)


def start_on(fields: Fields, frequency: str, now: datetime) -> str:
    """The first end date; empty: that of the last period that had ended."""
    if fields.given.get("start") is None:
        fields.value("start")
        return ""
    found = fields.date("start")
    if found and frequency == ONCE:
        fields.blame("start", f"{ONCE} has no first date: remove it")
    elif found and date.fromisoformat(found) > (now + LONGEST_AHEAD).date():
        fields.blame("start", "lies more than a year ahead")
    elif found:
        fields.read("start", lambda: since_first(date.fromisoformat(found)))
    return found


def deadline_s(fields: Fields) -> float:
    text = fields.optional("deadline", "a duration such as 24h")
    found = fields.read("deadline", lambda: parse_duration(text)) if text else None
    if found is not None and found > LONGEST_WAIT:
        fields.blame("deadline", "is longer than 30 days, after which no report is asked for")
    return (found or timedelta(days=1)).total_seconds()


def catch_up(fields: Fields) -> str:
    found = fields.optional("catch_up").lower() or "all"
    if found not in _CATCH_UP:
        try:
            parse_duration(found)
        except ConfigError:
            fields.blame(
                "catch_up", f"{found!r} is none of all, latest, none, or an age such as 30d"
            )
    return found


def retention_days(fields: Fields) -> int | None:
    """None: for ever."""
    found = fields.value("retention")
    if found is None or found == "never":
        return None
    try:
        age = parse_duration(found) if isinstance(found, str) else timedelta(0)
    except ConfigError:
        age = timedelta(0)
    if not age or age % timedelta(days=1):
        fields.blame("retention", f"{found!r} is no number of days: write 90d, or never")
        return None
    return age.days
