"""A real Azure Blob server (Azurite) for the tests."""

from __future__ import annotations

import base64
import hashlib
import hmac
import itertools
import os
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.servers.shared import (
    WORKER,
    Note,
    cached,
    keep,
    listens,
    need,
    run,
    shared,
    wait,
)
from tests.tools.ports import free_port

VERSION = "3.37.0"
ACCOUNT = "tallymark"
KEY = base64.b64encode(b"a key for tests alone").decode()


@dataclass(frozen=True)
class Azurite:
    """Where it answers; `container` is this worker's own."""

    endpoint: str
    account: str = ACCOUNT
    key: str = KEY
    container: str = f"lake-{WORKER}"
    _numbers: Iterator[int] = field(default_factory=itertools.count, repr=False)

    def make_container(self, name: str = "") -> str:
        """A new container, empty; its name."""
        name = name or f"container-{WORKER}-{os.getpid()}-{next(self._numbers)}"
        date = datetime.now(UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")
        # its only way in is signed; the emulator's paths begin with the account, so it stands twice
        headers = f"x-ms-date:{date}\nx-ms-version:2023-11-03\n"
        path = f"/{self.account}/{self.account}/{name}\nrestype:container"
        text = f"PUT{12 * chr(10)}{headers}{path}"
        mac = hmac.digest(base64.b64decode(self.key), text.encode(), hashlib.sha256)
        signature = base64.b64encode(mac).decode()
        request = urllib.request.Request(
            f"{self.endpoint}/{name}?restype=container",
            method="PUT",
            headers={
                "x-ms-date": date,
                "x-ms-version": "2023-11-03",
                "Authorization": f"SharedKey {self.account}:{signature}",
            },
        )
        urllib.request.urlopen(request, timeout=30).close()
        return name


@pytest.fixture(scope="session")
def azurite(tmp_path_factory: pytest.TempPathFactory) -> Azurite:
    need("node", "npm")
    found = Azurite(shared(tmp_path_factory, "azurite", start)["endpoint"])
    found.make_container(f"{found.container}-{os.getpid()}")
    return Azurite(found.endpoint, container=f"{found.container}-{os.getpid()}")


def start(folder: Path) -> Note:
    port = free_port()
    # the blob service alone: the package's own command starts queues and tables as well
    command: list[str | Path] = ["node", program(), "--blobHost", "127.0.0.1"]
    command += ["--blobPort", str(port), "--location", folder, "--silent"]
    command += ["--skipApiVersionCheck", "--disableTelemetry"]
    keeper = keep(folder, command, {"AZURITE_ACCOUNTS": f"{ACCOUNT}:{KEY}"})
    wait(folder, keeper, lambda: listens(port), 60)
    return {"endpoint": f"http://127.0.0.1:{port}/{ACCOUNT}"}


def program() -> Path:
    """Installed from its published package, once, without running what packages bring along."""
    quiet = ["--silent", "--no-audit", "--no-fund", "--ignore-scripts"]

    def install(half: Path) -> None:
        run(["npm", "install", *quiet, "--prefix", half, f"azurite@{VERSION}"], cwd=half)

    folder = cached(f"azurite-{VERSION}", install)
    return folder / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js"


if __name__ == "__main__":
    program()
