from __future__ import annotations

import multiprocessing
from pathlib import Path

import pytest

from tallymark.errors import ConfigError
from tallymark.model import Secret
from tallymark.state.secrets import resolve, secret_key

GOOD = "kD83hs-Zq0_pWn7VxTb5LrYc2MfGj9EaUoXi4"


def test_the_key_is_made_once_and_for_its_owner_only(home: Path) -> None:
    key = secret_key(home, None).reveal()
    assert len(key) == 43
    assert secret_key(home).reveal() == key
    assert (home / "secret.key").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in home.iterdir()] == ["secret.key"]


def test_processes_that_start_at_once_get_the_same_key(home: Path) -> None:
    context = multiprocessing.get_context("spawn")
    with context.Pool(3) as pool:
        keys = pool.map(make, [home] * 12)
        pool.close()
        pool.join()
    assert len(set(keys)) == 1


def make(home: Path) -> str:
    return secret_key(home).reveal()


def test_a_setting_comes_before_the_file(home: Path) -> None:
    assert secret_key(home, GOOD).reveal() == GOOD
    assert secret_key(home, Secret(GOOD)).reveal() == GOOD
    assert list(home.iterdir()) == []


@pytest.mark.parametrize("weak", ["", "short", "a" * 40, "change-me-" * 5, "insecure-" + GOOD])
def test_a_key_that_can_be_guessed_is_refused_with_the_way_to_make_one(
    home: Path, weak: str
) -> None:
    with pytest.raises(ConfigError, match="token_urlsafe"):
        secret_key(home, weak)


def test_a_torn_key_file_is_refused_and_not_replaced(home: Path) -> None:
    (home / "secret.key").write_text("kD83")
    with pytest.raises(ConfigError, match=r"secret\.key"):
        secret_key(home)
    assert (home / "secret.key").read_text() == "kD83"


def test_a_reference_is_a_variable_or_a_file(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("from a file\n")
    env = {"TOKEN": "from the environment", "OTHER_FILE": str(file)}
    assert resolve("${TOKEN}", env).reveal() == "from the environment"
    assert resolve(" ${OTHER} ", env).reveal() == "from a file"


def test_a_reference_that_leads_nowhere_names_what_to_set(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="TOKEN_FILE"):
        resolve("${TOKEN}", {})
    with pytest.raises(ConfigError, match="cannot be read"):
        resolve("${TOKEN}", {"TOKEN_FILE": str(tmp_path / "no")})


def test_a_value_in_the_place_of_a_reference_is_refused_and_not_shown() -> None:
    with pytest.raises(ConfigError) as caught:
        resolve("ghp_verysecret", {})
    assert "ghp_" not in str(caught.value)
