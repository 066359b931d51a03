"""What the stories share: installations, closed when the test ends."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.story.installation import Installation, MakeInstallation
from tests.story.reports_world import ReportStory, report_story


@pytest.fixture
def make_installation(tmp_path: Path) -> Iterator[MakeInstallation]:
    """Makes an installation in a fresh home, on SQLite unless an address is given."""
    made: list[Installation] = []

    def make(
        *args: Any, home: Path | None = None, database_url: str | None = None, **more: Any
    ) -> Installation:
        folder = home or tmp_path / f"home-{len(made)}"
        folder.mkdir(exist_ok=True)
        made.append(Installation(folder, database_url, *args, **more))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def reports(make_installation: MakeInstallation) -> ReportStory:
    """An installation whose workspace has nothing but the stand-in of Druid."""
    return report_story(make_installation)
