"""The stores that files are tested on: a folder, a real S3 server and a real Azure Blob server."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tallymark.files import Files
from tallymark.files.stores import S3, Azure, Folder
from tallymark.model import Secret
from tests.servers.azurite import Azurite
from tests.servers.s3 import S3 as S3Server

STORES = ("folder", "s3", "azure")


def opener(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path, prefix: str = "", through: str = ""
) -> Callable[[], Files]:
    """Opens the same store each time, as another process would; it is empty at first.

    `through`: the server is called at this host:port instead of its own.
    """
    if kind == "s3":
        s3: S3Server = request.getfixturevalue("s3")
        return s3_at(s3, s3.make_bucket(), prefix, through)
    if kind == "azure":
        azurite: Azurite = request.getfixturevalue("azurite")
        return azure_at(azurite, azurite.make_container(), prefix, through)
    return Folder(url=(tmp_path / "store" / prefix).as_uri()).open


def s3_at(
    server: S3Server, bucket: str, prefix: str = "", through: str = ""
) -> Callable[[], Files]:
    return S3(
        url=f"s3://{bucket}/{prefix}",
        endpoint=f"http://{through}" if through else server.endpoint,
        region=server.region,
        key_id=server.key,
        secret=Secret(server.secret),
    ).open


def azure_at(
    server: Azurite, container: str, prefix: str = "", through: str = ""
) -> Callable[[], Files]:
    return Azure(
        url=f"az://{container}/{prefix}",
        endpoint=f"http://{through}/{server.account}" if through else server.endpoint,
        account=server.account,
        key=Secret(server.key),
    ).open
