"""The address of a store: `s3://bucket/prefix`, `az://…`, `gs://…`, `file:///folder`. Pure."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from tallymark.errors import BadRequest, ConfigError
from tallymark.files import check_key


class Address(NamedTuple):
    """Where a store begins."""

    scheme: str
    root: str
    """The bucket or container; of `file` the folder."""
    prefix: str
    """In the bucket; empty: all of it."""


def parse(url: str) -> Address:
    """Raises: ConfigError."""
    parts = urlsplit(url)
    if "@" in parts.netloc or ":" in parts.netloc:
        # not shown: it may hold a password
        raise ConfigError("`url` holds a name or a port: write them as settings of their own")
    if parts.query or parts.fragment:
        raise ConfigError(f"`url: {url}` holds a ? or a #: no store begins there")
    if parts.scheme == "file":
        if parts.netloc or not parts.path.startswith("/"):
            raise ConfigError(f"`url: {url}` is no folder: write file:///absolute/path")
        return Address("file", unquote(parts.path), "")
    if not parts.netloc:
        raise ConfigError(f"`url: {url}` names no bucket: write {parts.scheme}://bucket/prefix")
    prefix = parts.path.strip("/")
    try:
        return Address(parts.scheme, parts.netloc, prefix and check_key(prefix))
    except BadRequest as error:
        raise ConfigError(f"`url: {url}`: {error}") from error


def check_endpoint(endpoint: str) -> None:
    """Raises: ConfigError for what is neither empty nor an address of HTTP."""
    parts = urlsplit(endpoint)
    if endpoint and not (parts.scheme in ("http", "https") and parts.netloc):
        raise ConfigError(f"`endpoint: {endpoint}` is no address: write https://host:port")
