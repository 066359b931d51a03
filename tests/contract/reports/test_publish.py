"""A reader sees one whole run at every instant, and what was replaced is kept."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path

import orjson
import pytest

from tallymark.errors import ClaimLost, CommitConflict
from tallymark.files import Files
from tallymark.files.cloud import CloudFiles
from tests.contract.reports.publishing import END_ON, MANIFEST, REPORT, Killed, Runs
from tests.stores import STORES, opener

BACKUP = f"out/backup/{REPORT}/{END_ON}-1"
OLD = {"a/x.csv": "1\n", "b/x.csv": "2\n2\n", "c/x.csv": "3\n"}
NEW = {"b/x.csv": "two\n", "c/x.csv": "3\n", "d/x.csv": "four\n"}


@pytest.fixture(params=STORES)
def files(request: pytest.FixtureRequest, tmp_path: Path) -> Files:
    return opener(request.param, request, tmp_path, "team")()


@pytest.fixture
def runs(files: Files, tmp_path: Path) -> Runs:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    return Runs(files, scratch)


def test_a_first_run_has_its_files_and_then_its_manifest(runs: Runs) -> None:
    seen: list[tuple[str, dict[str, str] | None]] = []
    runs.publish(1, OLD, reached=lambda step: seen.append((step, runs.by_manifest())))
    assert [step for step, _ in seen] == [
        "report.backed_up",
        "intended",
        *["report.put"] * 3,
        "report.manifest",
        "report.swept",
    ]
    assert [told for _, told in seen] == [None] * 5 + [OLD] * 2


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


@pytest.mark.parametrize("killed_at", range(7))
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


@pytest.mark.parametrize("taken_at", range(7))
def test_who_was_taken_over_changes_nothing_of_what_the_other_published(
    runs: Runs, taken_at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # what is on its way while the claim goes may still arrive
    monkeypatch.setattr(CloudFiles, "at_once", 1)
    runs.publish(1, OLD)
    theirs = {"b/x.csv": "theirs\n", "c/x.csv": "3\n", "a/x.csv": "1\n", "e/x.csv": "5\n"}
    steps = iter(range(100))
    over = False

    def reached(step: str) -> None:
        nonlocal over
        if next(steps) == taken_at:
            over = True
            runs.publish(2, theirs)

    def still_ours() -> None:
        if over:
            raise ClaimLost

    if taken_at < 6:
        with pytest.raises((ClaimLost, CommitConflict)):
            runs.publish(2, NEW, reached=reached, still_ours=still_ours)
    else:
        runs.publish(2, NEW, reached=reached, still_ours=still_ours)
    assert runs.by_manifest() == theirs
    assert runs.all() == {
        **{f"out/{path}": content for path, content in theirs.items()},
        **{f"{BACKUP}/{path}": content for path, content in OLD.items()},
    }


def test_a_backup_is_never_made_of_what_an_earlier_attempt_put(runs: Runs) -> None:
    """Somebody removed the old file, so there is nothing to keep: not even the new one."""
    runs.publish(1, OLD)
    runs.store.delete("out/b/x.csv")

    def killed(step: str) -> None:
        if step == "report.manifest":
            raise Killed

    with pytest.raises(Killed):
        runs.publish(2, NEW, reached=killed)
    done = runs.publish(2, NEW)
    assert runs.by_manifest() == NEW
    assert not runs.store.exists(f"{BACKUP}/b/x.csv")
    assert {one.path for one in done if one.backup} == {"c/x.csv", MANIFEST.removeprefix("out/")}


def test_a_run_without_groups_is_a_manifest_without_files(runs: Runs) -> None:
    runs.publish(1, OLD)
    runs.publish(2, {})
    assert runs.by_manifest() == {}
    assert set(runs.all()) == {f"{BACKUP}/{path}" for path in OLD}


def test_a_report_that_is_grouped_no_more_leaves_no_manifest(runs: Runs) -> None:
    runs.publish(1, OLD)
    asked = count()
    for killed_at in range(100):

        def still_ours(asked: Iterator[int] = asked, killed_at: int = killed_at) -> None:
            assert runs.by_manifest() in (OLD, None)
            if next(asked) == killed_at:
                raise Killed

        with suppress(Killed):
            runs.publish(2, {"x.csv": "all\n"}, grouped=False, still_ours=still_ours)
            break
        asked = count()
    assert killed_at > 5
    assert runs.by_manifest() is None
    assert runs.all()["out/x.csv"] == "all\n"
    assert runs.store.exists(f"{BACKUP}/{MANIFEST.removeprefix('out/')}")


def test_a_manifest_that_cannot_be_read_holds_up_nothing(runs: Runs) -> None:
    runs.publish(1, OLD)
    runs.store.put(MANIFEST, b"[]")
    runs.publish(2, NEW)
    assert runs.by_manifest() == NEW


def test_the_manifest_says_what_each_file_is(runs: Runs) -> None:
    runs.publish(1, {"a/x.csv": "1\n2\n"})
    assert orjson.loads(runs.store.get(MANIFEST)) == {
        "report_id": REPORT,
        "end_date": END_ON,
        "revision": 1,
        "generated_at": "2026-11-22T06:00:00Z",
        "files": [
            {
                "path": "a/x.csv",
                "rows": 2,
                "bytes": 4,
                "sha256": "a6e2b7a040683432de03a18fd8a1939a2fdf82585b364bfc874bdd4095c4cae1",
            }
        ],
    }
