"""All that a commit names is durable before the transaction that names it."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from tallymark.lake.maintain import maintain
from tallymark.state.database import Databases
from tests.lakes import TABLE, TestLake, at

SPAN = (at(0), at(24))


class Synced:
    """What was synced, and what of the lake was not when a transaction began."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = root
        self.paths: set[str] = set()
        self.n = 0
        self.unsynced: list[str] = []
        self.looked = 0
        real = os.fsync

        def fsync(handle: int) -> None:
            real(handle)
            self.n += 1
            self.paths.add(str(Path(f"/proc/self/fd/{handle}").readlink()))

        monkeypatch.setattr(os, "fsync", fsync)

    def __call__(self, step: str) -> None:
        if step == "commit.files_written":
            self.looked += 1
            everything = {str(path) for path in (self.root, *self.root.rglob("*"))}
            self.unsynced += sorted(everything - self.paths)


def test_every_file_and_folder_is_synced_before_each_transaction(
    databases: Databases, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced = Synced(home / "lake", monkeypatch)
    lake = TestLake(databases, home, synced)
    lake.put(1, [(at(1), "a", 1), (at(30), "a", 2)], span=(at(0), at(48)))
    lake.put(2, [(at(1), "b", 1)])
    # a whole file goes, and a part of another
    lake.put(3, [(at(2), "a", 3)], replaces=(1,), span=(at(0), at(48)))
    lake.put(4, [], replaces=(3,), span=SPAN)
    lake.put(5, [(at(3), "c", 3)])
    maintain(lake.lake, TABLE, at(100), lambda tx: None)
    assert synced.looked == 6
    assert synced.unsynced == []
    # the folder above the lake holds the lake's name
    assert str(home) in synced.paths


def test_a_small_commit_syncs_each_of_its_four_files_and_their_folders_once(
    databases: Databases, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = TestLake(databases, home)
    lake.put(1, [(at(1), "a", 1)])
    lake.put(2, [(at(1), "a", 1)])
    before = set(lake.root.rglob("*"))
    synced = Synced(home / "lake", monkeypatch)
    lake.put(3, [(at(1), "a", 1)])
    made = set(lake.root.rglob("*")) - before
    assert {path.suffix for path in made} == {".parquet", ".avro", ".json"}
    assert len(made) == 4
    assert {str(path) for path in made} <= synced.paths
    assert synced.n == 8


@pytest.mark.parametrize("ending", [".parquet", "-m0.avro", ".metadata.json"])
def test_a_file_whose_sync_failed_is_removed_and_named(
    ending: str, databases: Databases, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake = TestLake(databases, home)
    lake.put(1, [(at(1), "a", 1)])
    real = os.fsync
    failed: list[Path] = []

    def fsync(handle: int) -> None:
        path = Path(f"/proc/self/fd/{handle}").readlink()
        if path.name.endswith(ending):
            failed.append(path)
            raise OSError(errno.EIO, "Input/output error")
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(OSError, match="Input/output error") as error:
        lake.put(2, [(at(1), "b", 1)])
    assert error.value.filename == str(failed[0])
    assert not failed[0].exists()
    monkeypatch.setattr(os, "fsync", real)
    lake.put(2, [(at(1), "b", 1)])
    assert len(lake.read()) == 2
