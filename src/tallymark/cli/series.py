"""`tallymark series`: a metric over its buckets, and what is laid beside them."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from datetime import timedelta
from typing import Annotated

import typer

from tallymark.boards.change import PER_DAY
from tallymark.boards.laid import against
from tallymark.boards.numbers import difference
from tallymark.calendar.labels import clock_time, days
from tallymark.calendar.overlays import parse_align, parse_overlays
from tallymark.calendar.periods import Calendar
from tallymark.cli.common import Home, Json, app, node_started, now, print_table, settings
from tallymark.errors import BadRequest
from tallymark.metrics.answer import ComparedBucket, Line, Series, SeriesQuery
from tallymark.metrics.plan import known
from tallymark.metrics.ranges import range_of
from tallymark.metrics.told import series_json
from tallymark.model import GRAINS, Grain

_TICK = timedelta(microseconds=1)


@app.command()
def series(
    metric: str,
    home: Home = None,
    grain: Annotated[str, typer.Option(help="hour, day, week, month, quarter or year.")] = "day",
    interval: Annotated[
        str, typer.Option(help="LAST_30_DAYS, mtd, P3M and so on, as of today; or --from and --to.")
    ] = "",
    first: Annotated[str, typer.Option("--from", help="A date, or an instant.")] = "",
    last: Annotated[str, typer.Option("--to", help="The last day included, or an instant.")] = "",
    by: Annotated[list[str] | None, typer.Option(help="A dimension.")] = None,
    filter: Annotated[list[str] | None, typer.Option(help="dimension:value")] = None,
    compare: Annotated[
        str, typer.Option(help="Overlays: prev, week, month, quarter, year; several by commas.")
    ] = "",
    align: Annotated[str, typer.Option(help="How overlays pair: date or weekday.")] = "date",
    as_json: Json = False,
) -> None:
    """A metric over its buckets, each with its completeness; the last 28 days by default."""
    with closing(node_started(settings(home))) as node:
        at = now()
        calendar = node.series.calendar(metric)
        if not interval:
            today = calendar.date_of(at)
            first, last = first or str(today - timedelta(days=27)), last or str(today)
        wanted = range_of(interval, first, last, calendar, at)
        query = SeriesQuery(
            metric=metric,
            grain=_grain(grain),
            from_at=wanted.from_at,
            to_at=wanted.to_at,
            by=tuple(by or ()),
            filters=tuple(_filter(text) for text in filter or ()),
            compare=parse_overlays(compare),
            align=parse_align(align),
        )
        found = node.series.read(query)
        adds_up = node.workspace.metrics[metric].aggregate in PER_DAY
    if as_json:
        sys.stdout.write(series_json(found, wanted.interval, indent=True).decode() + "\n")
    else:
        beside = [word for one in query.compare for word in (one, "value", "difference")]
        head = ("key", *query.by, "value", "completeness", *beside, "why")
        print_table(head, list(_rows(found, query.by, adds_up)))


def _grain(text: str) -> Grain:
    return known(text, GRAINS, "grain")  # type: ignore[return-value]


def _filter(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon:
        raise BadRequest(f"--filter {text}: write dimension:value, such as repo:acme/rocket")
    return name, value


def _rows(found: Series, by: Sequence[str], adds_up: bool) -> Iterator[tuple[object, ...]]:
    for line in found.series:
        for place, bucket in enumerate(line.buckets):
            of = [line.by.get(name, "") for name in by]
            others = [overlay.buckets[place] for overlay in line.overlays.values()]
            beside = [word for one in others for word in _beside(found.calendar, one, adds_up)]
            yield bucket.key, *of, bucket.value, bucket.completeness, *beside, _why(line, place)


def _why(line: Line, place: int) -> str:
    """Of the bucket, then of each partner, named by its overlay."""
    said = [cause.text for cause in line.buckets[place].causes]
    for name, overlay in line.overlays.items():
        said += [f"{name}: {cause.text}" for cause in overlay.buckets[place].causes]
    return "; ".join(said)


def _beside(calendar: Calendar, one: ComparedBucket, adds_up: bool) -> tuple[object, ...]:
    """The partner's range and value, and the difference, also a day where the days differ."""
    if one.start_at is None or one.end_at is None or one.compare_days is None:
        return "–", None, ""
    range_ = _range(calendar, one)
    if one.value is None or one.of_value is None:
        return range_, one.value, ""
    said = [difference(one.of_value, one.value)]
    if one.days != one.compare_days:
        said.append(against(one.days, one.compare_days))
        if adds_up:
            a_day = difference(one.of_value / one.days, one.value / one.compare_days)
            said.append(f"{a_day} a day")
    return range_, one.value, ", ".join(said)


def _range(calendar: Calendar, one: ComparedBucket) -> str:
    """`3–9 Aug 2026`, `1–24 Feb 2026 to 18:00`, `3 Aug 2026 14:00–15:00`."""
    assert one.start_at is not None
    assert one.end_at is not None
    said = days(calendar.date_of(one.start_at), calendar.date_of(one.end_at - _TICK))
    starts, ends = (calendar.period("day", at).start_at == at for at in (one.start_at, one.end_at))
    if not starts:
        said += f" {clock_time(calendar, one.start_at)}–{clock_time(calendar, one.end_at)}"
    elif not ends:
        said += f" to {clock_time(calendar, one.end_at)}"
    return f"{said}, whole" if one.whole else said
