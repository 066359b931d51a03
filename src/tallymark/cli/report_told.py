"""Reports, their runs and their mistakes, as `tallymark report` prints them."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import typer

from tallymark.cli.common import print_json, print_table, say
from tallymark.errors import BadRequest, WrongFields
from tallymark.reports.preview import Preview
from tallymark.reports.regenerate import Regenerated
from tallymark.reports.runs import Run
from tallymark.reports.service import Reports
from tallymark.reports.store import Report


@contextmanager
def mistakes(as_json: bool) -> Iterator[None]:
    """Every wrong field on a line of its own, or as the API tells them; so is what is no field's,
    such as a report that is not there."""
    try:
        yield
    except BadRequest as error:
        wrong = error if isinstance(error, WrongFields) else WrongFields(())
        if as_json:
            errors = [{"field": one.field, "detail": one.text} for one in wrong.found]
            errors = errors or [{"detail": str(error)}]
            print_json({"errors": errors, "warnings": list(wrong.warnings)})
        else:
            lines = [f"{one.field}: {one.text}" for one in wrong.found] or [str(error)]
            lines += [f"warning: {text}" for text in wrong.warnings]
            sys.stderr.write("".join(f"tallymark: {line}\n" for line in lines))
        raise typer.Exit(2) from error


def print_reports(found: Sequence[Mapping[str, Any]]) -> None:
    names = ("report_id", "status", "query_engine", "execution_frequency", "report_interval")
    rows = [
        (
            *(plain(one[name]) for name in names),
            one["last_generated_at"],
            next(iter(one["next_runs"]), None),
        )
        for one in found
    ]
    head = ("report", "status", "engine", "frequency", "interval", "made last", "due next")
    print_table(head, rows)


def print_rows(found: Preview) -> None:
    rows = [["null" if value is None else plain(value) for value in row] for row in found.rows]
    print_table(found.headings, rows)


def show_report(reports: Reports, report: Report, as_json: bool) -> None:
    if as_json:
        print_json(reports.told([report])[0])
        return
    say(f"{report.report_id} is {report.status.lower()}: files go to {report.location}")
    if report.unchecked:
        say("! its query is unchecked: the engine did not answer")
    for warning in report.warnings:
        say(f"! {warning}")


def print_runs(found: Sequence[Run]) -> None:
    head = ("end date", "revision", "status", "rows", "bytes", "seconds", "file or reason")
    rows = [
        (
            one.end_on,
            one.revision,
            one.state,
            one.rows,
            one.bytes,
            None if one.seconds is None else f"{one.seconds:.2f}",
            one.waits_for or (one.location if one.state == "SUCCESS" else one.error),
        )
        for one in found
    ]
    print_table(head, rows)


def print_regenerated(done: Regenerated) -> None:
    will = "would be made once more" if done.dry_run else "is made once more"
    for one in done.made:
        say(f"{one.report_id} of {one.end_date} {will}, as revision {one.revision}")
    for left in done.left_out:
        dates = left.end_dates
        span = dates[0] if len(dates) == 1 else f"{len(dates)} dates from {dates[0]}"
        say(f"{left.report_id}: {span} left out: {left.reason}")
    if not done.made:
        say("nothing is made once more")
    elif not done.dry_run:
        say("`tallymark serve` makes them, or now `tallymark report run ID`")


def plain(value: Any) -> object:
    if isinstance(value, dict):
        return " to ".join(map(str, value.values()))
    return ", ".join(map(str, value)) if isinstance(value, list) else value
