"""A real PostgreSQL for the tests: started on a free loopback port, stopped by its pid."""

from __future__ import annotations

import ctypes
import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
from psycopg import sql

from tests.tools.ports import free_port

BIN = Path("/usr/lib/postgresql/15/bin")
MISSING = f"PostgreSQL 15 is not in {BIN}"

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    # whoever is killed, the system keeps what was written; no test cuts this server's power
    "fsync": "off",
    "shared_buffers": "64MB",
    "max_connections": "200",
    "max_wal_size": "256MB",
    "autovacuum": "off",
    "log_min_messages": "fatal",
}


# what all servers of a run need at most, many times over
LEAST_BYTES = 4 * 2**30


def installed() -> bool:
    return (BIN / "postgres").exists()


class PostgresServer:
    """One server in a folder of its own, for as long as this process lives.

    `zoneinfo`: a folder of zone files that this server sees in the place of the system's (as root).
    """

    def __init__(self, zoneinfo: Path | None = None) -> None:
        self._zoneinfo = zoneinfo
        self.folder = Path(tempfile.mkdtemp(prefix="tallymark-pg-", dir=where_to_live()))
        self.port = free_port()
        self.user = "postgres" if os.geteuid() == 0 else None
        self._process: subprocess.Popen[bytes] | None = None
        self._numbers = itertools.count(1)
        if self.user:
            who = pwd.getpwnam(self.user)
            os.chown(self.folder, who.pw_uid, who.pw_gid)
        self._as_user([BIN / "initdb", "-D", self.folder / "data", "-U", "postgres", "-A", "trust",
                       "-E", "UTF8", "--locale=C", "--no-instructions"])  # fmt: skip

    def start(self) -> None:
        options = [f"{name}={value}" for name, value in SETTINGS.items()]
        command = [
            BIN / "postgres",
            "-D",
            self.folder / "data",
            "-p",
            str(self.port),
            "-k",
            self.folder,
        ]
        for option in options:
            command += ["-c", option]
        user = self.user
        if self._zoneinfo is not None:
            # root makes the mount, then becomes the user by itself
            user, command = None, [*over_zoneinfo(self._zoneinfo), *command]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                command, stdout=log, stderr=log, cwd=self.folder, user=user, group=user,
                extra_groups=[] if user else None, preexec_fn=end_with_parent,
            )  # fmt: skip
        until(self._answers, 30)

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT: open sessions are ended; SIGQUIT: as if the power had gone."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(30)
            self._process = None

    def remove(self) -> None:
        self.stop(signal.SIGQUIT)
        shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, database: str) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def create(self, template: str = "template0") -> str:
        name = f"tallymark_{next(self._numbers)}"
        self._run("CREATE DATABASE {} TEMPLATE {}", name, template)
        return name

    def drop(self, name: str) -> None:
        self._run("DROP DATABASE {} WITH (FORCE)", name)

    def _run(self, statement: str, *names: str) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(*map(sql.Identifier, names)))

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def _as_user(self, command: list[str | Path]) -> None:
        subprocess.run(
            command, check=True, capture_output=True, cwd=self.folder, user=self.user,
            group=self.user, extra_groups=[] if self.user else None,
        )  # fmt: skip


def over_zoneinfo(folder: Path) -> list[str | Path]:
    """What comes before a command that shall see a folder's zone files as those of the system.

    The mount is seen by this one process and ends with it, which stays the child that was started.
    """
    become = "setpriv --reuid=postgres --regid=postgres --clear-groups --pdeathsig QUIT"
    script = f'mount --bind "$0" /usr/share/zoneinfo && exec {become} -- "$@"'
    return ["unshare", "--mount", "sh", "-c", script, folder]


def where_to_live() -> str:
    """In memory where there is much of it: a new database is a copy of 300 files, which takes a
    disk a tenth of a second and more."""
    memory = "/dev/shm"
    roomy = os.access(memory, os.W_OK) and shutil.disk_usage(memory).free >= LEAST_BYTES
    return memory if roomy else "/tmp"


def end_with_parent() -> None:
    """Ask Linux to stop this child when its parent dies, however it dies."""
    ctypes.CDLL(None).prctl(1, signal.SIGQUIT)


def until(true: Callable[[], bool], seconds: float) -> None:
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            raise TimeoutError(f"not so within {seconds} s: {true}")
        time.sleep(0.02)
