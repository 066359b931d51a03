"""Settings that are the fields of a dataclass: a connector's, an engine's, a store's."""

from __future__ import annotations

import dataclasses
import re
import types
import typing
from collections.abc import Mapping
from typing import Any

from tallymark.definitions.reader import Section
from tallymark.errors import ConfigError
from tallymark.model import Secret

REFERENCE = re.compile(r"\$\{[A-Za-z_][A-Za-z0-9_]*\}")


def read_settings(section: Section, kind: type[Any]) -> dict[str, Any]:
    """The settings as they are written; what is wrong is added to the section's problems."""
    hints = typing.get_type_hints(kind)
    found: dict[str, Any] = {}
    for setting in dataclasses.fields(kind):
        value = section.value(setting.name)
        required = (
            setting.default is dataclasses.MISSING
            and setting.default_factory is dataclasses.MISSING
            and not setting.metadata.get("derived")
        )
        if value is None:
            if required:
                section.problems.add(section.where, f"`{setting.name}` is missing")
            continue
        if not _fits(value, hints[setting.name]):
            section.problems.add(section.place(setting.name), f"`{setting.name}` has a wrong type")
            continue
        if _is_secret(hints[setting.name]) and not REFERENCE.fullmatch(value):
            text = f"`{setting.name}` is a secret: give a reference such as ${{GITHUB_TOKEN}}"
            section.problems.add(section.place(setting.name), text)
            continue
        found[setting.name] = value
    _try(section, kind, found)
    return found


def _try(section: Section, kind: type[Any], settings: Mapping[str, Any]) -> None:
    """What only the class knows of its settings; what a reference leads to is seen later."""
    hints = typing.get_type_hints(kind)
    made: dict[str, Any] = {}
    for setting in dataclasses.fields(kind):
        value = settings.get(setting.name)
        needed = setting.metadata.get("derived") or setting.name in settings
        if _is_secret(hints[setting.name]) and needed:
            made[setting.name] = Secret("x" * 40)
        elif isinstance(value, str) and "${" in value:
            return
        elif value is not None:
            made[setting.name] = tuple(value) if isinstance(value, list) else value
    try:
        kind(**made)
    except ConfigError as error:
        section.problems.add(section.where, str(error))
    except TypeError:
        return  # something is missing, and told already


def _options(hint: Any) -> tuple[Any, ...]:
    return typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)


def _is_secret(hint: Any) -> bool:
    return any(getattr(option, "__name__", "") == "Secret" for option in _options(hint))


def _fits(value: Any, hint: Any) -> bool:
    if isinstance(value, str) and (_is_secret(hint) or REFERENCE.fullmatch(value)):
        # a reference stands for a value of any type that a text can be read as
        return True
    return any(_is(value, option) for option in _options(hint))


def _is(value: Any, hint: Any) -> bool:
    plain, inner = typing.get_origin(hint) or hint, typing.get_args(hint)
    if not isinstance(plain, type) or plain is type(None):
        return False
    if isinstance(value, bool) or plain is bool:
        return isinstance(value, bool) and plain is bool
    if isinstance(value, int) and abs(value) >= 2**63:
        return False
    if plain is float:
        return isinstance(value, int | float)
    if issubclass(plain, Mapping):
        key, held = inner or (str, str)
        return isinstance(value, dict) and all(
            _is(k, key) and _is(v, held) for k, v in value.items()
        )
    if plain is tuple:
        held = inner[0] if inner else str
        return isinstance(value, list) and all(_is(one, held) for one in value)
    return isinstance(value, plain)
