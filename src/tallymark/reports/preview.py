"""The first rows of a report and the name of its file; writes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tallymark.calendar.periods import Calendar
from tallymark.calendar.schedule import Schedule
from tallymark.engines import Around, Engine, Rows, Window
from tallymark.reports import columns, due
from tallymark.reports.define import ONCE, ReportSpec
from tallymark.reports.pattern import naming, object_path

ROWS = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    path: str
    """Below the report's prefix; of a report with groups that of the first row."""
    start_date: str
    end_date: str
    headings: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


def window(spec: ReportSpec, calendar: Calendar, now: datetime) -> Window:
    """What the newest run covers that is due by now. `calendar`: in the report's zone."""
    if spec.frequency == ONCE:
        return due.window(spec, calendar, now)
    latest = Schedule.in_calendar(spec.frequency, calendar).latest(now)
    return due.window(spec, calendar, latest)


def preview(
    report_id: str, spec: ReportSpec, engine: Engine, window: Window, around: Around, now: datetime
) -> Preview:
    """Raises: as the engine's `ask`; FatalError where the headings do not fit the columns."""
    answer = engine.ask(spec.query, window, around)
    with closing(answer) as parts:  # type: ignore[type-var]
        names, rows = _first(parts)
    chosen = columns.resolve(names, spec)
    places = [names.index(column) for column, _ in chosen]
    named = naming(
        report_id, spec, first_on=window.first_on, end_on=window.end_on, made_at=now.astimezone(UTC)
    )
    of_first = dict(zip(names, rows[0] if rows else [None] * len(names), strict=True))
    return Preview(
        path=object_path(spec.pattern, named, {one: of_first[one] for one in spec.group_by}),
        start_date=named.start_date,
        end_date=named.end_date,
        headings=tuple(heading for _, heading in chosen),
        rows=tuple(tuple(row[n] for n in places) for row in rows),
    )


def _first(parts: Iterator[Rows]) -> tuple[tuple[str, ...], list[Sequence[Any]]]:
    names: tuple[str, ...] = ()
    rows: list[Sequence[Any]] = []
    for part in parts:
        names = part.columns
        rows += part.rows[: ROWS - len(rows)]
        if len(rows) == ROWS:
            break
    return names, rows
