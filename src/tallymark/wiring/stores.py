"""Stores with their settings."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tallymark.definitions.workspace import Workspace
from tallymark.errors import ConfigError
from tallymark.files import Files
from tallymark.files.local import LocalFiles
from tallymark.files.stores import KINDS
from tallymark.wiring.settings import built

IN_THE_LAKE = "reports"


def open_stores(workspace: Workspace, env: Mapping[str, str], lake_root: Path) -> dict[str, Files]:
    """Those that the workspace names; under `""` the folder of reports in the lake.

    Raises: ConfigError for a reference that leads nowhere, or a setting that is wrong.
    """
    found: dict[str, Files] = {"": LocalFiles(lake_root / IN_THE_LAKE)}
    for name, spec in workspace.stores.items():
        kind = KINDS.get(spec.url.partition("://")[0])
        if kind is None:
            raise ConfigError(f"store {name}: there is no store of the kind of {spec.url}")
        settings = {"url": spec.url, **spec.settings}
        found[name] = built(kind, settings, env, f"store {name}").open()
    return found
