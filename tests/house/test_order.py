"""Long tests come first: `conftest.py` names where they are."""

from __future__ import annotations

from conftest import LONG, rank
from tests.tools.procs import ROOT


def test_what_is_named_is_there() -> None:
    assert all((ROOT / path).exists() for path in LONG)


def test_a_story_comes_before_a_kill_and_both_before_the_rest() -> None:
    names = ("tests/unit/a.py", "tests/crash/a.py", "tests/story/a.py", "tests/contract/a.py")
    assert sorted(names, key=rank) == [names[2], names[1], names[0], names[3]]
