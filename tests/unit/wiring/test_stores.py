from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tallymark.definitions.engines import EngineSpec
from tallymark.definitions.stores import StoreSpec
from tallymark.definitions.workspace import Workspace
from tallymark.errors import ConfigError
from tallymark.files import Files
from tallymark.wiring.engines import build_engines
from tallymark.wiring.stores import open_stores
from tests.servers.azurite import Azurite
from tests.servers.s3 import S3
from tests.unit.definitions.given import GOOD, read

ELSEWHERE = {
    "AWS_ACCESS_KEY_ID": "other",
    "AWS_SECRET_ACCESS_KEY": "other",
    "AWS_SESSION_TOKEN": "other",
    "AWS_ENDPOINT": "http://127.0.0.1:1",
    "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
    "AWS_REGION": "eu-west-9",
    "AWS_SKIP_SIGNATURE": "true",
    "AWS_CONDITIONAL_PUT": "disabled",
    "AWS_VIRTUAL_HOSTED_STYLE_REQUEST": "true",
    "AZURE_STORAGE_ACCOUNT_NAME": "other",
    "AZURE_STORAGE_ACCOUNT_KEY": "b3RoZXI=",
    "AZURE_STORAGE_SAS_TOKEN": "sv=1&sig=x",
    "AZURE_STORAGE_TOKEN": "other",
    "AZURE_STORAGE_ENDPOINT": "http://127.0.0.1:1",
    "AZURE_SKIP_SIGNATURE": "true",
    "AZURE_STORAGE_USE_EMULATOR": "true",
}
"""What a machine may have set for other programs."""


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return read(tmp_path / "workspace", GOOD)


def test_the_store_without_a_name_is_in_the_lake(workspace: Workspace, tmp_path: Path) -> None:
    stores = open_stores(workspace, {}, tmp_path / "lake")
    stores[""].put("a/x", b"1")
    assert (tmp_path / "lake" / "reports" / "a" / "x").read_bytes() == b"1"


def test_a_folder_with_blanks_is_where_its_address_says(
    workspace: Workspace, tmp_path: Path
) -> None:
    folder = tmp_path / "of us"
    spec = StoreSpec("shared", folder.as_uri(), {})
    stores = open_stores(replace(workspace, stores={"shared": spec}), {}, tmp_path / "lake")
    stores["shared"].put("x", b"1")
    assert (folder / "x").read_bytes() == b"1"


def test_credentials_are_those_of_the_workspace_whatever_the_environment_holds(
    workspace: Workspace,
    tmp_path: Path,
    s3: S3,
    azurite: Azurite,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in ELSEWHERE.items():
        monkeypatch.setenv(name, value)
    env = {"KEY_ID": s3.key, "KEY_SECRET": s3.secret, "AZURE_KEY": azurite.key}
    s3_settings = {"endpoint": s3.endpoint, "key_id": "${KEY_ID}", "secret": "${KEY_SECRET}"}
    azure = {"endpoint": azurite.endpoint, "account": azurite.account, "key": "${AZURE_KEY}"}
    specs = (
        StoreSpec("team", f"s3://{s3.make_bucket()}/a", s3_settings),
        StoreSpec("azure", f"az://{azurite.make_container()}/a", azure),
    )
    declared = replace(workspace, stores={spec.name: spec for spec in specs})
    stores = open_stores(declared, env, tmp_path / "lake")
    for name in ("team", "azure"):
        works(stores[name])


def works(files: Files) -> None:
    assert files.put_if_absent("x", b"1") is True
    assert files.put_if_absent("x", b"2") is False
    assert files.get("x") == b"1"
    assert list(files.list("")) == ["x"]


def test_a_reference_that_leads_nowhere_names_the_store(
    workspace: Workspace, tmp_path: Path
) -> None:
    spec = StoreSpec("team", "s3://bucket", {"key_id": "k", "secret": "${NOWHERE}"})
    with pytest.raises(ConfigError, match="store team, `secret`: NOWHERE is not set"):
        open_stores(replace(workspace, stores={"team": spec}), {}, tmp_path)


def test_no_store_shows_its_secret(workspace: Workspace, tmp_path: Path) -> None:
    spec = StoreSpec("team", "s3://bucket", {"key_id": "k", "secret": "${CANARY}"})
    stores = open_stores(replace(workspace, stores={"team": spec}), {"CANARY": "c4nary"}, tmp_path)
    assert "c4nary" not in repr(vars(stores["team"]))


def test_engines_without_settings_are_there_and_others_when_named(workspace: Workspace) -> None:
    assert "druid" not in build_engines(workspace, {})
    addresses = {"broker": "http://127.0.0.1:8082", "coordinator": "http://127.0.0.1:${PORT}"}
    named = replace(
        workspace, engines={"druid": EngineSpec("druid", {**addresses, "auth": "${AUTH}"})}
    )
    found = build_engines(named, {"PORT": "8081", "AUTH": "user:canary"})
    assert "lake" in found
    assert set(found["druid"].addresses()) == {"127.0.0.1:8082", "127.0.0.1:8081"}
    assert "canary" not in repr(found["druid"])
    with pytest.raises(ConfigError, match="engine druid, `auth`: AUTH is not set"):
        build_engines(named, {"PORT": "8081"})
    gone = replace(workspace, engines={"gone": EngineSpec("gone", {})})
    with pytest.raises(ConfigError, match="there is no engine 'gone'"):
        build_engines(gone, {})
