"""What the commands share: options, exit codes, how an error is told, how answers are printed."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy.exc import SQLAlchemyError

from tallymark import config
from tallymark.clock import SystemClock
from tallymark.config import Config
from tallymark.connectors import discover
from tallymark.definitions import store
from tallymark.definitions.workspace import Workspace, load
from tallymark.errors import BadRequest, ConfigError, RetryableError, TallymarkError
from tallymark.state.database import at_head, database_gone, open_databases, reading
from tallymark.wiring.node import Node

EXIT_CODES = {
    0: "done",
    1: "it failed, and fails again until a person acts; the message says what to do",
    2: "the input or a setting is wrong; the message says what is right",
    3: "it cannot be done just now: try again later",
}

HELP = "All of a team's numbers in one place, each once, and every one says how complete it is."
app = typer.Typer(help=HELP, no_args_is_help=True, add_completion=False)

Home = Annotated[Path | None, typer.Option("--home", help="The folder that holds everything.")]
WorkspaceDir = Annotated[
    Path | None, typer.Option("--workspace", help="The folder of the YAML files.")
]
Json = Annotated[bool, typer.Option("--json", help="Answer in JSON.")]


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command; errors become one message and an exit code."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s: %(message)s")
    try:
        app(args=None if arguments is None else list(arguments), standalone_mode=False)
    except typer.Exit as done:
        sys.exit(done.exit_code)
    except (typer.Abort, KeyboardInterrupt):
        sys.exit(130)
    except TallymarkError as error:
        _end(str(error), _code(error))
    except SQLAlchemyError as error:
        if not database_gone(error):
            raise
        _end("the database does not answer: is it running?", 3)
    except Exception as error:
        # typer's own complaints about its arguments know how to show themselves
        if not hasattr(error, "exit_code"):
            raise
        error.show()  # type: ignore[attr-defined]
        sys.exit(2)


def _code(error: TallymarkError) -> int:
    if isinstance(error, ConfigError | BadRequest):
        return 2
    return 3 if isinstance(error, RetryableError) else 1


def _end(message: str, code: int) -> None:
    sys.stderr.write(f"tallymark: {message}\n")
    sys.exit(code)


def settings(home: Path | None, **given: Any) -> Config:
    path = None if home is None else home.expanduser().resolve()
    return config.load(os.environ, home=path, **given)


def node_of(settings: Config, *, stored: bool = False) -> Node:
    """The node of a home, with the folder's workspace; `stored`, or no folder: the database's.

    Raises: ConfigError where there is neither.
    """
    settings.home.mkdir(parents=True, exist_ok=True)
    if settings.workspace_path.is_dir() and not (stored and settings.workspace is None):
        return Node(settings, load(settings.workspace_path, discover()), os.environ)
    found = _stored(settings)
    if found is None:
        raise ConfigError(
            f"there is no workspace at {settings.workspace_path}: put YAML files there, "
            "or give their folder to --workspace"
        )
    return Node(settings, found, os.environ)


def _stored(settings: Config) -> Workspace | None:
    databases = open_databases(settings.database_url, settings.home)
    try:
        if not at_head(databases):
            return None
        with reading(databases.control) as conn:
            return store.current(conn)
    finally:
        databases.close()


def now() -> datetime:
    return SystemClock().now()


def print_json(value: Any) -> None:
    sys.stdout.buffer.write(orjson.dumps(value, option=orjson.OPT_INDENT_2) + b"\n")
    sys.stdout.flush()


def print_table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    table = Table(*head, box=None, header_style="bold", pad_edge=False)
    for row in rows:
        table.add_row(*("" if cell is None else str(cell) for cell in row))
    Console().print(table)


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
