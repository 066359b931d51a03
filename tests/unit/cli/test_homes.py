"""What commands do on homes that are new, empty, broken or busy."""

from __future__ import annotations

import os
import socket
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tallymark.cli.common import EXIT_CODES
from tests.tools.ports import free_port
from tests.tools.procs import environment

from .conftest import Place, Run

LOOKING = (("status",), ("series", "x"), ("doctor",), ("token", "list"), ("token", "remove", "x"))
STARTING = (("collect",), ("serve", "--port", "0"), ("work",), ("replay", "a", "b"), ("validate",))


@pytest.mark.parametrize("command", [*LOOKING, *STARTING])
def test_a_home_without_a_workspace_says_what_to_do(
    command: tuple[str, ...], run: Run, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "elsewhere"
    found = run(*command, "--home", str(elsewhere))
    assert found.code == 2
    assert f"there is no workspace at {elsewhere}/workspace" in found.err
    assert "--workspace" in found.err or "--home" in found.err
    if command in LOOKING:
        assert not elsewhere.exists(), "looking makes nothing"


@pytest.mark.parametrize("command", LOOKING)
def test_a_home_in_which_nothing_was_started_says_what_to_do(
    command: tuple[str, ...], place: Place
) -> None:
    found = place.run(*command)
    assert found.code == 2
    assert "run `tallymark serve` or `tallymark collect` first" in found.err


def test_the_database_keeps_the_workspace_where_the_folder_is_gone(place: Place) -> None:
    assert place.run("collect").code == 0
    (place.home / "workspace" / "all.yaml").unlink()
    assert place.run("collect").code == 2, "an empty folder is no wish to stop everything"
    (place.home / "workspace").rmdir()
    for command in (("collect",), ("status",), ("doctor",), ("series", "downloads")):
        assert place.run(*command).code == 0


def test_a_workspace_elsewhere_is_taken_from_there(place: Place, tmp_path: Path) -> None:
    (place.home / "workspace").rename(tmp_path / "mine")
    assert place.run("validate", "--workspace", str(tmp_path / "mine")).code == 0
    assert place.run("collect", "--workspace", str(tmp_path / "mine")).code == 0
    assert place.run("validate").code == 2


@pytest.mark.parametrize("command", ["collect", "serve", "work"])
def test_a_secret_that_is_not_set_stops_the_start(
    command: str, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.write(
        "sources:\n  github:\n    connector: github\n    token: ${MY_TOKEN}\n    streams:\n"
        "      repositories: {subjects: [a/b], start: 2026-01-01}\n"
    )
    arguments = (command, "--port", "0") if command == "serve" else (command,)
    found = place.run(*arguments)
    assert found.code == 2
    assert "source github, `token`: MY_TOKEN is not set: set it, or set MY_TOKEN_FILE" in found.err
    monkeypatch.setenv("MY_TOKEN_FILE", str(place.home / "none"))
    found = place.run(*arguments)
    assert found.code == 2
    assert "MY_TOKEN_FILE names" in found.err
    assert not (place.home / "lake").exists(), "nothing was begun"


@pytest.mark.parametrize("command", [("collect",), ("status",), ("validate",), ("serve",)])
def test_a_wrong_setting_stops_every_command(
    command: tuple[str, ...], place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TALLYMARK_FLUSH_S", "soon")
    found = place.run(*command)
    assert (found.code, found.out) == (2, "")
    assert "TALLYMARK_FLUSH_S: 'soon' is not a number of seconds" in found.err


def test_a_weak_key_stops_the_start(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TALLYMARK_SECRET_KEY", "changeme")
    found = place.run("collect")
    assert found.code == 2
    assert "TALLYMARK_SECRET_KEY" in found.err
    assert "changeme" not in found.err


def test_a_home_that_is_a_file_is_told(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for command in ("collect", "token"):
        more = ("create", "one") if command == "token" else ()
        found = run(command, *more, "--home", str(tmp_path / "file"))
        assert found.code == 2
        assert f"the home {tmp_path}/file cannot be made" in found.err


def test_a_database_that_is_none_is_told(place: Place) -> None:
    (place.home / "tallymark.db").write_bytes(b"not a database, but long enough to be read" * 99)
    for suffix in ("-wal", "-shm"):
        (place.home / f"tallymark.db{suffix}").unlink(missing_ok=True)
    for command in ("status", "collect"):
        found = place.run(command)
        assert found.code == 1
        assert "the database refuses: file is not a database" in found.err


def test_a_database_that_does_not_answer_ends_with_3(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"postgresql://u:canary@127.0.0.1:{free_port()}/t"
    monkeypatch.setenv("TALLYMARK_DATABASE_URL", url)
    for command in ("status", "collect", "doctor"):
        found = place.run(command)
        assert found.code == 3
        assert "the database does not answer" in found.err
        assert "canary" not in found.err


def test_a_port_that_is_taken_is_told(place: Place) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        found = place.run("serve", "--port", str(taken.getsockname()[1]))
    assert found.code == 2
    assert "is taken: give another, or 0 for a free one" in found.err


def test_an_object_in_work_elsewhere_is_not_replayed(place: Place) -> None:
    place.run("collect")
    with sqlite3.connect(place.home / "tallymark.db") as database:
        database.execute(
            "INSERT INTO boots (boot, node, beat_no, started_at, beat_at) "
            "VALUES ('b', 'n', 0, 0, 0)"
        )
        database.execute(
            "INSERT INTO tasks (object_id, state, owner, claim_no, created_at) "
            "SELECT id, 'running', 'b', 1, 0 FROM objects WHERE kind = 'collect'"
        )
    database.close()
    found = place.run("replay", "npm", "downloads")
    assert found.code == 3
    assert "is in work: try again in a moment" in found.err


def test_the_codes_are_those_of_the_reference() -> None:
    reference = (Path(__file__).parents[3] / "docs" / "reference.md").read_text()
    for code, meaning in EXIT_CODES.items():
        assert f"| {code} | {meaning} |" in reference


def test_a_bar_is_drawn_on_a_terminal_only_and_never_in_the_answer(place: Place) -> None:
    """In a process of its own, whose standard error is a terminal."""
    main = "from tallymark.cli import main; main(['collect'])"
    names = ("TALLYMARK_HOME", "TALLYMARK_ALLOW_ADDRESSES")
    env = environment({name: os.environ[name] for name in names} | {"TERM": "xterm"})
    ours, theirs = os.openpty()
    done = subprocess.run(
        [sys.executable, "-c", main], env=env, stdout=subprocess.PIPE, stderr=theirs, check=False
    )
    os.close(theirs)
    drawn = b""
    try:
        while part := os.read(ours, 65536):
            drawn += part
    except OSError:
        pass  # the terminal is gone with its last writer
    os.close(ours)
    assert done.returncode == 0
    assert done.stdout == b"nothing is due any more\n"
    assert b"collecting" in drawn
