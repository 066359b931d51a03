"""`tallymark calendar`: which range of time a name means, and what it is laid beside."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated, Any

import typer

from tallymark.calendar.intervals import INTERVALS, bounds, interval
from tallymark.calendar.labels import days, title
from tallymark.calendar.moments import moment_of
from tallymark.calendar.names import lookup, named, nearest
from tallymark.calendar.overlays import OVERLAYS, pairs, parse_align
from tallymark.calendar.periods import Calendar
from tallymark.cli.common import Home, Json, app, now, print_json, say, settings
from tallymark.config import Config
from tallymark.connectors import discover
from tallymark.definitions.workspace import load
from tallymark.errors import BadRequest
from tallymark.model import GRAINS, WEEK_STARTS, Grain, Period

_COMPARE = "compare:"
_NAMES = (*GRAINS, *INTERVALS, *(_COMPARE + overlay for overlay in OVERLAYS))
_TICK = timedelta(microseconds=1)


@dataclass(frozen=True)
class Range:
    """A range of time, its first and last day; as a period also its key and its title."""

    period: Period
    first_on: date
    last_on: date
    key: str | None
    title: str


@app.command()
def calendar(
    name: Annotated[str, typer.Argument(help="A grain, an interval, or compare:OVERLAY.")],
    home: Home = None,
    at: Annotated[
        str, typer.Option(help="An instant, or a date or time in the zone; now by default.")
    ] = "",
    zone: Annotated[str, typer.Option(help="An IANA zone; the workspace's by default.")] = "",
    week_start: Annotated[str, typer.Option(help="monday, sunday or saturday.")] = "",
    fiscal_start: Annotated[
        int | None, typer.Option(help="The month in which fiscal years start, 1 to 12.")
    ] = None,
    grain: Annotated[str, typer.Option(help="Of an overlay: the bucket that holds --at.")] = "day",
    align: Annotated[str, typer.Option(help="Of an overlay: date or weekday.")] = "date",
    as_json: Json = False,
) -> None:
    """The range that a name means at an instant: a period, an interval, or an overlay's partner."""
    base = Calendar() if zone and week_start and fiscal_start else _workspaces(settings(home))
    cut = Calendar(
        zone or base.zone,
        named(week_start, WEEK_STARTS, "week start") if week_start else base.week_start,
        base.fiscal_start if fiscal_start is None else fiscal_start,
    )
    known = lookup(name, _NAMES) or name.strip()
    at_ = moment_of(at, cut) if at else now()
    if known.startswith(_COMPARE):
        _compare(cut, known, named(grain, GRAINS, "grain"), align, at_, as_json)
        return
    found = _range(cut, known, at_)
    if as_json:
        print_json({"name": known, "zone": cut.zone, **_told(found)})
    else:
        key = f" ({found.key})" if found.key and found.key != known else ""
        say(f"{known}: {found.title}{key}\n{_instants(found.period, cut)}")


def _workspaces(config: Config) -> Calendar:
    """The workspace's calendar, where there is a workspace."""
    folder = config.workspace_path
    return load(folder, discover()).calendar if folder.is_dir() else Calendar()


def _range(cut: Calendar, name: str, at: datetime) -> Range:
    grain = lookup(name, GRAINS)
    if grain is not None:
        return _period(cut, grain, cut.period(grain, at))
    # an ISO duration's mistakes are told by those who read it
    if name not in _NAMES and not re.match(r"P(\d|T|$)", name, re.IGNORECASE):
        raise BadRequest(
            f"there is no grain, interval or overlay {name!r}: {nearest(name, _NAMES)}"
        )
    found = interval(name, cut, at)
    period = bounds(cut, found.first_on, found.last_on)
    one = found.grain is not None and period.start_at < period.end_at
    key = cut.key(found.grain, period) if found.grain is not None and one else None
    return Range(period, found.first_on, found.last_on, key, days(found.first_on, found.last_on))


def _period(cut: Calendar, grain: Grain, period: Period) -> Range:
    first_on, last_on = cut.date_of(period.start_at), cut.date_of(period.end_at - _TICK)
    key = cut.key(grain, period)
    called = title(cut, grain, period.start_at, period.end_at, key)
    return Range(period, first_on, last_on, key, called)


def _compare(
    cut: Calendar, name: str, grain: Grain, align: str, at: datetime, as_json: bool
) -> None:
    overlay = named(name.removeprefix(_COMPARE), OVERLAYS, "overlay")
    of = _period(cut, grain, cut.period(grain, at))
    [pair] = pairs(cut, grain, overlay, parse_align(align), [of.period])
    found = _period(cut, grain, pair.period) if pair.period else None
    if as_json:
        print_json(
            {
                "name": name,
                "zone": cut.zone,
                **(_told(found) if found else dict.fromkeys(_told(of))),
                "of_start_at": _iso(of.period.start_at),
                "of_end_at": _iso(of.period.end_at),
                "days": pair.days,
                "compare_days": pair.compare_days,
                "reason": pair.reason or None,
            }
        )
    elif found:
        differ = f", {pair.days} days against {pair.compare_days}"
        said = differ if pair.days != pair.compare_days else ""
        say(f"{of.title} beside {found.title}{said}\n{_instants(found.period, cut)}")
    else:
        say(f"{of.title} has no partner: {pair.reason}")


def _told(found: Range) -> dict[str, Any]:
    return {
        "start_at": _iso(found.period.start_at),
        "end_at": _iso(found.period.end_at),
        "start_date": found.first_on.isoformat(),
        "end_date": found.last_on.isoformat(),
        "key": found.key,
    }


def _instants(period: Period, cut: Calendar) -> str:
    return f"from {_iso(period.start_at)} up to {_iso(period.end_at)}, in {cut.zone}"


def _iso(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
