"""A reader sees one whole run at every instant, and what was replaced is kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from tallymark.files import Files
from tallymark.files.local import LocalFiles
from tests.contract.reports.publishing import END_ON, MANIFEST, REPORT, Killed, Runs

BACKUP = f"out/backup/{REPORT}/{END_ON}-1"
OLD = {"a/x.csv": "1\n", "b/x.csv": "2\n2\n", "c/x.csv": "3\n"}
NEW = {"b/x.csv": "two\n", "c/x.csv": "3\n", "d/x.csv": "four\n"}


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return LocalFiles(tmp_path / "store")


@pytest.fixture
def runs(files: Files, tmp_path: Path) -> Runs:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    return Runs(files, scratch)


def test_a_first_run_has_its_files_and_then_its_manifest(runs: Runs) -> None:
    seen = []
    runs.publish(1, OLD, reached=lambda step: seen.append((step, runs.by_manifest())))
    assert [step for step, _ in seen] == [
        "report.backed_up",
        *["report.put"] * 3,
        "report.manifest",
        "report.swept",
    ]
    assert [told for _, told in seen] == [None] * 4 + [OLD] * 2


def test_a_single_file_has_no_manifest(runs: Runs) -> None:
    done = runs.publish(1, {"x.csv": "1\n"}, grouped=False)
    assert [(one.path, one.kind, one.rows, one.backup) for one in done] == [
        ("x.csv", "file", 1, None)
    ]
    done = runs.publish(2, {"x.csv": "2\n"}, grouped=False)
    assert not runs.store.exists(MANIFEST)
    assert runs.all() == {"out/x.csv": "2\n", f"{BACKUP}/x.csv": "1\n"}
    assert done[0].backup == f"backup/{REPORT}/{END_ON}-1/x.csv"


def test_a_later_revision_replaces_the_earlier_and_keeps_it_beside(runs: Runs) -> None:
    runs.publish(1, OLD)
    done = runs.publish(2, NEW)
    assert runs.by_manifest() == NEW
    assert runs.all() == {
        **{f"out/{path}": content for path, content in NEW.items()},
        **{f"{BACKUP}/{path}": content for path, content in OLD.items()},
    }
    assert {one.path: one.backup is not None for one in done if one.kind == "file"} == {
        "b/x.csv": True,
        "c/x.csv": True,
        "d/x.csv": False,
    }


@pytest.mark.parametrize("killed_at", range(6))
def test_killed_anywhere_readers_see_the_old_run_or_the_new_one_and_the_next_try_ends_it(
    runs: Runs, killed_at: int
) -> None:
    runs.publish(1, OLD)
    steps = iter(range(100))

    def reached(step: str) -> None:
        assert runs.by_manifest() in (OLD, NEW)
        if next(steps) == killed_at:
            raise Killed

    with pytest.raises(Killed):
        runs.publish(2, NEW, reached=reached)
    assert runs.by_manifest() in (OLD, NEW)
    # data that came late: the next attempt has another answer
    late = {"b/x.csv": "late\n", "e/x.csv": "5\n"}
    runs.publish(2, late)
    assert runs.by_manifest() == late
    assert runs.all() == {
        **{f"out/{path}": content for path, content in late.items()},
        **{f"{BACKUP}/{path}": content for path, content in OLD.items()},
    }
