from __future__ import annotations

import random
import sqlite3
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pyiceberg.expressions import EqualTo
from sqlalchemy import delete, inspect, text

from tallymark.cubes.store import CubeStore
from tallymark.errors import CommitConflict, FatalError, RetryableError
from tallymark.lake.maintain import maintain
from tallymark.ledger import objects
from tallymark.ledger.objects import ObjectSpec
from tallymark.model import CubeSpec, Measure
from tallymark.state.database import Databases, open_databases, reading, writing
from tallymark.state.schema import heads, iceberg_tables, touched
from tests.contract.cubes.conftest import MakeHouse
from tests.contract.cubes.house import HITS_CUBE, House

AT = datetime(2025, 10, 20, tzinfo=UTC)
NAME = "site.hits"
STEPS = ("cube.marks_read", "cube.computed", "cube.replaced")


def hit(hours: float, n_bytes: int = 1) -> dict[str, Any]:
    return {"ts": AT + timedelta(hours=hours), "site": "a", "path": "/", "bytes": n_bytes}


def level(house: House) -> None:
    house.level(NAME)
    assert not house.refresh.behind(HITS_CUBE)
    assert house.cube(NAME) == house.recomputed(NAME)


class Interrupting:
    """Does something else when a step of the refresh is reached, once."""

    def __init__(self, step: str) -> None:
        self.step = step
        self.then: Any = None

    def __call__(self, step: str) -> None:
        if step == self.step and self.then is not None:
            then, self.then = self.then, None
            then()


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("rebuild", [False, True], ids=["refresh", "rebuild"])
def test_a_commit_that_lands_while_a_refresh_runs_is_not_left_out(
    make_house: MakeHouse, step: str, rebuild: bool
) -> None:
    interrupting = Interrupting(step)
    house = make_house(reached=interrupting)
    first = house.commit(NAME, [hit(1), hit(30)])
    if not rebuild:
        level(house)
    house.commit(NAME, [hit(2)])

    def meanwhile() -> None:
        house.commit(NAME, [hit(2, 7), hit(99)])
        span = {"start_at": AT, "end_at": AT + timedelta(hours=2)}
        house.commit(NAME, [], replaces=(first,), **span)

    interrupting.then = meanwhile
    house.level(NAME)
    assert interrupting.then is None
    assert house.refresh.behind(HITS_CUBE)
    level(house)


def test_a_commit_wakes_its_cube_while_somebody_puts_the_look_off_in_the_same_instant(
    make_house: MakeHouse,
) -> None:
    house = make_house()
    engine, now = house.databases.control, house.clock.now()
    source, _, stream = NAME.partition(".")
    cube = ObjectSpec(
        kind="cube", source=source, stream=stream, subject="", every="5m", start_at=now
    )
    with writing(engine) as tx:
        objects.sync(tx, [cube], now)
    with reading(engine) as conn:
        (seen,) = objects.load(conn, kind="cube")
    house.commit(NAME, [hit(1)])
    with writing(engine) as tx:
        objects.set_check_at(tx, seen, now + timedelta(seconds=5), now)
    with reading(engine) as conn:
        assert [o.id for o in objects.to_check(conn, now, 9, ["cube"])] == [seen.id]


def test_a_cube_is_right_after_commits_from_another_thread(make_house: MakeHouse) -> None:
    house, rng = make_house(), random.Random(3)

    def commits() -> None:
        earlier: list[int] = []
        for n in range(12):
            if n % 5 == 4:
                span = {"start_at": AT, "end_at": AT + timedelta(hours=24)}
                replaces = tuple(earlier)
                earlier.append(house.commit(NAME, [hit(n)], replaces=replaces, **span))
            else:
                earlier.append(house.commit(NAME, [hit(rng.randrange(72)) for _ in range(3)]))

    thread = threading.Thread(target=commits)
    thread.start()
    while thread.is_alive():
        house.level(NAME)
    thread.join()
    level(house)


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("rebuild", [False, True], ids=["refresh", "rebuild"])
def test_a_refresh_that_ends_anywhere_is_made_good_by_the_next(
    make_house: MakeHouse, step: str, rebuild: bool
) -> None:
    def gone() -> None:
        raise KeyboardInterrupt

    interrupting = Interrupting(step)
    house = make_house(reached=interrupting)
    house.commit(NAME, [hit(1), hit(30)])
    if not rebuild:
        level(house)
    house.commit(NAME, [hit(1), hit(2000)])
    interrupting.then = gone
    with pytest.raises(KeyboardInterrupt):
        house.level(NAME)
    level(make_house())


def test_a_stale_refresh_changes_nothing(make_house: MakeHouse) -> None:
    interrupting = Interrupting("cube.computed")
    stale, other = make_house(reached=interrupting), make_house()
    stale.commit(NAME, [hit(1)])
    level(stale)
    stale.commit(NAME, [hit(2)])

    def overtaken() -> None:
        level(other)
        other.commit(NAME, [hit(2, 9)])
        level(other)

    interrupting.then = overtaken
    with pytest.raises(CommitConflict):
        stale.level(NAME)
    assert stale.cube(NAME) == stale.recomputed(NAME)


@pytest.mark.parametrize("step", ["cube.marks_read", "cube.computed"])
def test_a_stale_rebuild_changes_nothing(make_house: MakeHouse, step: str) -> None:
    interrupting = Interrupting(step)
    stale, other = make_house(reached=interrupting), make_house()
    stale.commit(NAME, [hit(1), hit(3000)])
    interrupting.then = lambda: level(other)
    with pytest.raises(CommitConflict):
        stale.level(NAME)
    level(stale)


def test_nothing_is_left_of_earlier_generations(make_house: MakeHouse) -> None:
    for zone in ("UTC", "Europe/Berlin", "Asia/Kathmandu"):
        house = make_house(zone=zone)
        if zone == "UTC":
            house.commit(NAME, [hit(1)])
        level(house)
    names = [n for n in inspect(house.databases.cubes).get_table_names() if "_data_" in n]
    assert len(names) == 1


def test_a_refresh_without_marks_only_moves_the_number(house: House) -> None:
    house.commit(NAME, [hit(1)])
    level(house)
    before = house.cube(NAME)
    # compaction moves the head, and marks nothing
    for n in range(3):
        house.commit(NAME, [hit(n)])
    level(house)
    before = house.cube(NAME)
    house.clock.set(AT + timedelta(days=400))
    maintain(house.lake, NAME, house.clock.now(), lambda tx: None)
    assert house.refresh.behind(HITS_CUBE)
    level(house)
    assert house.cube(NAME) == before


def test_a_table_made_anew_means_a_rebuild(house: House) -> None:
    house.commit(NAME, [hit(1), hit(2)])
    level(house)
    house.lake.catalog.drop_table(NAME)
    house.commit(NAME, [hit(5)])
    assert house.refresh.behind(HITS_CUBE)
    level(house)
    assert len([k for k in house.cube(NAME) if k[0] == "hour"]) == 1


def test_without_a_table_there_is_nothing_to_do(house: House) -> None:
    assert not house.refresh.behind(HITS_CUBE)
    house.level()
    house.commit(NAME, [hit(1)])
    level(house)
    with writing(house.databases.control) as tx:
        for table in (iceberg_tables, heads, touched):
            tx.execute(delete(table))
    assert not house.refresh.behind(HITS_CUBE)
    house.level(NAME)


def test_a_new_metric_means_a_rebuild(make_house: MakeHouse) -> None:
    house = make_house()
    house.commit(NAME, [hit(1, 5), hit(2, 6)])
    level(house)
    spec = CubeSpec(NAME, ("site",), (Measure("min_bytes", "min", "bytes"),))
    later = make_house(cubes={NAME: spec})
    assert later.refresh.behind(spec)
    later.level(NAME)
    assert later.cube(NAME) == later.recomputed(NAME)


def test_a_commit_of_another_program_is_refused_with_the_reason(house: House) -> None:
    house.commit(NAME, [hit(1)])
    level(house)
    house.lake.catalog.load_table(NAME).delete(EqualTo("site", "a"))
    assert not house.refresh.behind(HITS_CUBE)
    # our own commits on top of it do not hide it
    house.commit(NAME, [hit(2)])
    assert house.refresh.behind(HITS_CUBE)
    with pytest.raises(FatalError, match="written to by another program"):
        house.level(NAME)


def test_losing_the_cubes_loses_nothing(house: House, database_url: str | None, home: Path) -> None:
    house.commit(NAME, [hit(1), hit(2)])
    level(house)
    before = house.cube(NAME)
    if database_url is None:
        for ending in ("", "-wal", "-shm"):
            (home / f"cubes.db{ending}").unlink(missing_ok=True)
    else:
        drop_all(house.databases)
    assert house.store.state(NAME) is None
    level(house)
    assert house.cube(NAME) == before


def drop_all(databases: Databases) -> None:
    with writing(databases.cubes) as tx:
        for name in inspect(tx).get_table_names():
            if name.startswith("cube_"):
                tx.execute(text(f'DROP TABLE "{name}"'))


def test_tables_of_another_format_are_dropped(house: House) -> None:
    with writing(house.databases.cubes) as tx:
        tx.execute(text("CREATE TABLE cube_state_0 (cube text)"))
        tx.execute(text("CREATE TABLE cube_data_old_g1 (cube text)"))
    house.commit(NAME, [hit(1)])
    level(house)
    with reading(house.databases.cubes) as conn:
        names = [n for n in inspect(conn).get_table_names() if n.startswith("cube_")]
    assert len(names) == 2
    assert "cube_state_0" not in names


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
class TestDamage:
    def test_a_damaged_file_is_thrown_away_and_built_anew(self, house: House, home: Path) -> None:
        house.commit(NAME, [hit(n) for n in range(400)])
        level(house)
        other = CubeStore(house.databases.cubes)
        spoil(home / "cubes.db")
        house.commit(NAME, [hit(1)])
        with pytest.raises(RetryableError, match="built anew"):
            house.level(NAME)
        level(house)
        assert other.state(NAME) == house.store.state(NAME)

    def test_a_file_that_is_none_is_thrown_away_at_the_start(
        self, databases: Databases, home: Path, make_house: MakeHouse
    ) -> None:
        databases.close()
        spoil(home / "cubes.db", whole=True)
        open_databases(None, home).close()
        house = make_house()
        house.commit(NAME, [hit(1)])
        with pytest.raises(RetryableError, match="built anew"):
            house.level(NAME)
        level(house)


def spoil(path: Path, *, whole: bool = False) -> None:
    if not whole:
        # all into the file, so that nothing whole is left in its log
        with sqlite3.connect(path) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.close()
    data = bytearray(path.read_bytes())
    start = 0 if whole else 4096
    data[start:] = b"\xa5" * (len(data) - start)
    path.write_bytes(data)
    for ending in ("-wal", "-shm"):
        path.with_name(path.name + ending).unlink(missing_ok=True)
