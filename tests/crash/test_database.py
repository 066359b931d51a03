"""PostgreSQL goes away in the middle of the work, or its answer to a COMMIT does."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator

import pytest

from tests.crash.conftest import MakeAt, Undisturbed
from tests.postgres import MISSING, PostgresServer, installed, until
from tests.tools.proxy import Proxy

pytestmark = pytest.mark.skipif(not installed(), reason=MISSING)

SOAK = bool(os.environ.get("SOAK"))
DOWN_S = 6.0


@pytest.fixture(scope="module")
def own_server() -> Iterator[PostgresServer]:
    """A server that is stopped and started at will."""
    server = PostgresServer()
    server.start()
    yield server
    server.remove()


DOWN = [(1, signal.SIGINT), (1, signal.SIGQUIT), (2, signal.SIGINT)] * 2 + [(2, signal.SIGQUIT)]


@pytest.mark.soak
@pytest.mark.parametrize(("workers", "how"), DOWN)
def test_a_database_that_is_down_in_mid_work_leaves_nothing_twice(
    workers: int,
    how: signal.Signals,
    own_server: PostgresServer,
    make_at: MakeAt,
    undisturbed: Undisturbed,
) -> None:
    expected, answered = undisturbed("two")
    scene = make_at("two", own_server.url(own_server.create()))
    assert scene.vendor is not None
    # less would make a slow start of this machine look like a death
    scene.env["TALLYMARK_CLAIM_TIMEOUT_S"] = "4"
    scene.vendor.control(fault={"kind": "slow", "seconds": 0.15})
    running = [scene.start() for _ in range(workers)]
    until(lambda: scene.vendor is not None and scene.vendor.asked() >= 4 * workers, 60)
    own_server.stop(how)
    time.sleep(DOWN_S)
    own_server.start()
    assert [scene.zygote.ended(pid) for pid in running] == [0] * workers, scene.logs()
    assert scene.outcome() == expected
    assert scene.vendor.answered() == answered
    assert {row[0] for row in scene.select("SELECT claim_no FROM tasks")} == {1}


# after which statement the next COMMIT's answer is lost, and the kind whose work it is
LOST = {
    "claim": ("series", b"INSERT INTO tasks"),
    "page": ("paged", b"INSERT INTO calls"),
    "batch": ("paged", b"INSERT INTO batches"),
    "last batch": ("gauge", b"INSERT INTO coverage"),
    "stamp": ("push", b"UPDATE inbox SET stamp"),
    "flush": ("push", b"INSERT INTO batches"),
    "delete": ("push", b"DELETE FROM inbox"),
    "cube": ("series", b"UPDATE cube_state_2 SET generation"),
}


FEW = ("page", "batch", "flush", "cube")


@pytest.mark.parametrize("what", LOST if SOAK else FEW)
def test_after_a_commit_whose_answer_was_lost_all_is_right(
    what: str,
    postgres: PostgresServer,
    postgres_template: str,
    make_at: MakeAt,
    undisturbed: Undisturbed,
) -> None:
    kind, statement = LOST[what]
    expected, answered = undisturbed(kind)
    name = postgres.create(postgres_template)
    scene = make_at(kind, postgres.url(name))
    with Proxy("127.0.0.1", postgres.port) as proxy:
        through = postgres.url(name).replace(f":{postgres.port}/", f":{proxy.port}/")
        scene.env["TALLYMARK_DATABASE_URL"] = through
        proxy.drop_answer_to(b"COMMIT", after=statement)
        assert scene.run() == 0, scene.logs()
        assert proxy.dropped.is_set(), "no such commit"
    assert scene.outcome() == expected
    if scene.vendor is not None:
        assert scene.vendor.answered() == answered
    postgres.drop(name)
