"""A store behind a proxy that fails."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from tallymark.files import Files, stores
from tests.contract.files.faulty import Faulty, faulty
from tests.servers.azurite import Azurite
from tests.servers.s3 import S3
from tests.stores import azure_at, s3_at


@dataclass
class Place:
    """The same store, through the proxy and past it."""

    through: Files
    past: Files
    proxy: Faulty
    part: str
    """In the first line of a request that carries a part of an upload, and of one that ends it."""
    end: str
    s3_data: Path | None


@contextmanager
def placed(
    kind: str, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, wait_s: float = 60
) -> Iterator[Place]:
    """An empty store whose client waits so long for an answer, and asks again at once."""
    soon = {"init_backoff": timedelta(milliseconds=5), "max_backoff": timedelta(milliseconds=5)}
    monkeypatch.setattr(stores, "RETRIES", {**stores.RETRIES, "backoff": soon})
    monkeypatch.setattr(stores, "REQUEST_FOR", timedelta(seconds=wait_s))
    if kind == "s3":
        s3: S3 = request.getfixturevalue("s3")
        bucket = s3.make_bucket()
        with faulty(s3.endpoint) as proxy:
            through, past = s3_at(s3, bucket, "p", proxy.at)(), s3_at(s3, bucket, "p")()
            yield Place(through, past, proxy, "partNumber", "POST", s3.data / bucket)
        return
    azurite: Azurite = request.getfixturevalue("azurite")
    name = azurite.make_container()
    with faulty(azurite.endpoint) as proxy:
        through, past = azure_at(azurite, name, "p", proxy.at)(), azure_at(azurite, name, "p")()
        yield Place(through, past, proxy, "comp=block&", "comp=blocklist", None)
