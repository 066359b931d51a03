"""An installation with two npm packages and a repository, whose workspace can be changed."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tallymark.demo.vendors.github import GithubVendor
from tallymark.demo.vendors.memory import MemoryWorld
from tallymark.demo.vendors.npm import NpmVendor
from tests.story.installation import Installation, StoryClock

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
WORKSPACE = """
sources:
  npm:
    connector: npm
    base_url: ${NPM}
    streams:
      downloads: {subjects: [rocket, launchpad], start: 2026-03-01}
  github:
    connector: github
    base_url: ${GITHUB}
    streams:
      repositories: {subjects: [acme/rocket], start: 2026-03-01}
metrics:
  downloads: {stream: npm.downloads, measure: sum(downloads)}
  stars: {stream: github.repositories, measure: last(stars)}
"""


@pytest.fixture
def installation(home: Path, sqlite_template: Path) -> Iterator[Installation]:
    for file in sqlite_template.glob("*.db"):
        shutil.copy(file, home / file.name)
    clock = StoryClock(NOON)
    world = MemoryWorld(seeded=True)
    vendors = {"NPM": NpmVendor(world, clock), "GITHUB": GithubVendor(world, clock)}
    made = Installation(home, None, clock, WORKSPACE, vendors)
    yield made
    made.close()
