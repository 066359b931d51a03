from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tallymark.lake.views import Reader
from tallymark.state.database import Databases
from tests.lakes import TestLake


@pytest.fixture
def lake(databases: Databases, home: Path) -> TestLake:
    return TestLake(databases, home)


@pytest.fixture
def reader(home: Path) -> Iterator[Reader]:
    opened = Reader(home / "lake")
    yield opened
    opened.close()
