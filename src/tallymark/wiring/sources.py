"""Connectors with their settings: references are resolved here, and nowhere else."""

from __future__ import annotations

import dataclasses
import hashlib
import hmac
import re
import types
import typing
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from tallymark.collect.source import Source
from tallymark.connectors import Connector, PushedConnector
from tallymark.definitions.sources import parse_budget
from tallymark.errors import ConfigError
from tallymark.model import Secret, SourceSpec
from tallymark.state.secrets import resolve

REFERENCE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")


def build_source(
    spec: SourceSpec,
    connectors: Mapping[str, type[Connector]],
    env: Mapping[str, str],
    secret_key: Secret,
) -> Source:
    """A source ready to be asked.

    Raises: ConfigError for a reference that leads nowhere, or a connector that is not there.
    """
    kind = connectors.get(spec.connector)
    if kind is None:
        raise ConfigError(f"source {spec.name}: there is no connector {spec.connector!r}")
    settings = {name: _resolved(spec, name, value, env) for name, value in spec.settings.items()}
    requests, every_s = parse_budget(spec.budget)
    return Source(
        name=spec.name,
        connector=kind(**_typed(kind, settings, spec, secret_key)),
        streams={stream.name: stream for stream in kind.streams},
        budget_requests=requests,
        budget_every_s=every_s,
    )


def pushed_of(sources: Mapping[str, Source]) -> dict[str, PushedConnector]:
    """The connectors of what is pushed, by their source."""
    return {
        name: typing.cast(PushedConnector, source.connector)
        for name, source in sources.items()
        if any(stream.kind == "push" for stream in source.streams.values())
    }


def _resolved(spec: SourceSpec, name: str, value: Any, env: Mapping[str, str]) -> Any:
    if not isinstance(value, str) or not REFERENCE.search(value):
        return value
    try:
        return REFERENCE.sub(lambda m: resolve(m.group(0), env).reveal(), value)
    except ConfigError as error:
        raise ConfigError(f"source {spec.name}, `{name}`: {error}") from error


def _typed(
    kind: type[Connector], settings: dict[str, Any], spec: SourceSpec, secret_key: Secret
) -> dict[str, Any]:
    hints = typing.get_type_hints(kind)
    typed: dict[str, Any] = {}
    for setting in dataclasses.fields(kind):  # type: ignore[arg-type]
        secret = _wants_secret(hints[setting.name])
        if setting.name in settings:
            value = settings[setting.name]
            if secret:
                typed[setting.name] = Secret(value)
            elif value is not spec.settings[setting.name]:
                typed[setting.name] = _read(spec, setting.name, value, hints[setting.name])
            else:
                typed[setting.name] = tuple(value) if isinstance(value, list) else value
        elif setting.metadata.get("derived"):
            # a key of the source's own, so that two sources' hashes cannot be joined
            typed[setting.name] = _derived(secret_key, spec.name)
    return typed


def _wants_secret(hint: Any) -> bool:
    return Secret in _options(hint)


def _options(hint: Any) -> tuple[Any, ...]:
    return typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)


def _read(spec: SourceSpec, name: str, text: str, hint: Any) -> Any:
    """What a reference led to is a text: read it as what the setting is."""
    for option in _options(hint):
        if option is bool and text.lower() in ("true", "false"):
            return text.lower() == "true"
        if option in (int, float):
            with suppress(ValueError):
                return option(text)
    if str in _options(hint):
        return text
    raise ConfigError(f"source {spec.name}, `{name}`: its reference leads to a wrong type")


def _derived(key: Secret, name: str) -> Secret:
    text = f"hash_key:{name}".encode()
    return Secret(hmac.new(key.reveal().encode(), text, hashlib.sha256).hexdigest())
