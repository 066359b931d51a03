"""The store fails at any one request of a run: readers see the old run, or the new one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tallymark.errors import RetryableError
from tests.contract.files.faulty import Fault
from tests.contract.files.place import Place, placed
from tests.contract.reports.publishing import Runs
from tests.contract.reports.test_publish import BACKUP, NEW, OLD


@pytest.fixture(params=["s3", "azure"])
def place(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    with placed(request.param, request, monkeypatch) as found:
        yield found


@pytest.mark.parametrize("do", ["refuse", "late"])
def test_a_store_that_fails_from_any_request_on(place: Place, tmp_path: Path, do: str) -> None:
    """`late`: the store does what it is asked for, and says that it failed."""
    runs = Runs(place.past, tmp_path)
    before = runs.publish(1, OLD)
    for n in range(200):
        place.proxy.begin(Fault(do, after=n))
        runs.store = place.through
        try:
            runs.publish(2, NEW)
        except RetryableError:
            done = False
        else:
            done = True
        place.proxy.begin(None)
        runs.store = place.past
        assert runs.by_manifest() in (OLD, NEW)
        if done:
            break
    assert n > 10
    assert runs.by_manifest() == NEW
    assert runs.all() == {
        **{f"out/{path}": content for path, content in NEW.items()},
        **{f"{BACKUP}/{path}": content for path, content in OLD.items()},
    }
    assert [one.sha256 for one in before] != [one.sha256 for one in runs.present]
