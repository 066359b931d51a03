"""Commands that do something and end: `collect`, `backfill`, `replay`, `token`."""

from __future__ import annotations

from typing import Annotated, cast

import typer
from rich.progress import Progress

from tallymark.cli.common import (
    Home,
    Json,
    WorkspaceDir,
    app,
    node_of,
    now,
    print_json,
    print_table,
    say,
    settings,
)
from tallymark.collect import backfill as past
from tallymark.connectors import PulledConnector
from tallymark.errors import NotFound
from tallymark.ledger import objects
from tallymark.ledger.beats import beating
from tallymark.ledger.objects import Object
from tallymark.metrics.plan import asked_range
from tallymark.model import Period
from tallymark.state import tokens
from tallymark.state.database import migrate, open_databases, reading, writing
from tallymark.wiring.health import status
from tallymark.wiring.node import Node

token_app = typer.Typer(help="Tokens for the API and for senders.", no_args_is_help=True)
app.add_typer(token_app, name="token")

Subject = Annotated[str | None, typer.Option("--subject", help="One subject; all by default.")]


@app.command()
def collect(home: Home = None, workspace: WorkspaceDir = None, as_json: Json = False) -> None:
    """Do everything that is due now, then end."""
    node = node_of(settings(home, workspace=workspace))
    node.prepare()
    _work(node, "collecting", as_json)


def _work(node: Node, what: str, as_json: bool) -> None:
    with Progress(transient=True, disable=as_json) as progress:
        progress.add_task(what, total=None)
        idle = node.worker.run_until_idle()
    found = status(node.databases.control)
    failing = [one for one in found if one["state"] == "failing"]
    node.close()
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
    node = node_of(settings(home, workspace=workspace))
    node.prepare()
    wanted = [
        (obj, span)
        for obj in _objects(node, source, stream, subject)
        for span in past.spans(
            node.sources[source].stream(obj),
            node.sources[source].schedule(obj),
            obj,
            *asked_range(first, last, node.calendar),
        )
    ]
    if dry_run:
        _print_requests(node, wanted, as_json)
        node.close()
        return
    with writing(node.databases.control) as tx:
        for obj, span in wanted:
            past.mark(tx, obj, [span], now())
    _work(node, "backfilling", as_json)


def _print_requests(node: Node, wanted: list[tuple[Object, Period]], as_json: bool) -> None:
    found = []
    for obj, span in wanted:
        connector = cast(PulledConnector, node.sources[obj.source].connector)
        url = past.first_request(connector, obj, span)
        found.append({"subject": obj.subject, "from": span.start_at, "to": span.end_at, "url": url})
    if as_json:
        print_json({"requests": found})
    else:
        say("\n".join(f"GET {one['url']}" for one in found))


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
    node = node_of(settings(home, workspace=workspace))
    node.prepare()
    rows = 0
    with beating(node.claims, node.config.beat_s), Progress(disable=as_json) as progress:
        for obj in progress.track(_objects(node, source, stream, subject), description="replaying"):
            built = node.sources[source]
            rows += node.replay.object(obj, built.connector, built.streams)
    for name in node.cubes:
        if name == f"{source}.{stream}":
            node.refresh.refresh(node.cubes[name])
    node.close()
    if as_json:
        print_json({"rows": rows})
    else:
        say(f"{rows} rows made again")


def _objects(node: Node, source: str, stream: str, subject: str | None) -> list[Object]:
    """Raises: NotFound that names what there is."""
    if source not in node.sources or stream not in node.sources[source].streams:
        raise NotFound(
            f"there is no {source} {stream}: there are {', '.join(sorted(node.streams))}"
        )
    with reading(node.databases.control) as conn:
        found = [
            obj
            for kind in ("collect", "flush")
            for obj in objects.load(
                conn, kind=kind, source=source, stream=stream, subject=subject, states=("active",)
            )
        ]
    if not found:
        raise NotFound(f"{source} {stream} has no active subject {subject or ''}".strip())
    return found


@token_app.command("create")
def create_token(
    name: str,
    scope: Annotated[str, typer.Option(help="read, write or admin.")] = "read",
    home: Home = None,
    as_json: Json = False,
) -> None:
    """Make a token and print it, once: only its hash is kept."""
    config = settings(home)
    config.home.mkdir(parents=True, exist_ok=True)
    databases = open_databases(config.database_url, config.home)
    migrate(databases)
    token = tokens.create(databases.control, name, scope, now())
    databases.close()
    if as_json:
        print_json({"name": name, "scope": scope, "token": token})
    else:
        say(f"{name} ({scope}), shown only now: {token}")


@token_app.command("list")
def list_tokens(home: Home = None, as_json: Json = False) -> None:
    """The tokens there are, by name."""
    node = node_of(settings(home), stored=True)
    found = tokens.names(node.databases.control)
    if as_json:
        print_json([{"name": n, "scope": s, "created_at": at} for n, s, at in found])
    else:
        print_table(("name", "scope", "made"), [(n, s, f"{at:%Y-%m-%d}") for n, s, at in found])


@token_app.command("remove")
def remove_token(name: str, home: Home = None) -> None:
    """Make a token worthless at once."""
    node = node_of(settings(home), stored=True)
    tokens.remove(node.databases.control, name)
    say(f"{name} is removed")
