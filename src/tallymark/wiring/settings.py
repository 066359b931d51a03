"""Settings become what they are the fields of: references are resolved here, and nowhere else."""

from __future__ import annotations

import dataclasses
import re
import types
import typing
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, TypeVar

from tallymark.errors import ConfigError
from tallymark.model import Secret
from tallymark.state.secrets import resolve

REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
T = TypeVar("T")


def built(
    kind: type[T],
    settings: Mapping[str, Any],
    env: Mapping[str, str],
    where: str,
    derived: Secret | None = None,
) -> T:
    """One of a class, from the settings that the workspace gives it; `where` tells of whom an
    error speaks, and `derived` is a key that is not given but made.

    Raises: ConfigError for a reference that leads nowhere, or a setting that is wrong.
    """
    hints = typing.get_type_hints(kind)
    typed: dict[str, Any] = {}
    for setting in dataclasses.fields(kind):  # type: ignore[arg-type]
        name = setting.name
        if name in settings:
            typed[name] = _typed(settings[name], env, hints[name], f"{where}, `{name}`")
        elif setting.metadata.get("derived"):
            typed[name] = derived
    return kind(**typed)


def _typed(given: Any, env: Mapping[str, str], hint: Any, where: str) -> Any:
    value = _resolved(given, env, where)
    if Secret in _options(hint):
        return Secret(value)
    if value is not given:
        return _read(value, hint, where)
    return tuple(value) if isinstance(value, list) else value


def _resolved(value: Any, env: Mapping[str, str], where: str) -> Any:
    if not isinstance(value, str) or not REFERENCE.search(value):
        return value
    try:
        return REFERENCE.sub(lambda m: resolve(m.group(0), env).reveal(), value)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from error


def _options(hint: Any) -> tuple[Any, ...]:
    return typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)


def _read(text: str, hint: Any, where: str) -> Any:
    """What a reference led to is a text: read it as what the setting is."""
    for option in _options(hint):
        if option is bool and text.lower() in ("true", "false"):
            return text.lower() == "true"
        if option in (int, float):
            with suppress(ValueError):
                return option(text)
    if str in _options(hint):
        return text
    raise ConfigError(f"{where}: its reference leads to a wrong type")
