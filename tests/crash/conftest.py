"""What the crash tests share: the process that forks the jobs, and scenes to run them in."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.crash.scenes import MODULES, Scene, Vendor, Zygote


@pytest.fixture(scope="session")
def zygote() -> Iterator[Zygote]:
    running = Zygote()
    yield running
    running.stop()


MakeScene = Callable[[str], Scene]
MakeAt = Callable[[str, str | None], Scene]


@pytest.fixture
def make_at(zygote: Zygote, home: Path, tmp_path: Path) -> Iterator[MakeAt]:
    """A scene of a kind on a database, in a fresh home; its vendor runs until the test ends."""
    vendors: list[Vendor] = []

    def make(kind: str, database_url: str | None) -> Scene:
        vendor = Vendor(kind, tmp_path) if kind in MODULES else None
        if vendor is not None:
            vendors.append(vendor)
        return Scene(kind, home, database_url, zygote, vendor)

    yield make
    zygote.kill_all()
    for vendor in vendors:
        vendor.stop()


@pytest.fixture
def make_scene(make_at: MakeAt, database_url: str | None) -> MakeScene:
    """A scene on SQLite, and the same test on PostgreSQL."""
    return lambda kind: make_at(kind, database_url)


Undisturbed = Callable[[str], tuple[dict[str, list[str]], int]]


@pytest.fixture(scope="session")
def undisturbed(zygote: Zygote, tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    """What a run without a kill gives, and how many questions the vendor answered then."""
    known: dict[str, tuple[dict[str, list[str]], int]] = {}

    def outcome(kind: str) -> tuple[dict[str, list[str]], int]:
        if kind not in known:
            folder = tmp_path_factory.mktemp(f"undisturbed-{kind}")
            vendor = Vendor(kind, folder) if kind in MODULES else None
            scene = Scene(kind, folder / "home", None, zygote, vendor)
            code = scene.run()
            assert code == 0, scene.logs()
            known[kind] = scene.outcome(), vendor.answered() if vendor else 0
            if vendor is not None:
                vendor.stop()
            shutil.rmtree(folder)
        return known[kind]

    return outcome
