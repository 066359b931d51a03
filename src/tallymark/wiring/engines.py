"""Engines with their settings."""

from __future__ import annotations

from collections.abc import Mapping

from tallymark.definitions.workspace import Workspace
from tallymark.engines import Engine, discover
from tallymark.errors import ConfigError
from tallymark.wiring.settings import built


def build_engines(workspace: Workspace, env: Mapping[str, str]) -> dict[str, Engine]:
    """Those that the workspace names, and those that need no settings, by kind.

    Raises: ConfigError for a reference that leads nowhere, or an engine that is not there.
    """
    kinds = discover()
    found = {name: kind() for name, kind in kinds.items() if kind.always}
    for name, spec in workspace.engines.items():
        if name not in kinds:
            raise ConfigError(f"there is no engine {name!r}")
        found[name] = built(kinds[name], spec.settings, env, f"engine {name}")
    return found
