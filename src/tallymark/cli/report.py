"""`tallymark report …`: configure reports, see why they wait, make them, make them again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated

import typer

from tallymark.cli.common import (
    Home,
    Json,
    WorkspaceDir,
    app,
    node_of,
    node_started,
    print_json,
    progress_of,
    say,
    settings,
)
from tallymark.cli.report_asked import is_id, text_of
from tallymark.cli.report_told import (
    mistakes,
    plain,
    print_regenerated,
    print_reports,
    print_rows,
    print_runs,
    show_report,
)
from tallymark.reports import told
from tallymark.reports.runs import Run
from tallymark.reports.service import Reports
from tallymark.wiring.node import Node
from tallymark.wiring.reporter import reporter

report_app = typer.Typer(help="Reports: a file for each end date.", no_args_is_help=True)
app.add_typer(report_app, name="report")

ReportId = Annotated[str, typer.Argument(metavar="ID", help="Of a report, as `list` names it.")]
Request = Annotated[str, typer.Argument(metavar="FILE", help="The request as JSON; - is stdin.")]
LOOKED_AT = 400
"""So many of a report's newest runs are followed while they are made."""


@report_app.command()
def submit(
    file: Request,
    home: Home = None,
    workspace: WorkspaceDir = None,
    replace: Annotated[
        str, typer.Option(help="The report that this puts another configuration into.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Configure a report; every mistake is told at once, with what is right."""
    with mistakes(as_json), closing(node_of(settings(home, workspace=workspace))) as node:
        text = text_of(file)
        node.prepare()
        reports = node.reporting.service
        with _busy("checking the request", as_json):
            made = reports.replace(replace, text) if replace else reports.submit(text)
        show_report(reports, made, as_json)


@report_app.command("list")
def list_reports(
    home: Home = None,
    status: Annotated[str, typer.Option(help="ENABLED or DISABLED; all by default.")] = "",
    as_json: Json = False,
) -> None:
    """All reports, with when each was made last and is due next."""
    with _reports(home, as_json) as reports:
        found = list(reports.told(reports.list([status] if status else None)))
    if as_json:
        print_json({"count": len(found), "reports": found})
        return
    print_reports(found)


@report_app.command()
def show(
    report_id: ReportId,
    home: Home = None,
    limit: Annotated[int, typer.Option(min=1, help="How many runs, the newest first.")] = 14,
    as_json: Json = False,
) -> None:
    """A report as it is configured, and its runs."""
    with _reports(home, as_json) as reports:
        report = reports.get(report_id)
        found = reports.runs(report_id, limit)
        (shown,) = reports.told([report])
    if as_json:
        print_json({**shown, **told.runs_json(found)})
        return
    for name, value in shown.items():
        say(f"{name}: {plain(value)}")
    say("")
    print_runs(found)


@report_app.command()
def why(report_id: ReportId, home: Home = None, as_json: Json = False) -> None:
    """What each date waits for that has no file yet, and when the next one is due."""
    with _reports(home, as_json) as reports:
        lines = list(reports.why(report_id))
    if as_json:
        print_json({"why": lines})
        return
    for line in lines:
        say(line)


@report_app.command()
def preview(
    report: Annotated[
        str, typer.Argument(metavar="ID_OR_FILE", help="A report, or a request; - is stdin.")
    ],
    home: Home = None,
    workspace: WorkspaceDir = None,
    as_json: Json = False,
) -> None:
    """The first 100 rows and the name of the file; nothing is written."""
    with mistakes(as_json), closing(node_of(settings(home, workspace=workspace))) as node:
        text = None if is_id(report) else text_of(report)
        node.prepare()
        reports = node.reporting.service
        with _busy("asking for the first rows", as_json):
            found = reports.preview(report) if text is None else reports.preview_of(text)
    if as_json:
        print_json(told.preview_json(found))
        return
    say(f"{found.path}: {found.start_date} to {found.end_date}")
    print_rows(found)


@report_app.command()
def run(
    report_id: ReportId,
    home: Home = None,
    workspace: WorkspaceDir = None,
    as_json: Json = False,
) -> None:
    """Make what is due of a report now, without waiting for the next look at its data."""
    with mistakes(as_json), closing(node_of(settings(home, workspace=workspace))) as node:
        node.prepare()
        reports = node.reporting.service
        before = {one.id: one for one in reports.runs(report_id, LOOKED_AT)}
        reports.run(report_id)
        _make(node, report_id, as_json)
        after = reports.runs(report_id, LOOKED_AT)
        lines = list(reports.why(report_id))
    changed = [one for one in after if one.open or one != before.get(one.id)]
    if as_json:
        print_json({"report_id": report_id, **told.runs_json(changed), "why": lines})
    else:
        if changed:
            print_runs(changed)
        for line in lines:
            say(line)
    _end(changed)


@report_app.command()
def disable(report_id: ReportId, home: Home = None, as_json: Json = False) -> None:
    """End what waits; no date is due until it is enabled again, and none is made up then."""
    with _reports(home, as_json) as reports:
        show_report(reports, reports.disable(report_id), as_json)


@report_app.command()
def enable(report_id: ReportId, home: Home = None, as_json: Json = False) -> None:
    """Let a report's next dates come due."""
    with _reports(home, as_json) as reports:
        show_report(reports, reports.enable(report_id), as_json)


@report_app.command()
def regenerate(
    first: Annotated[str, typer.Option("--from", help="The first end date.")],
    last: Annotated[str, typer.Option("--to", help="The last end date, included.")],
    reason: Annotated[str, typer.Option(help="Why; it stands on each run.")],
    report_ids: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]...", help="All enabled ones by default.")
    ] = None,
    home: Home = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say which dates it would be.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Make dates once more; what was there is copied to backup/ before it is replaced."""
    request = {
        "report_list": report_ids or [],
        "replay_interval": {"from": first, "to": last},
        "reason": reason,
        "dry_run": dry_run,
    }
    with _reports(home, as_json) as reports:
        done = reports.regenerate(json.dumps(request))
    if as_json:
        print_json(told.regenerated_json(done))
    else:
        print_regenerated(done)


@contextmanager
def _reports(home: Path | None, as_json: bool) -> Iterator[Reports]:
    with mistakes(as_json), closing(node_started(settings(home))) as node:
        yield node.reporting.service


@contextmanager
def _busy(what: str, as_json: bool) -> Iterator[None]:
    with progress_of(as_json) as progress:
        progress.add_task(what, total=None)
        yield


def _make(node: Node, report_id: str, as_json: bool) -> None:
    reports = node.reporting.service
    with progress_of(as_json) as progress:
        bar = progress.add_task(f"making {report_id}", total=None)

        def one_more() -> None:
            left = sum(one.open for one in reports.runs(report_id, LOOKED_AT))
            done = progress.tasks[bar].completed + 1
            progress.update(bar, completed=done, total=done + left)

        reporter(node, one_more).run_until_idle()


def _end(changed: Sequence[Run]) -> None:
    if any(one.state == "FAILED" and not one.open for one in changed):
        raise typer.Exit(1)
    if any(one.open for one in changed):
        raise typer.Exit(3)
