from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest

from tallymark.clock import SystemClock
from tallymark.errors import NotFound
from tallymark.files.local import LocalFiles


class Synced:
    """Which files and folders were synced, by the path that they had then."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.paths: list[str] = []
        real = os.fsync

        def fsync(handle: int) -> None:
            self.paths.append(str(Path(f"/proc/self/fd/{handle}").readlink()))
            real(handle)

        monkeypatch.setattr(os, "fsync", fsync)


def test_a_put_syncs_the_data_then_its_folder_and_every_new_folder_above(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = LocalFiles(tmp_path / "files")
    synced = Synced(monkeypatch)
    store.put("a/b/page", b"1")
    root = str(tmp_path / "files")
    assert {root, f"{root}/a", f"{root}/a/b"} <= set(synced.paths)
    assert synced.paths[-2].startswith(f"{root}/.unfinished/")
    assert synced.paths[-1] == f"{root}/a/b"


def test_a_publication_and_a_copy_are_synced_before_they_have_their_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "spooled").write_bytes(b"1")
    store = LocalFiles(tmp_path / "files")
    synced = Synced(monkeypatch)
    root = str(tmp_path / "files")
    store.publish("a/x", tmp_path / "spooled", None, lambda: None)
    assert synced.paths[-2].startswith(f"{root}/.unfinished/")
    assert synced.paths[-1] == f"{root}/a"
    store.copy_if_absent("a/x", "b/x", lambda: None)
    assert synced.paths[-2].startswith(f"{root}/.unfinished/")
    assert synced.paths[-1] == f"{root}/b"


def test_what_a_killed_process_left_unfinished_is_no_file(tmp_path: Path) -> None:
    store = LocalFiles(tmp_path)
    (tmp_path / ".unfinished" / "left").write_bytes(b"half")
    store.put("a", b"1")
    assert list(store.list("")) == ["a"]
    assert list(store.list(".unf")) == []
    with pytest.raises(NotFound):
        store.get(".unfinished/left")


def test_what_is_left_unfinished_for_three_days_goes_at_the_next_start(tmp_path: Path) -> None:
    LocalFiles(tmp_path)
    for name, hours in (("old", 73), ("young", 25)):
        left = tmp_path / ".unfinished" / name
        left.write_bytes(b"half")
        then = (SystemClock().now() - timedelta(hours=hours)).timestamp()
        os.utime(left, (then, then))
    LocalFiles(tmp_path)
    assert [path.name for path in (tmp_path / ".unfinished").iterdir()] == ["young"]


def test_a_failed_write_leaves_what_was_there_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = LocalFiles(tmp_path)
    store.put("a", b"old")

    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    (tmp_path.parent / "spooled").write_bytes(b"new")
    with pytest.raises(OSError, match="No space left") as failed:
        store.put("a", b"new")
    assert failed.value.filename.startswith(str(tmp_path))
    with pytest.raises(OSError, match="No space left"):
        store.publish("a", tmp_path.parent / "spooled", store.stat("a"), lambda: None)
    assert store.get("a") == b"old"
    assert list((tmp_path / ".unfinished").iterdir()) == []
