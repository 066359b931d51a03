"""Connectors with their settings."""

from __future__ import annotations

import hashlib
import hmac
import typing
from collections.abc import Mapping

from tallymark.collect.source import Source
from tallymark.connectors import Connector, PushedConnector
from tallymark.definitions.sources import parse_budget
from tallymark.errors import ConfigError
from tallymark.model import Secret, SourceSpec
from tallymark.wiring.settings import built


def build_source(
    spec: SourceSpec,
    connectors: Mapping[str, type[Connector]],
    env: Mapping[str, str],
    secret_key: Secret,
) -> Source:
    """A source ready to be asked.

    Raises: ConfigError for a reference that leads nowhere, or a connector that is not there.
    """
    where = f"source {spec.name}"
    kind = connectors.get(spec.connector)
    if kind is None:
        raise ConfigError(f"{where}: there is no connector {spec.connector!r}")
    requests, every_s = parse_budget(spec.budget)
    return Source(
        name=spec.name,
        # a key of the source's own, so that two sources' hashes cannot be joined
        connector=built(kind, spec.settings, env, where, _derived(secret_key, spec.name)),
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


def _derived(key: Secret, name: str) -> Secret:
    text = f"hash_key:{name}".encode()
    return Secret(hmac.new(key.reveal().encode(), text, hashlib.sha256).hexdigest())
