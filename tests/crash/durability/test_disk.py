"""A disk on which one call fails, or all from one on: all or nothing, said aloud, made good."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.crash.durability.faults import Fault, Faults
from tests.crash.scenes import Vendor, Zygote

SOAK = os.environ.get("SOAK")
# each part tries every so many calls, from its own number on; in the long run every third is
# tried, with SOAK=all every one
STEP = 1 if SOAK == "all" else 3
PARTS = range(1, 25, STEP) if SOAK else (3,)
STRIDE = 24 if SOAK else 120
LAKE_PARTS = range(1, 7, STEP) if SOAK else (2,)
LAKE_STRIDE = 6 if SOAK else 23
# checkpoints and files that are made anew: the database is right without them; and SQLite's sync
# of the folder, of which it says nothing: ours, when the files are opened, is the one that counts
NOT_NEEDED = (".db", ".db-shm", ".db-wal", "/home")


@pytest.fixture(scope="module")
def faults(
    failing: Zygote, shim: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Faults]:
    folder = tmp_path_factory.mktemp("faults")
    vendor = Vendor("mixed", folder)
    vendor.control(set={"per_day": 30, "pages": 2})
    yield Faults(folder, shim, failing, vendor)
    vendor.stop()


def check(faults: Faults, n: int, fault: Fault) -> None:
    """All or nothing; it was said; and a later run makes it good."""
    about = f"call {n}, {fault.call}:\n{fault.log[-3000:]}"
    assert faults.damage() == [], about
    silent = fault.code == 0 and not fault.errors
    if silent:
        # tried again, or not needed: then nothing may be missing, not even for a while
        assert faults.is_as_undisturbed(), about
        assert fault.log or fault.call.endswith(NOT_NEEDED), about
    else:
        faults.go_on()
        assert faults.is_as_undisturbed(), about


@pytest.mark.parametrize("first", PARTS)
def test_a_call_that_fails_leaves_all_or_nothing_and_a_later_run_makes_it_good(
    first: int, faults: Faults
) -> None:
    n = first
    while (fault := faults.run(n, error=errno.EIO)).call:
        check(faults, n, fault)
        n += STRIDE
    assert fault.code == 0, fault.log
    assert fault.errors == ()
    assert n > 200, "the run made fewer calls than it has steps"


@pytest.mark.parametrize("first", LAKE_PARTS)
def test_a_lake_that_takes_no_more_is_named_and_filled_when_it_does(
    first: int, faults: Faults
) -> None:
    n = first
    while (fault := faults.run(n, under="lake", stay=True, error=errno.ENOSPC)).call:
        assert fault.code or any("No space left" in line for line in fault.errors), fault
        check(faults, n, fault)
        n += LAKE_STRIDE
    assert n > 30, "the run wrote less than it must"
