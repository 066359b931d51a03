from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tallymark.cli.common import node_of, settings
from tallymark.cli.serving import listen, run_web
from tallymark.wiring.serving import Server
from tests.services.program import COMMAND, Program
from tests.tools.procs import environment
from tests.unit.cli.conftest import Place


def test_the_doctor_says_why_changed_files_are_not_used(place: Place) -> None:
    assert place.run("collect").code == 0
    place.write("calendar: {zone: Europe/Berlim}")
    (told,) = place.run("doctor", "--json").json["problems"]
    assert told.startswith("the changed workspace is not used: all.yaml:1: ")
    place.write_good()
    assert place.run("doctor").code == 0


def test_a_server_whose_work_ends_in_an_error_ends_with_it(place: Place) -> None:
    def work() -> None:
        assert server.prepared.is_set()
        raise RuntimeError("nobody thought of this")

    server = Server(node_of(settings(place.home)))
    with pytest.raises(RuntimeError, match="nobody thought of this"):
        run_web(server, listen("127.0.0.1", 0), work)
    assert server.stop.is_set()


def test_it_can_be_ended_as_soon_as_it_has_said_its_address(tmp_path: Path) -> None:
    """Before anything else is there, uvicorn too."""
    program = Program(tmp_path / "home")
    program.define("calendar: {zone: UTC}\n")
    command = [COMMAND, "serve", "--port", "0"]
    env = environment(program.env)
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, text=True) as serve:
        try:
            assert serve.stdout is not None
            assert serve.stdout.readline().startswith("http://127.0.0.1:")
            serve.terminate()
            assert serve.wait(30) == 0
        finally:
            serve.kill()
