"""The servers that other tests stand on: one for all workers, and gone when the run is over."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.servers.azurite import Azurite
from tests.servers.druid import Druid
from tests.servers.kafka import Kafka
from tests.servers.s3 import S3
from tests.servers.shared import KEEPER

SERVER = "import os, time; print(os.getpid(), flush=True); time.sleep(600)"


def test_a_server_is_ended_with_the_run_even_where_that_was_killed(tmp_path: Path) -> None:
    folder = tmp_path / "server"
    folder.mkdir()
    run = subprocess.Popen(["sleep", "600"])
    command = [sys.executable, KEEPER, str(run.pid), folder, sys.executable, "-c", SERVER]
    keeper = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert keeper.stdout is not None
    server = int(keeper.stdout.readline())
    run.send_signal(signal.SIGKILL)  # not waited for yet: a run whose end nobody has noted
    keeper.wait(10)
    assert not Path(f"/proc/{server}").exists()
    assert not folder.exists()
    run.wait()
    keeper.stdout.close()


def test_a_server_is_ended_with_its_keeper(tmp_path: Path) -> None:
    command = [sys.executable, KEEPER, str(os.getpid()), tmp_path, sys.executable, "-c", SERVER]
    keeper = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert keeper.stdout is not None
    server = Path(f"/proc/{int(keeper.stdout.readline())}")
    keeper.kill()
    keeper.wait()
    deadline = time.monotonic() + 10
    while server.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    keeper.stdout.close()


def test_druid_answers_what_was_loaded(druid: Druid) -> None:
    source = druid.name()
    druid.load(source, [{"ts": "2026-11-21T01:00:00Z", "n": 2**53 + 1}], types={"n": "long"})
    assert druid.sql(f"SELECT n FROM {source}") == [{"n": 2**53 + 1}]


def test_kafka_takes_events(kafka: Kafka) -> None:
    kafka.send(kafka.topic(partitions=2), [{"a": "é"}], partition=1)


def test_a_store_has_new_buckets(s3: S3, azurite: Azurite) -> None:
    assert s3.make_bucket() != s3.make_bucket()
    assert azurite.make_container() != azurite.make_container()
