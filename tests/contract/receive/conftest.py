"""The fixture of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tallymark.state.database import Databases
from tests.clock import FakeClock
from tests.contract.receive.way import Way


@pytest.fixture
def way(databases: Databases, home: Path, clock: FakeClock) -> Iterator[Way]:
    opened = Way(databases, home, clock)
    yield opened
    opened.inbox.close()
