"""The schema of `stores`: an address, and the settings that its scheme asks for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tallymark.definitions.reader import Section, suggest
from tallymark.definitions.settings import read_settings
from tallymark.errors import ConfigError
from tallymark.files.address import parse
from tallymark.files.stores import KINDS


@dataclass(frozen=True, slots=True)
class StoreSpec:
    """A place for reports' files; secrets are references, never values."""

    name: str
    url: str
    """`s3://bucket/prefix`, `az://container/prefix`, `gs://bucket/prefix`, `file:///folder`."""
    settings: Mapping[str, Any]


def store(name: str, section: Section) -> StoreSpec | None:
    """None where the address is none."""
    url = section.text("url")
    scheme, slashes, _ = url.partition("://")
    kind = KINDS.get(scheme) if slashes else None
    if kind is None:
        if url:
            known = tuple(f"{scheme}://…" for scheme in KINDS)
            told = f"`url: {scheme}…`: {suggest(f'{scheme}://…', known)}"
            section.problems.add(section.place("url"), told)
        return None
    if "${" not in url and (told := _wrong(url)):
        section.problems.add(section.place("url"), told)
        return None
    settings = read_settings(section, kind)
    section.done()
    return StoreSpec(name=name, url=url, settings={k: v for k, v in settings.items() if k != "url"})


def _wrong(url: str) -> str:
    try:
        parse(url)
    except ConfigError as error:
        return str(error)
    return ""
