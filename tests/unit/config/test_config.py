from __future__ import annotations

from pathlib import Path

import pytest

from tallymark.config import PREFIX, SETTINGS, load
from tallymark.errors import ConfigError


def refusal(**env: str) -> str:
    with pytest.raises(ConfigError) as told:
        load({f"TALLYMARK_{name}": value for name, value in env.items()})
    return str(told.value)


def test_nothing_is_needed() -> None:
    found = load({})
    assert found.home == Path("~/.local/share/tallymark").expanduser().resolve()
    assert found.lake_root == found.home / "lake"
    assert found.workspace_path == found.home / "workspace"
    assert found.database_url is None
    assert found.secret_key is None
    assert found.allow_addresses == frozenset()
    assert (found.flush_s, found.beat_s, found.claim_timeout_s) == (60, 5, 15)
    assert found.worker_threads == 4


def test_an_empty_setting_is_as_good_as_none() -> None:
    assert load({PREFIX + one.name: " " for one in SETTINGS}) == load({})


def test_everything_can_be_set(tmp_path: Path) -> None:
    found = load(
        {
            "TALLYMARK_HOME": str(tmp_path / "home"),
            "TALLYMARK_DATABASE_URL": "postgresql://u:p@db/t",
            "TALLYMARK_LAKE_URL": f"file://{tmp_path}/lake",
            "TALLYMARK_ALLOW_ADDRESSES": "127.0.0.1:80, [::1]:8080,Vendor.Local:443,",
            "TALLYMARK_SECRET_KEY": "k" * 40,
            "TALLYMARK_FLUSH_S": "0.5",
            "TALLYMARK_BEAT_S": "1",
            "TALLYMARK_CLAIM_TIMEOUT_S": "3",
            "TALLYMARK_WORKER_THREADS": "8",
        }
    )
    assert found.home == tmp_path / "home"
    assert found.database_url == "postgresql://u:p@db/t"
    assert found.lake_root == tmp_path / "lake"
    assert found.allow_addresses == {"127.0.0.1:80", "[::1]:8080", "vendor.local:443"}
    assert found.secret_key is not None
    assert found.secret_key.reveal() == "k" * 40
    assert (found.flush_s, found.beat_s, found.claim_timeout_s) == (0.5, 1, 3)
    assert found.worker_threads == 8


def test_what_is_given_goes_before_the_environment(tmp_path: Path) -> None:
    env = {"TALLYMARK_HOME": "/elsewhere"}
    assert load(env, home=tmp_path).home == tmp_path
    assert load(env, home=None, workspace=tmp_path).workspace_path == tmp_path
    assert load(env, home=None).home == Path("/elsewhere")


@pytest.mark.parametrize("name", [one.name for one in SETTINGS if one.name != "COMPUTE_URL"])
def test_each_setting_may_come_from_a_file(name: str, tmp_path: Path) -> None:
    values = {
        "HOME": str(tmp_path),
        "DATABASE_URL": "postgresql://db/t",
        "LAKE_URL": str(tmp_path),
        "ALLOW_ADDRESSES": "127.0.0.1:1",
        "SECRET_KEY": "s" * 40,
    }
    value = values.get(name, "40" if name == "CLAIM_TIMEOUT_S" else "7")
    env = {f"TALLYMARK_{name}": value}
    (tmp_path / "value").write_text(f"{value}\n")
    of_file = load({f"TALLYMARK_{name}_FILE": str(tmp_path / "value")})
    for field, one in vars(load(env)).items():
        if field != "secret_key":
            assert getattr(of_file, field) == one
    if name == "SECRET_KEY":
        assert of_file.secret_key is not None
        assert of_file.secret_key.reveal() == value


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    missing = refusal(SECRET_KEY_FILE=str(tmp_path / "none"))
    assert "TALLYMARK_SECRET_KEY_FILE" in missing
    assert str(tmp_path / "none") in missing
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    assert "TALLYMARK_FLUSH_S_FILE" in refusal(FLUSH_S_FILE=str(tmp_path / "binary"))
    assert "TALLYMARK_FLUSH_S_FILE" in refusal(FLUSH_S_FILE=str(tmp_path))


def test_a_setting_and_its_file_are_not_both_taken(tmp_path: Path) -> None:
    (tmp_path / "value").write_text("7")
    said = refusal(FLUSH_S="6", FLUSH_S_FILE=str(tmp_path / "value"))
    assert (
        said == "TALLYMARK_FLUSH_S and TALLYMARK_FLUSH_S_FILE are both set: leave one of them out"
    )


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("HOME", "~nobody-of-this-name/x", "names a user that is not there"),
        ("DATABASE_URL", "mysql://u:hidden@db/t", "mysql://… is not known; leave it empty"),
        ("DATABASE_URL", "u:hidden@db/t", "it is not known; leave it empty for SQLite"),
        ("LAKE_URL", "s3://bucket/lake", "s3://bucket/lake is not a folder"),
        ("LAKE_URL", "lake", "lake is not an absolute path"),
        ("COMPUTE_URL", "sc://spark", "only the empty value (DuckDB) is known so far"),
        ("ALLOW_ADDRESSES", "127.0.0.1", "'127.0.0.1' is not host:port, such as 127.0.0.1:8080"),
        ("ALLOW_ADDRESSES", "http://127.0.0.1:80", "is not host:port"),
        ("ALLOW_ADDRESSES", "127.0.0.1:80 127.0.0.1:81", "is not host:port"),
        ("ALLOW_ADDRESSES", "127.0.0.1:0", "is not host:port"),
        ("ALLOW_ADDRESSES", "127.0.0.1:65536", "is not host:port"),
        ("ALLOW_ADDRESSES", "127.0.0.1:٣", "is not host:port"),
        ("ALLOW_ADDRESSES", "::1:80", "is not host:port"),
        ("ALLOW_ADDRESSES", "a:1,*:*", "'*:*' is not host:port"),
        ("FLUSH_S", "soon", "'soon' is not a number of seconds"),
        ("FLUSH_S", "0", "'0' is not a number of seconds"),
        ("FLUSH_S", "-1", "'-1' is not a number of seconds"),
        ("FLUSH_S", "nan", "'nan' is not a number of seconds"),
        ("FLUSH_S", "inf", "'inf' is not a number of seconds"),
        ("BEAT_S", "86401", "'86401' is not a number of seconds"),
        ("CLAIM_TIMEOUT_S", "10", "(10) must be more than twice TALLYMARK_BEAT_S (5)"),
        ("WORKER_THREADS", "0", "'0' is not a number from 1 to 64"),
        ("WORKER_THREADS", "65", "'65' is not a number from 1 to 64"),
        ("WORKER_THREADS", "²", "'²' is not a number from 1 to 64"),
        ("WORKER_THREADS", "9" * 5000, "is not a number from 1 to 64"),
    ],
)
def test_a_wrong_setting_is_told_with_its_name_and_the_fix(
    name: str, value: str, said: str
) -> None:
    told = refusal(**{name: value})
    assert f"TALLYMARK_{name}" in told
    assert said in told
    assert "hidden" not in told


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("tallymark_home", "TALLYMARK_HOME"),
        ("Tallymark_Flush_S", "TALLYMARK_FLUSH_S"),
        ("TALLYMARK_DATABSE_URL", "TALLYMARK_DATABASE_URL"),
        ("TALLYMARK_ALLOWED_ADDRESSES", "TALLYMARK_ALLOW_ADDRESSES"),
        ("TALLYMARK_SECRETKEY_FILE", "TALLYMARK_SECRET_KEY"),
        ("TALLYMARK_WORKER_THREAD", "TALLYMARK_WORKER_THREADS"),
    ],
)
def test_a_slip_in_a_settings_name_is_told(name: str, meant: str) -> None:
    with pytest.raises(ConfigError, match=f"{name} is no setting: did you mean {meant}?"):
        load({name: "x"})


def test_a_secret_of_the_workspace_may_begin_as_ours_do() -> None:
    names = ("TALLYMARK_GITHUB_TOKEN", "TALLYMARK_API_KEY", "TALLYMARK_NPM_URL", "HOME", "home")
    assert load(dict.fromkeys(names, "x")) == load({})


def test_the_settings_do_not_show_the_key() -> None:
    assert "canary" not in repr(load({"TALLYMARK_SECRET_KEY": "canary" * 8}))
