from __future__ import annotations

import subprocess
import sys

from sqlalchemy import select

from tallymark.ledger.beats import beating
from tallymark.ledger.boots import lock_is_free
from tallymark.state.database import reading
from tallymark.state.schema import boots
from tests.postgres import until

from .conftest import Ledger

HOLD = """
import fcntl, os, sys
handle = os.open(sys.argv[1], os.O_RDWR)
fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
"""


def beat_no(ledger: Ledger) -> int:
    with reading(ledger.engine) as conn:
        return int(conn.execute(select(boots.c.beat_no)).scalar_one())


def test_every_boot_is_somebody_new(ledger: Ledger) -> None:
    ids = {ledger.node().boot.id for _ in range(5)}
    assert len(ids) == 5


def test_a_boot_beats_by_itself_as_long_as_it_works(ledger: Ledger) -> None:
    node = ledger.node()
    with beating(node, 0.02):
        until(lambda: beat_no(ledger) >= 3, 10)
    stands_at = beat_no(ledger)
    node.boot.beat()
    assert beat_no(ledger) == stands_at + 1


def test_on_sqlite_a_boot_holds_its_lock_against_other_processes(ledger: Ledger) -> None:
    node = ledger.node()
    locks = list((ledger.home / "locks").glob("*.lock"))
    boots_locks = [path for path in locks if path.stem == node.boot.id]
    if ledger.engine.dialect.name == "postgresql":
        assert boots_locks == []
        return
    assert not lock_is_free(boots_locks[0])
    refused = subprocess.run([sys.executable, "-c", HOLD, boots_locks[0]], capture_output=True)
    assert b"BlockingIOError" in refused.stderr
    node.boot.let_go()
    assert lock_is_free(boots_locks[0])


def test_lock_files_of_the_dead_are_cleared_away_and_those_of_the_living_are_not(
    ledger: Ledger,
) -> None:
    if ledger.engine.dialect.name == "postgresql":
        return
    living = ledger.node()
    dead = ledger.home / "locks" / f"{'d' * 32}.lock"
    dead.touch()
    ledger.node()
    assert not dead.exists()
    assert (ledger.home / "locks" / f"{living.boot.id}.lock").exists()


def test_a_closed_boot_says_so(ledger: Ledger) -> None:
    node = ledger.node()
    node.boot.close()
    node.boot.let_go()
    with reading(ledger.engine) as conn:
        assert conn.execute(select(boots.c.ended_at)).scalar_one() == ledger.clock.now()
