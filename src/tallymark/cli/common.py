"""What the commands share: options, exit codes, how an error is told, how answers are printed."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from sqlalchemy.exc import SQLAlchemyError

from tallymark import config
from tallymark.clock import SystemClock
from tallymark.config import Config
from tallymark.connectors import discover
from tallymark.definitions import store
from tallymark.definitions.workspace import Workspace, load
from tallymark.errors import BadRequest, ConfigError, RetryableError, TallymarkError
from tallymark.state.database import (
    Databases,
    at_head,
    database_gone,
    migrate,
    open_databases,
    reading,
)
from tallymark.wiring.node import Node
from tallymark.wiring.tuning import tune

EXIT_CODES = {
    0: "done",
    1: "it failed, and fails again until a person acts; the message says what to do",
    2: "the input or a setting is wrong; the message says what is right",
    3: "it cannot be done just now: try again later",
    130: "interrupted; what was begun goes on with the next start",
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
    tune()
    try:
        code = app(args=None if arguments is None else list(arguments), standalone_mode=False)
        sys.exit(code if isinstance(code, int) else 0)
    except (typer.Abort, KeyboardInterrupt):
        sys.exit(130)
    except TallymarkError as error:
        _end(str(error), _code(error))
    except SQLAlchemyError as error:
        if database_gone(error):
            _end(f"the database does not answer: is it running? {first_line(error)}", 3)
        _end(f"the database refuses: {first_line(error)}", 1)
    except OSError as error:
        _end(f"{error.filename}: {error.strerror}" if error.filename else str(error), 1)
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


def first_line(error: SQLAlchemyError) -> str:
    """What the driver says; not the statement, which may be long."""
    lines = str(getattr(error, "orig", None) or error).splitlines()
    return lines[0] if lines else type(error).__name__


def settings(home: Path | None, **given: Any) -> Config:
    path = None if home is None else home.expanduser().resolve()
    return config.load(os.environ, home=path, **given)


def node_of(settings: Config, *, stored: bool = False) -> Node:
    """The node of a home, with the folder's workspace, or else the database's; `stored`: first the
    database's.

    Raises: ConfigError where there is neither.
    """
    _make(settings.home)
    folder = settings.workspace_path
    found = None
    if settings.workspace is None and (stored or not folder.is_dir()):
        found = _stored(settings)
    if found is not None:
        return Node(settings, found, os.environ)
    return Node(settings, load(folder, discover()), os.environ, folder=folder)


def node_started(settings: Config) -> Node:
    """The node of a home as the last start left it, for commands that only look.

    Raises: ConfigError where nothing was started yet.
    """
    found = _stored(settings)
    if found is not None:
        return Node(settings, found, os.environ)
    if not settings.workspace_path.is_dir():
        raise ConfigError(
            f"there is no workspace at {settings.workspace_path}: put YAML files there, "
            "then run `tallymark serve`; or give another --home"
        )
    raise ConfigError(
        f"nothing was started in {settings.home} yet, or only by another version: "
        "run `tallymark serve` or `tallymark collect` first"
    )


def _make(home: Path) -> None:
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"the home {home} cannot be made: {error.strerror}") from error


def open_home(settings: Config) -> Databases:
    """The databases of a home that may be new, migrated."""
    _make(settings.home)
    databases = open_databases(settings.database_url, settings.home)
    migrate(databases)
    return databases


def _stored(settings: Config) -> Workspace | None:
    if settings.database_url is None and not (settings.home / "tallymark.db").is_file():
        return None  # looking makes no files
    databases = open_databases(settings.database_url, settings.home)
    try:
        if not at_head(databases):
            return None
        with reading(databases.control) as conn:
            return store.current(conn)
    finally:
        databases.close()


@contextmanager
def progress_of(as_json: bool) -> Iterator[Progress]:
    """Bars for people who watch: on a terminal only, and beside the answer."""
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=as_json or not console.is_terminal) as p:
        yield p


def now() -> datetime:
    return SystemClock().now()


def print_json(value: Any) -> None:
    sys.stdout.buffer.write(orjson.dumps(value, option=orjson.OPT_INDENT_2) + b"\n")
    sys.stdout.flush()


def print_table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    table = Table(*head, box=None, header_style="bold", pad_edge=False)
    for row in rows:
        table.add_row(*("" if cell is None else str(cell) for cell in row))
    # a file has no edge at which lines must break
    Console(width=None if sys.stdout.isatty() else 1000).print(table)


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
