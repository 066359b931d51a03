from __future__ import annotations

from pathlib import Path

import pytest

from tests.contract.files.local import Write, writer


@pytest.fixture
def local(tmp_path: Path) -> Write:
    return writer(tmp_path)
