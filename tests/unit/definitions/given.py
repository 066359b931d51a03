"""A workspace as text, and what is said of it."""

from __future__ import annotations

from pathlib import Path

from tallymark.connectors import discover
from tallymark.definitions.workspace import Workspace, load
from tallymark.errors import ConfigError

CONNECTORS = discover()
GOOD = """\
calendar:
  zone: Europe/Berlin

sources:
  github:
    connector: github
    token: ${GITHUB_TOKEN}
    budget: 100/1h
    streams:
      repositories:
        subjects: [acme/rocket, acme/launchpad]
        start: 2026-01-01
        every: 6h
        catch_up: 30d
        paused: [acme/launchpad]
  npm:
    connector: npm
    streams:
      downloads: {subjects: rocket, start: 2026-01-01T00:00:00+02:00}
  site:
    connector: accesslog
    dedupe_field: request_id
    keys: {time: ts}
    streams:
      requests: {start: 2026-01-01}

metrics:
  stars:
    title: Stars
    description: At the last reading.
    stream: github.repositories
    measure: last(stars)
    unit: stars
    direction: up
  views:
    stream: site.requests
    measure: count
    where: {status: [200, 304], method: GET}
    dimensions: [path]
  seconds: {stream: site.requests, measure: max(seconds), where: {seconds: 0.5}}

boards:
  overview:
    title: Overview
    range: 91d
    grain: week
    compare: [prev, year]
    align: weekday
    cards:
      - {kind: number, metric: stars}
      - {kind: line, metric: stars, by: repo, width: 12, title: By repository}
      - {kind: bar, metric: views, by: path}
"""


def read(folder: Path, text: str | bytes, name: str = "all.yaml") -> Workspace:
    """The only file of a workspace."""
    folder.mkdir(exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    (folder / name).write_bytes(text if isinstance(text, bytes) else text.encode())
    return load(folder, CONNECTORS)


def problems(folder: Path, text: str | bytes) -> list[str]:
    try:
        read(folder, text)
    except ConfigError as error:
        return str(error).splitlines()
    return []


def changed(old: str, new: str) -> str:
    """The good workspace with one thing in another's place."""
    assert GOOD.count(old) == 1, f"{old!r} stands there {GOOD.count(old)} times"
    return GOOD.replace(old, new)


def line_of(text: str, part: str) -> int:
    return text[: text.index(part)].count("\n") + 1
