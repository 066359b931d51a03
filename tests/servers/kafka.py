"""A real Kafka (one node, KRaft) for the tests, and a way to send events to it."""

from __future__ import annotations

import itertools
import json
import os
import subprocess
import tempfile
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import pytest

from tests.servers.jars import need_java, program, settings
from tests.servers.shared import WORKER, Note, keep, listens, run, shared, wait
from tests.tools.ports import free_port


@dataclass(frozen=True)
class Kafka:
    """The address of the broker; `topic` and `send` are quick once the first was asked."""

    bootstrap: str
    _sender: list[subprocess.Popen[str]] = field(default_factory=list, repr=False)
    _said: IO[bytes] = field(default_factory=tempfile.TemporaryFile, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)
    _numbers: Iterator[int] = field(default_factory=itertools.count, repr=False)

    def topic(self, partitions: int = 1) -> str:
        """A new topic, empty; its name."""
        name = f"topic-{WORKER}-{os.getpid()}-{next(self._numbers)}"
        self._tell([f"topic {name} {partitions}"])
        return name

    def send(self, topic: str, events: Iterable[Mapping[str, Any]], partition: int = 0) -> None:
        """Send events and wait until the broker has all of them."""
        lines = [f"send {topic} {partition} {json.dumps(event)}" for event in events]
        self._tell([*lines, "flush"])

    def slow(self, client: str, bytes_per_s: int) -> None:
        """Let the readers with a `client.id` have no more than this."""
        self._tell([f"slow {client} {bytes_per_s}"])

    def close(self) -> None:
        for sender in self._sender:
            sender.communicate(timeout=20)
        self._said.close()

    def _tell(self, lines: list[str]) -> None:
        with self._lock:
            if not self._sender:
                command = ["java", "-Xmx64m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
                command += ["-cp", program("kafka"), "Send", self.bootstrap]
                self._sender.append(
                    subprocess.Popen(
                        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                        stderr=self._said, text=True,
                    )
                )  # fmt: skip
            sender = self._sender[0]
            assert sender.stdin is not None
            assert sender.stdout is not None
            sender.stdin.writelines(f"{line}\n" for line in lines)
            sender.stdin.flush()
            if sender.stdout.readline() != "done\n":
                self._said.seek(0)
                raise AssertionError(f"not done: {lines[-1]}: {self._said.read()[-2000:]!r}")


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kafka]:
    """The run's broker."""
    need_java()
    found = Kafka(shared(tmp_path_factory, "kafka", start)["bootstrap"])
    yield found
    found.close()


def start(folder: Path) -> Note:
    broker, controller = free_port(), free_port()
    settings("kafka", folder, broker=broker, controller=controller)
    # an id of a cluster is 16 bytes in base64
    java = ["java", "@jvm.options", "-cp", program("kafka")]
    storage = ["kafka.tools.StorageTool", "format", "-t", "dGFsbHltYXJrLXRlc3RzLQ"]
    run([*java, *storage, "-c", "server.properties"], cwd=folder)
    keeper = keep(folder, [*java, "kafka.Kafka", "server.properties"])
    wait(folder, keeper, lambda: listens(broker), 120)
    return {"bootstrap": f"127.0.0.1:{broker}"}
