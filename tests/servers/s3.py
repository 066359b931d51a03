"""A real S3 server (versitygw) for the tests: a folder is a bucket."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
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

VERSION = "v1.8.0"
KEY, SECRET, REGION = "tallymark", "tallymark-secret", "us-east-1"


@dataclass(frozen=True)
class S3:
    """Where it answers; `bucket` is this worker's own."""

    endpoint: str
    data: Path
    key: str = KEY
    secret: str = SECRET
    region: str = REGION
    bucket: str = f"lake-{WORKER}"
    _numbers: Iterator[int] = field(default_factory=itertools.count, repr=False)

    def make_bucket(self) -> str:
        """A new bucket, empty; its name."""
        name = f"bucket-{WORKER}-{os.getpid()}-{next(self._numbers)}"
        (self.data / name).mkdir()
        return name


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> S3:
    need("go")
    noted = shared(tmp_path_factory, "s3", start)
    found = S3(noted["endpoint"], Path(noted["data"]))
    (found.data / found.bucket).mkdir(exist_ok=True)
    return found


def start(folder: Path) -> Note:
    port = free_port()
    for name in ("data", "iam"):
        (folder / name).mkdir()
    command: list[str | Path] = [program(), "--port", f"127.0.0.1:{port}", "--region", REGION]
    # without a folder of users an unknown key is answered as if the object were missing
    command += ["--quiet", "--iam-dir", folder / "iam", "posix", folder / "data"]
    keeper = keep(folder, command, {"ROOT_ACCESS_KEY": KEY, "ROOT_SECRET_KEY": SECRET})
    wait(folder, keeper, lambda: listens(port), 30)
    return {"endpoint": f"http://127.0.0.1:{port}", "data": str(folder / "data")}


def program() -> Path:
    """Compiled from its published module, once."""

    def compile(half: Path) -> None:
        env = {**os.environ, "GOBIN": str(half), "CGO_ENABLED": "0", "GOTOOLCHAIN": "auto"}
        module = f"github.com/versity/versitygw/cmd/versitygw@{VERSION}"
        run(["go", "install", "-trimpath", "-ldflags=-s -w", module], env=env)

    return cached(f"versitygw-{VERSION}", compile) / "versitygw"


if __name__ == "__main__":
    program()
