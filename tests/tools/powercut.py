"""A rehearsed power cut: a folder on an ext4 image, copied while it is mounted and in use.

What the kernel had not been asked to sync is not in the copy, or is there with no bytes.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.tools.procs import Process

# commit=600: the journal is written when somebody syncs, not every 5 s, so that a missing fsync
# shows at once. noauto_da_alloc: rename does not sync the data by itself, as on other file systems.
OPTIONS = "loop,commit=600,noauto_da_alloc"


def need() -> None:
    """Skip the test by name where power cuts cannot be rehearsed."""
    if os.geteuid() != 0:
        pytest.skip("not root: no power cut can be rehearsed (it mounts an image)")
    if shutil.which("mkfs.ext4") is None:
        pytest.skip("mkfs.ext4 (e2fsprogs) is not installed: no power cut can be rehearsed")
    probe = subprocess.run(["losetup", "-f"], capture_output=True, text=True, check=False)
    if probe.returncode != 0:
        pytest.skip("no loop devices here: no power cut can be rehearsed")


class Disk:
    """An ext4 image that is mounted at `root`."""

    def __init__(self, folder: Path, size_mb: int = 256) -> None:
        self._folder = folder
        self._image = folder / "disk.img"
        self._numbers = itertools.count(1)
        self._mounted: list[Path] = []
        self.root = folder / "disk"
        with self._image.open("wb") as file:
            file.truncate(size_mb << 20)
        subprocess.run(["mkfs.ext4", "-q", "-F", str(self._image)], check=True)
        self._mount(self._image, self.root)

    def cut(self, *writers: Process) -> Path:
        """Stop the writers, cut, and go on; a folder with what a machine would find afterwards.

        A path under `root` is found at the same place under the folder that is returned.
        """
        number = next(self._numbers)
        copy, after = self._folder / f"cut-{number}.img", self._folder / f"cut-{number}"
        for writer in writers:
            writer.pause()
        try:
            subprocess.run(["cp", "--sparse=always", self._image, copy], check=True)
        finally:
            for writer in writers:
                writer.resume()
        self._mount(copy, after)
        return after

    def _mount(self, image: Path, at: Path) -> None:
        at.mkdir()
        subprocess.run(["mount", "-o", OPTIONS, str(image), str(at)], check=True)
        self._mounted.append(at)

    def put_in_place(self, after: Path) -> None:
        """Mount a cut's disk where the old one was: for what keeps absolute paths."""
        number = after.name
        for at in (after, self.root):
            subprocess.run(["umount", str(at)], check=True)
            self._mounted.remove(at)
            at.rmdir()
        self._image = self._folder / f"{number}.img"
        self._mount(self._image, self.root)

    def close(self) -> None:
        for at in reversed(self._mounted):
            if subprocess.run(["umount", str(at)], check=False).returncode:
                subprocess.run(["umount", "-l", str(at)], check=False)
        self._mounted.clear()
        for image in self._folder.glob("*.img"):
            image.unlink()


@contextlib.contextmanager
def disk(folder: Path, size_mb: int = 256) -> Iterator[Disk]:
    need()
    made = Disk(folder, size_mb)
    try:
        yield made
    finally:
        made.close()
