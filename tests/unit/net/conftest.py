from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.unit.net.served import OPEN


@pytest.fixture(autouse=True)
def _connections_are_closed() -> Iterator[None]:
    yield
    while OPEN:
        OPEN.pop().close()
