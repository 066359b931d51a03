from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tallymark.collect.source import Source
from tallymark.connectors import discover
from tallymark.errors import ConfigError
from tallymark.model import Secret, SourceSpec, Stream
from tallymark.wiring.objects import object_specs
from tallymark.wiring.sources import build_source
from tests.unit.definitions.given import CONNECTORS, GOOD, read

KEY = Secret("k" * 40)


@dataclass(frozen=True)
class Odd:
    """A connector with a setting of every type."""

    kind: ClassVar[str] = "odd"
    title: ClassVar[str] = "Odd"
    streams: ClassVar[tuple[Stream, ...]] = ()

    token: Secret
    name: str = ""
    size: int = 0
    share: float = 0.0
    on: bool = False
    names: tuple[str, ...] = ()
    keys: Mapping[str, str] = field(default_factory=dict)
    maybe: int | None = None


def built(env: Mapping[str, str], **settings: Any) -> Any:
    spec = SourceSpec(
        name="s", connector="odd", settings={"token": "${TOKEN}", **settings}, streams=()
    )
    found = build_source(spec, {"odd": Odd}, {"TOKEN": "t0ken", **env}, KEY)  # type: ignore[dict-item]
    assert isinstance(found, Source)
    return found.connector


def test_references_become_what_the_setting_is() -> None:
    env = {"N": "7", "F": "0.5", "B": "True", "T": "text"}
    found = built(
        env, size="${N}", share="${F}", on="${B}", name="a-${T}-${N}", maybe="${N}", names=["a"]
    )
    assert (found.size, found.share, found.on, found.maybe) == (7, 0.5, True, 7)
    assert found.name == "a-text-7"
    assert found.names == ("a",)
    assert found.token.reveal() == "t0ken"
    assert "t0ken" not in repr(found)


@pytest.mark.parametrize("name", ["size", "share", "on", "maybe"])
def test_a_reference_to_a_wrong_type_is_told_without_its_value(name: str) -> None:
    with pytest.raises(ConfigError, match=f"source s, `{name}`: its reference") as told:
        built({"X": "canary"}, **{name: "${X}"})
    assert "canary" not in str(told.value)


def test_a_secret_may_come_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("of a file\n")
    env = {"GITHUB_TOKEN_FILE": str(tmp_path / "token")}
    spec = read(tmp_path / "w", GOOD).sources["github"]
    found: Any = build_source(spec, CONNECTORS, env, KEY).connector
    assert found.token.reveal() == "of a file"


def test_a_reference_that_leads_nowhere_names_source_setting_and_fix(tmp_path: Path) -> None:
    spec = read(tmp_path, GOOD).sources["github"]
    for env in ({}, {"GITHUB_TOKEN_FILE": "/nowhere"}):
        with pytest.raises(ConfigError, match=r"source github, `token`: GITHUB_TOKEN") as told:
            build_source(spec, CONNECTORS, env, KEY)
        assert "set" in str(told.value) or "/nowhere" in str(told.value)


def test_what_only_the_connector_knows_is_told_as_well() -> None:
    settings = {"keys": {"tme": "ts"}}
    spec = SourceSpec(name="site", connector="accesslog", settings=settings, streams=())
    with pytest.raises(ConfigError, match="'tme' is not known"):
        build_source(spec, CONNECTORS, {}, KEY)


def test_each_source_hashes_with_a_key_of_its_own(tmp_path: Path) -> None:
    spec = read(tmp_path, GOOD).sources["site"]
    kinds = discover()
    one: Any = build_source(spec, kinds, {}, KEY).connector
    same: Any = build_source(spec, kinds, {}, KEY).connector
    other: Any = build_source(
        SourceSpec(name="other", connector="accesslog", settings={}, streams=()), kinds, {}, KEY
    ).connector
    assert one.hash_key.reveal() == same.hash_key.reveal()
    assert len({one.hash_key.reveal(), other.hash_key.reveal(), KEY.reveal()}) == 3


def test_a_workspace_wants_its_objects(tmp_path: Path) -> None:
    workspace = read(tmp_path, GOOD)
    found = {spec.identity: spec for spec in object_specs(workspace, CONNECTORS)}
    assert sorted(found) == [
        ("collect", "github", "repositories", "acme/launchpad"),
        ("collect", "github", "repositories", "acme/rocket"),
        ("collect", "npm", "downloads", "rocket"),
        ("cube", "github", "repositories", "github"),
        ("cube", "site", "requests", "site"),
        ("flush", "site", "requests", "site"),
        ("maintain", "github", "repositories", "github"),
        ("maintain", "npm", "downloads", "npm"),
        ("maintain", "site", "requests", "site"),
    ]
    rocket = found["collect", "github", "repositories", "acme/rocket"]
    assert (rocket.every, rocket.catch_up, rocket.paused) == ("6h", "30d", False)
    assert [i for i, spec in found.items() if spec.paused] == [
        ("collect", "github", "repositories", "acme/launchpad")
    ]


def test_a_pushed_source_can_be_paused(tmp_path: Path) -> None:
    text = GOOD.replace(
        "requests: {start: 2026-01-01}", "requests: {start: 2026-01-01, paused: site}"
    )
    found = {spec.kind: spec for spec in object_specs(read(tmp_path, text), CONNECTORS)}
    assert found["flush"].paused
    assert not found["cube"].paused
