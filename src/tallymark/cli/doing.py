"""Commands that do something and end: `collect`, `backfill`, `replay`, `token`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Annotated, cast

import typer

from tallymark.calendar.periods import Calendar
from tallymark.cli.common import (
    Home,
    Json,
    WorkspaceDir,
    app,
    node_of,
    node_started,
    now,
    open_home,
    print_json,
    print_table,
    progress_of,
    say,
    settings,
)
from tallymark.collect import backfill as past
from tallymark.connectors import PulledConnector
from tallymark.errors import NotFound
from tallymark.ledger import objects
from tallymark.ledger.beats import beating
from tallymark.ledger.objects import Object
from tallymark.metrics.ranges import asked_range
from tallymark.model import Period
from tallymark.state import tokens
from tallymark.state.database import reading, writing
from tallymark.wiring.health import COLLECTING, status
from tallymark.wiring.node import Node

token_app = typer.Typer(help="Tokens for the API and for senders.", no_args_is_help=True)
app.add_typer(token_app, name="token")

Subject = Annotated[str | None, typer.Option("--subject", help="One subject; all by default.")]


@app.command()
def collect(home: Home = None, workspace: WorkspaceDir = None, as_json: Json = False) -> None:
    """Do everything that is due now, then end."""
    with closing(node_of(settings(home, workspace=workspace))) as node:
        node.prepare()
        _work(node, "collecting", as_json)


def _work(node: Node, what: str, as_json: bool) -> None:
    with progress_of(as_json) as progress:
        progress.add_task(what, total=None)
        idle = node.worker.run_until_idle()
    found = status(node.databases.control)
    failing = [one for one in found if one["state"] == "failing"]
    if as_json:
        print_json({"idle": idle, "failing": failing})
    else:
        say("nothing is due any more" if idle else "not everything could be done in time")
        for one in failing:
            say(f"! {one['source']} {one['subject']}: {one['last_error']} {one['advice'] or ''}")
    if not idle or failing:
        raise typer.Exit(1 if any(one["advice"] for one in failing) else 3)


@app.command()
def backfill(
    source: str,
    stream: str,
    first: Annotated[str, typer.Option("--from", help="A date, or an instant.")],
    last: Annotated[str, typer.Option("--to", help="The last day included, or an instant.")],
    home: Home = None,
    workspace: WorkspaceDir = None,
    subject: Subject = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only print the first request of each span.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Ask for a stretch of the past again; what is known of it stays until the answer is there."""
    with closing(node_of(settings(home, workspace=workspace))) as node:
        node.prepare()
        wanted = list(_spans(node, source, stream, subject, (first, last)))
        if dry_run:
            _print_requests(node, wanted, as_json)
            return
        with writing(node.databases.control) as tx:
            for obj, span in wanted:
                past.mark(tx, obj, [span], now())
        _work(node, "backfilling", as_json)


def _spans(
    node: Node, source: str, stream: str, subject: str | None, dates: tuple[str, str]
) -> Iterator[tuple[Object, Period]]:
    """What a backfill asks for; a date is a day of the stream's own zone, as its periods are."""
    for obj in _objects(node, source, stream, subject, ("active",)):
        found = node.sources[source].stream(obj)
        schedule = node.sources[source].schedule(obj)
        range_ = asked_range(*dates, Calendar("UTC" if found.label else found.zone))
        for span in past.spans(found, schedule, obj, *range_, now()):
            yield obj, span


def _print_requests(node: Node, wanted: list[tuple[Object, Period]], as_json: bool) -> None:
    found = []
    for obj, span in wanted:
        connector = cast(PulledConnector, node.sources[obj.source].connector)
        url = past.first_request(connector, obj, span)
        found.append({"subject": obj.subject, "from": span.start_at, "to": span.end_at, "url": url})
    if as_json:
        print_json({"requests": found})
        return
    for one in found:
        say(f"GET {one['url']}")


@app.command()
def replay(
    source: str,
    stream: str,
    home: Home = None,
    workspace: WorkspaceDir = None,
    subject: Subject = None,
    as_json: Json = False,
) -> None:
    """Make a table's rows again from the archive, with no call; then the cubes."""
    with closing(node_of(settings(home, workspace=workspace))) as node:
        node.prepare()
        wanted = _objects(node, source, stream, subject, ("active", "paused", "removed"))
        rows = 0
        with beating(node.claims, node.config.beat_s), progress_of(as_json) as progress:
            for obj in progress.track(wanted, description="replaying"):
                rows += node.replay.object(obj)
        cube = node.cubes.get(f"{source}.{stream}")
        if cube is not None:
            node.refresh.refresh(cube)
    if as_json:
        print_json({"rows": rows})
    else:
        say(f"{rows} rows made again")


def _objects(
    node: Node, source: str, stream: str, subject: str | None, states: Sequence[str]
) -> list[Object]:
    """Raises: NotFound that names what there is."""
    if source not in node.sources or stream not in node.sources[source].streams:
        raise NotFound(
            f"there is no {source} {stream}: there are {', '.join(sorted(node.streams))}"
        )
    with reading(node.databases.control) as conn:
        every = objects.load(conn, source=source, stream=stream, states=states)
    known = [obj for obj in every if obj.kind in COLLECTING]
    found = [obj for obj in known if subject in (None, obj.subject)]
    if not found:
        there = ", ".join(obj.subject for obj in known) or "none"
        raise NotFound(f"{source} {stream} has no active {subject or 'subject'}: there is {there}")
    return found


@token_app.command("create")
def create_token(
    name: str,
    scope: Annotated[str, typer.Option(help="read, write or admin.")] = "read",
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Make a token and print it, once: only its hash is kept."""
    with closing(open_home(settings(home))) as databases:
        token = tokens.create(databases.control, name, scope, now())
    if as_json:
        print_json({"name": name, "scope": scope, "token": token})
    else:
        say(f"{name} ({scope}), shown only now: {token}")


@token_app.command("list")
def list_tokens(home: Home = None, as_json: Json = False) -> None:
    """The tokens there are, by name."""
    with closing(node_started(settings(home))) as node:
        found = tokens.names(node.databases.control)
    if as_json:
        print_json([{"name": n, "scope": s, "created_at": at} for n, s, at in found])
    else:
        print_table(("name", "scope", "made"), [(n, s, f"{at:%Y-%m-%d}") for n, s, at in found])


@token_app.command("remove")
def remove_token(name: str, home: Home = None, as_json: Json = False) -> None:
    """Make a token worthless at once."""
    with closing(node_started(settings(home))) as node:
        tokens.remove(node.databases.control, name)
    if as_json:
        print_json({"name": name, "removed": True})
    else:
        say(f"{name} is removed")
