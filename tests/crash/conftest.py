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


@pytest.fixture
def make_scene(
    zygote: Zygote, database_url: str | None, home: Path, tmp_path: Path
) -> Iterator[MakeScene]:
    """A scene of a kind in a fresh home; its vendor runs until the test ends."""
    vendors: list[Vendor] = []

    def make(kind: str) -> Scene:
        vendor = Vendor(kind, tmp_path) if kind in MODULES else None
        if vendor is not None:
            vendors.append(vendor)
        return Scene(kind, home, database_url, zygote, vendor)

    yield make
    zygote.kill_all()
    for vendor in vendors:
        vendor.stop()


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
