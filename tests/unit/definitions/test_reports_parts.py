"""Engines and stores in a workspace."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tallymark.clock import SystemClock
from tallymark.definitions import store as revisions
from tallymark.state.database import Databases, writing
from tallymark.state.schema import revisions as table

from .given import GOOD, line_of, problems, read

PARTS = """
engines:
  druid:
    broker: http://broker.inside:8082
    coordinator: http://coordinator.inside:8081
    auth: ${DRUID_AUTH}
stores:
  team:
    url: s3://bucket/reports
    endpoint: http://10.0.0.7:9000
    key_id: ${KEY_ID}
    secret: ${KEY_SECRET}
  azure: {url: az://container, account: ours, key: "${AZURE_KEY}"}
  google: {url: gs://bucket/a/b, credentials: "${GOOGLE_KEY}"}
  shared: {url: file:///srv/reports}
"""


def test_engines_and_stores_are_what_was_written(tmp_path: Path) -> None:
    found = read(tmp_path, GOOD + PARTS)
    assert found.engines["druid"].settings == {
        "broker": "http://broker.inside:8082",
        "coordinator": "http://coordinator.inside:8081",
        "auth": "${DRUID_AUTH}",
    }
    assert {name: spec.url for name, spec in found.stores.items()} == {
        "team": "s3://bucket/reports",
        "azure": "az://container",
        "google": "gs://bucket/a/b",
        "shared": "file:///srv/reports",
    }
    assert found.stores["team"].settings == {
        "endpoint": "http://10.0.0.7:9000",
        "key_id": "${KEY_ID}",
        "secret": "${KEY_SECRET}",
    }


@pytest.mark.parametrize(
    ("old", "new", "at", "said"),
    [
        ("  druid:", "  drui:", "drui", "unknown engine `drui`: did you mean `druid`?"),
        ("    broker:", "    brokr:", "brokr", "unknown key `brokr`: did you mean `broker`?"),
        ("${DRUID_AUTH}", "user:password", "auth", "`auth` is a secret: give a reference"),
        ("${KEY_SECRET}", "s3cret", "secret:", "`secret` is a secret: give a reference"),
        ("    secret: ${KEY_SECRET}\n", "", "team:", "`secret` is missing"),
        ("s3://bucket/reports", "s4://bucket", "url: s4", "did you mean `s3://…`?"),
        ("s3://bucket/reports", "/srv/reports", "url: /srv", "known are az://…, file://…"),
        ("s3://bucket/reports", "s3:///reports", "url: s3", "names no bucket"),
        ("s3://bucket/reports", "s3://k:s@bucket", "url: s3", "holds a name or a port"),
        ("s3://bucket/reports", "s3://bucket/../x", "url: s3", "a part that is empty, . or .."),
        ("s3://bucket/reports", "s3://bucket/a?b", "url: s3", "holds a ? or a #"),
        ("file:///srv/reports", "file://srv/reports", "shared", "write file:///absolute/path"),
        ("account: ours, ", "", "azure:", "`account` is missing"),
        ("{url: file:///srv/reports}", "{url: file:///x, key: 1}", "shared", "unknown key `key`"),
        ("{url: file:///srv/reports}", "file:///x", "shared", "`shared` must be a mapping"),
    ],
)
def test_a_mistake_is_told_with_its_line(
    tmp_path: Path, old: str, new: str, at: str, said: str
) -> None:
    assert PARTS.count(old) == 1
    text = GOOD + PARTS.replace(old, new)
    told = problems(tmp_path, text)
    assert [one for one in told if said in one and f":{line_of(text, at)}:" in one], told


def test_no_mistake_shows_a_secret(tmp_path: Path) -> None:
    text = GOOD + PARTS.replace("${KEY_SECRET}", "canary1").replace("${DRUID_AUTH}", "canary2")
    told = "\n".join(problems(tmp_path, text))
    assert "is a secret" in told
    assert "canary" not in told


def test_they_are_stored_with_the_workspace(tmp_path: Path, databases: Databases) -> None:
    found = read(tmp_path / "w", GOOD + PARTS)
    with writing(databases.control) as tx:
        revisions.save(tx, found, SystemClock().now())
        assert revisions.current(tx) == found


def test_a_workspace_that_was_stored_before_there_were_reports_has_none(
    tmp_path: Path, databases: Databases
) -> None:
    found = read(tmp_path / "w", GOOD)
    plain: dict[str, Any] = found.plain()
    del plain["engines"], plain["stores"]
    with writing(databases.control) as tx:
        tx.execute(table.insert().values(at=SystemClock().now(), digest="before", workspace=plain))
        assert revisions.current(tx) == found
