"""The kinds of stores, by the scheme of their address: their settings, and how they are opened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from tallymark.errors import ConfigError
from tallymark.files import Files
from tallymark.files.local import LocalFiles


class Kind(Protocol):
    """The settings of one kind of store: a frozen dataclass with the field `url`."""

    def open(self) -> Files: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """A folder of this machine, or one that is mounted here."""

    url: str

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.netloc or not parts.path.startswith("/") or parts.query or parts.fragment:
            raise ConfigError(f"`url: {self.url}` is no folder: write file:///absolute/path")

    def open(self) -> Files:
        return LocalFiles(Path(unquote(urlsplit(self.url).path)))


KINDS: Mapping[str, type[Kind]] = {"file": Folder}
