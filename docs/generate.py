"""Writes `docs/reference.md` from the code; `--check` says whether it is stale."""

from __future__ import annotations

import dataclasses
import inspect
import sys
import types
import typing
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

from fastapi.routing import APIRoute
from typer.main import get_command

from tallymark import config, connectors, errors
from tallymark import engines as engine_kinds
from tallymark.cli import app
from tallymark.cli.common import EXIT_CODES
from tallymark.files.stores import KINDS
from tallymark.model import Stream
from tallymark.state.database import migrate, open_databases
from tallymark.web.app import create_app
from tallymark.web.pages import boards
from tallymark.web.services import Services
from tallymark.wiring.health import prometheus

TARGET = Path(__file__).with_name("reference.md")
HEAD = """# Reference

This page is written by `make fix` from the code; a test fails when it is stale.
"""


def page() -> str:
    workspace = (sources(), engines(), stores())
    parts = (settings(), commands(), *workspace, routes(), figures(), error_tree())
    return HEAD + "".join("\n" + "\n".join(part).rstrip() + "\n" for part in parts)


def table(*head: str) -> list[str]:
    return ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]


def row(*cells: object) -> str:
    return (
        "| " + " | ".join(str(cell).replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"
    )


def settings() -> Iterator[str]:
    yield "## Settings\n"
    yield (
        "Read once at start from the environment; each may come from a file instead "
        "(`NAME_FILE`). A wrong one stops the start and says what is right.\n"
    )
    yield from table("setting", "default", "what it does")
    for one in config.SETTINGS:
        default = f"`{one.default}`" if one.default else "empty"
        yield row(f"`{config.PREFIX}{one.name}`", default, one.help)


def commands() -> Iterator[str]:
    yield "## Commands\n"
    yield from table("command", "what it does")
    options: dict[tuple[str, str, str], list[str]] = {}
    for words, command in leaves(cast(Any, get_command(app)), ""):
        arguments = [one for one in command.params if not one.opts[0].startswith("-")]
        usage = " ".join([f"tallymark {words}", *(one.name.upper() for one in arguments)])
        yield row(f"`{usage}`", " ".join((command.help or "").split()))
        for one in command.params:
            if one.name != "help" and one not in arguments:
                told = (str(one.opts[0]), default_text(one), str(one.help or ""))
                options.setdefault(told, []).append(f"`{words}`")
    yield ""
    yield from table("option", "default", "what it is", "of")
    for (name, default, text), of in sorted(options.items()):
        yield row(f"`{name}`", default, text, ", ".join(of))
    yield "\nA command ends with one of these codes:\n"
    yield from table("code", "means")
    for code, meaning in EXIT_CODES.items():
        yield row(code, meaning)


def leaves(group: Any, words: str) -> Iterator[tuple[str, Any]]:
    for name, command in sorted(group.commands.items()):
        if hasattr(command, "commands"):
            yield from leaves(command, f"{words}{name} ")
        else:
            yield f"{words}{name}", command


def default_text(option: Any) -> str:
    if option.required:
        return "must be given"
    return "" if option.default in (None, "", False) else f"`{option.default}`"


def sources() -> Iterator[str]:
    yield "## Connectors\n"
    for kind, found in sorted(shipped().items()):
        yield f"### {found.title} (`{kind}`)\n"
        yield " ".join((inspect.getdoc(found) or "").split()) + "\n"
        yield from setting_rows(found)
        path = getattr(found, "path", None)
        if path:
            repeats = "repeat" if cast(Any, found).retries else "do not repeat"
            minutes = cast(Any, found).allowance_s // 60
            yield f"Route: `POST /in/{path}/<source>`. Its senders {repeats} what was not taken. A"
            yield f"period is complete once the receiver listened {minutes} minutes past its end.\n"
        for stream in found.streams:
            yield from stream_rows(stream)


def shipped() -> dict[str, type[connectors.Connector]]:
    """Our own connectors, without those of other packages that happen to be installed."""
    found = connectors.discover()
    return {kind: one for kind, one in found.items() if one.__module__.startswith("tallymark.")}


def engines() -> Iterator[str]:
    yield "## Engines\n"
    yield "Under `engines:` in the workspace, by kind; one without settings is always there.\n"
    for kind, found in sorted(engine_kinds.discover().items()):
        yield f"### `{kind}`\n"
        yield " ".join((inspect.getdoc(found) or "").split()) + "\n"
        yield from setting_rows(found)


def stores() -> Iterator[str]:
    yield "## Stores\n"
    yield "Under `stores:` in the workspace, by names of yours; the scheme of `url` is the kind.\n"
    for scheme, found in KINDS.items():
        yield f"### `{scheme}://`\n"
        yield " ".join((inspect.getdoc(found) or "").split()) + "\n"
        yield from setting_rows(found)


def setting_rows(kind: type[Any]) -> Iterator[str]:
    hints = typing.get_type_hints(kind)
    fields = dataclasses.fields(kind)
    if not fields:
        return
    yield from table("setting", "type", "default")
    for one in fields:
        yield row(f"`{one.name}`", type_name(hints[one.name]), default_of(one))
    yield ""


def type_name(hint: Any) -> str:
    if isinstance(hint, types.UnionType):
        return " or ".join(type_name(one) for one in typing.get_args(hint) if one is not type(None))
    words = {"str": "text", "int": "whole number", "float": "number", "bool": "true or false"}
    name = getattr(hint, "__name__", str(hint))
    return words.get(name, "secret, by reference" if name == "Secret" else name)


def default_of(one: dataclasses.Field[Any]) -> str:
    value = one.default
    if one.default_factory is not dataclasses.MISSING:
        value = one.default_factory()
    elif value is dataclasses.MISSING:
        return "must be given"
    return "none" if value in (None, "", (), {}) else f"`{value}`"


def stream_rows(stream: Stream) -> Iterator[str]:
    yield f"Stream `{stream.name}`: {stream.kind}, " + ", ".join(stream_facts(stream)) + ".\n"
    yield from table("column", "type", "what it is")
    yield row("`ts`", "instant", "midnight UTC of the day" if stream.label else "when it was")
    for one in stream.fields:
        yield row(f"`{one.name}`", one.type, one.doc)
    yield ""


def stream_facts(stream: Stream) -> Iterator[str]:
    yield f"one subject a `{stream.subject}`"
    if stream.kind != "push":
        yield f"read every `{stream.every}` unless the source says otherwise"
    if stream.lag_s:
        yield f"may change for {stream.lag_s / 86_400:g} days"
    if stream.label:
        yield f"rows carry only a {stream.label}"
    yield "no rows in a covered period mean " + ("0" if stream.absent == "zero" else "unknown")


def routes() -> Iterator[str]:
    yield "## Routes\n"
    web = create_app(cast(Services, types.SimpleNamespace(receiver=None)))
    described = web.openapi()["paths"]
    yield from table("route", "what it answers")
    for path, methods in described.items():
        for method, one in methods.items():
            text = one.get("description") or one.get("summary", "")
            yield row(f"`{method.upper()} {path}`", text.split("\n\n")[0])
    for kind, found in sorted(shipped().items()):
        if path := getattr(found, "path", None):
            yield row(f"`POST /in/{path}/<source>`", f"takes what senders of `{kind}` push")
    for path in sorted(one.path for one in boards.router.routes if isinstance(one, APIRoute)):
        yield row(f"`GET {path}`", "a page, or a part of one; wants no token")
    yield ""
    for path, methods in described.items():
        for method, one in methods.items():
            parameters = [given for given in one.get("parameters", ()) if given["in"] == "query"]
            if parameters:
                yield f"Parameters of `{method.upper()} {path}`:\n"
                yield from table("parameter", "must be given", "what it is")
                for given in parameters:
                    must = "yes" if given.get("required") else "no"
                    yield row(f"`{given['name']}`", must, given.get("description", ""))
                yield ""


def figures() -> Iterator[str]:
    yield "## Figures of `/metrics`\n"
    with TemporaryDirectory() as home:
        databases = open_databases(None, Path(home))
        migrate(databases)
        lines = prometheus(databases).decode().splitlines()
        databases.close()
    yield from table("figure", "what it is")
    for line in lines:
        if line.startswith("# HELP "):
            name, text = line.removeprefix("# HELP ").split(" ", 1)
            yield row(f"`{name}`", text)


def error_tree() -> Iterator[str]:
    yield "## Errors\n"
    yield "Grouped by what the caller must do.\n"
    yield from table("error", "is a", "means")
    for name, one in vars(errors).items():
        if isinstance(one, type) and issubclass(one, errors.TallymarkError):
            parent = one.__bases__[0].__name__
            yield row(f"`{name}`", f"`{parent}`", (one.__doc__ or "").strip())


def main(arguments: list[str]) -> int:
    wanted = page()
    if arguments == ["--check"]:
        return int(not TARGET.exists() or TARGET.read_text() != wanted)
    TARGET.write_text(wanted)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
