"""A process whose forks may be put on a failing disk, and scenes for them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.crash.scenes import Scene, Vendor, Zygote
from tests.tools import failfs
from tests.tools.procs import state


@pytest.fixture(scope="session")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return failfs.build(tmp_path_factory.mktemp("shim"))


@pytest.fixture(scope="session")
def failing(shim: Path) -> Iterator[Zygote]:
    """It touches no disk that its jobs do not name."""
    running = Zygote(env={"LD_PRELOAD": str(shim)})
    yield running
    running.kill_all()
    running.stop()


@pytest.fixture
def paged(tmp_path: Path) -> Iterator[Vendor]:
    vendor = Vendor("paged", tmp_path)
    yield vendor
    vendor.stop()


MakeHome = Callable[[Path], Scene]


@pytest.fixture
def paged_in(failing: Zygote, paged: Vendor) -> Iterator[MakeHome]:
    """A scene of the paged kind in a home; what it left running is ended."""
    yield lambda home: Scene("paged", home, None, failing, paged)
    failing.kill_all()


def stands(pid: int) -> None:
    """Wait until a job has stopped itself."""
    deadline = time.monotonic() + 60
    while state(pid) != "T":
        assert state(pid) not in ("Z", ""), "it ended before it stopped"
        assert time.monotonic() < deadline, "it did not stop"
        time.sleep(0.005)
