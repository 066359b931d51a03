from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, event, select

from tallymark.calendar.schedule import Schedule
from tallymark.errors import NotFound
from tallymark.ledger import coverage, due
from tallymark.model import CoverageState, Covered, Stream
from tallymark.state import schema
from tallymark.state.database import reading, writing

from .conftest import START, Ledger, at, spec


def covered(
    start: float, end: float, state: CoverageState = "final", read: float | None = None
) -> Covered:
    return Covered(at(start), at(end), state, None if read is None else at(read))


def write(ledger: Ledger, start: float, end: float, *new: Covered) -> None:
    with writing(ledger.engine) as tx:
        coverage.write(tx, ledger.object().id, at(start), at(end), new)


def load(ledger: Ledger, start: float | None = None, end: float | None = None) -> list[Covered]:
    with reading(ledger.engine) as conn:
        return coverage.load(
            conn,
            ledger.object().id,
            None if start is None else at(start),
            None if end is None else at(end),
        )


@pytest.fixture(autouse=True)
def one_object(ledger: Ledger) -> None:
    ledger.sync(spec(), spec("other"))


def test_what_is_written_joins_its_neighbours(ledger: Ledger) -> None:
    write(ledger, 0, 1, covered(0, 1))
    write(ledger, 2, 3, covered(2, 3))
    write(ledger, 1, 2, covered(1, 2))
    assert load(ledger) == [covered(0, 3)]


def test_what_is_written_takes_the_place_of_what_stood_there(ledger: Ledger) -> None:
    write(ledger, 0, 10, covered(0, 10))
    write(ledger, 3, 5, covered(3, 4, "read", 9))
    assert load(ledger) == [covered(0, 3), covered(3, 4, "read", 9), covered(5, 10)]
    write(ledger, 3, 5, covered(3, 5))
    assert load(ledger) == [covered(0, 10)]
    write(ledger, -5, 20)
    assert load(ledger) == []


def test_only_what_meets_a_range_is_loaded(ledger: Ledger) -> None:
    for n in range(0, 40, 2):
        write(ledger, n, n + 1, covered(n, n + 1))
    assert load(ledger, 10.5, 13) == [covered(10, 11), covered(12, 13)]
    assert load(ledger, 11, 12) == []
    assert load(ledger, 37) == [covered(38, 39)]
    assert load(ledger, None, 2) == [covered(0, 1)]


def test_writing_moves_the_objects_version(ledger: Ledger) -> None:
    before = ledger.object().version
    write(ledger, 0, 1, covered(0, 1))
    assert ledger.object().version == before + 1
    assert ledger.object("other").version == 0


def test_coverage_of_no_object_is_refused(ledger: Ledger) -> None:
    with pytest.raises(NotFound), writing(ledger.engine) as tx:
        coverage.write(tx, 999, at(0), at(1), [])


def test_filling_leaves_what_is_there(ledger: Ledger) -> None:
    write(ledger, 2, 3, covered(2, 3))
    with writing(ledger.engine) as tx:
        coverage.fill(tx, ledger.object().id, [covered(0, 4, "missing"), covered(5, 6, "missing")])
    assert load(ledger) == [
        covered(0, 2, "missing"),
        covered(2, 3),
        covered(3, 4, "missing"),
        covered(5, 6, "missing"),
    ]


def test_the_settled_part_grows_without_gap_and_shrinks_where_it_is_opened(ledger: Ledger) -> None:
    def settled() -> float:
        return (ledger.object().settled_at - START).total_seconds() / 3600

    write(ledger, 1, 2, covered(1, 2))
    assert settled() == 0
    write(ledger, 0, 1, covered(0, 1, "missing"))
    assert settled() == 2
    write(ledger, 2, 4, covered(2, 3), covered(3, 4, "read", 4))
    assert settled() == 3
    write(ledger, 0, 2, covered(0, 2))
    assert settled() == 3
    write(ledger, 1, 2, covered(1, 2, "read", 5))
    assert settled() == 1
    write(ledger, 1, 2, covered(1, 2))
    assert settled() == 3
    write(ledger, 3, 4, covered(3, 4))
    assert settled() == 4
    write(ledger, -9, 1, covered(-9, -8, "read", 5), covered(-8, 1))
    assert settled() == 4
    write(ledger, -9, 1)
    assert settled() == 0


STARS = Stream(name="s", kind="gauge", fields=(), subject="s", key=("ts",))
DOWNLOADS = Stream(
    name="d", kind="series", fields=(), subject="s", key=("ts",), label="day", lag_s=7 * 86_400
)


@contextmanager
def counting(ledger: Ledger) -> Iterator[list[str]]:
    """The statements that were sent."""
    sent: list[str] = []

    def before(_conn: Any, _cursor: Any, statement: str, *_: Any) -> None:
        sent.append(statement)

    event.listen(ledger.engine, "before_cursor_execute", before)
    yield sent
    event.remove(ledger.engine, "before_cursor_execute", before)


def with_holes(ledger: Ledger, hours: int) -> None:
    """Every third hour is missing: nothing of it merges."""
    rows = [covered(n, n + 1, "missing" if n % 3 == 0 else "final") for n in range(hours)]
    write(ledger, 0, hours, *rows)


def a_look(ledger: Ledger, stream: Stream, every: str, now_h: float) -> tuple[due.Plan, int]:
    one = ledger.object()
    with reading(ledger.engine) as conn:
        there = coverage.load(conn, one.id, one.settled_at)
    plan = due.plan(
        stream,
        Schedule.parse(every),
        start_at=one.settled_at,
        coverage=there,
        now=at(now_h),
        note="nobody asked",
    )
    return plan, len(there)


@pytest.mark.parametrize("months", [1, 13])
def test_finding_what_is_due_reads_no_history(ledger: Ledger, months: int) -> None:
    hours = months * 30 * 24
    with_holes(ledger, hours)
    assert len(load(ledger)) > hours / 2
    with counting(ledger) as statements:
        plan, rows = a_look(ledger, STARS, "1h", hours + 0.5)
    assert rows == 0
    assert len(statements) <= 4, statements
    assert [s.start_at for s in plan.spans] == [at(hours)]
    assert plan.missing == ()


def test_the_database_finds_the_open_part_by_its_index(ledger: Ledger) -> None:
    with_holes(ledger, 13 * 30 * 24)
    one = ledger.object()
    steps = plan_of(ledger, lambda conn: coverage.load(conn, one.id, one.settled_at))
    assert steps
    assert not [step for step in steps if "SCAN" in step or "Seq Scan on coverage" in step]


def plan_of(ledger: Ledger, read: Callable[[Connection], object]) -> list[str]:
    """How the database says that it answers."""
    found: list[str] = []
    sqlite = ledger.engine.dialect.name == "sqlite"
    explain = "EXPLAIN QUERY PLAN " if sqlite else "EXPLAIN "

    def before(conn: Any, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if not statement.startswith("SELECT coverage"):
            return
        if not sqlite:
            cursor.execute("ANALYZE coverage")
        cursor.execute(explain + statement, parameters)
        found.extend(str(row[-1]) for row in cursor.fetchall())

    event.listen(ledger.engine, "before_cursor_execute", before)
    try:
        with writing(ledger.engine) as tx:
            read(tx)
    finally:
        event.remove(ledger.engine, "before_cursor_execute", before)
    return found


def test_thirteen_months_of_a_series_are_three_rows(ledger: Ledger) -> None:
    schedule = Schedule.parse("1d")
    days = 390
    for n in range(1, days + 1):
        now = at(24 * n + 1)
        plan, rows = a_look(ledger, DOWNLOADS, "1d", 24 * n + 1)
        assert rows <= 8
        for span in plan.spans:
            had = [at(24 * k) for k in range(n)]
            new = due.after_read(DOWNLOADS, schedule, span, now, had)
            with writing(ledger.engine) as tx:
                coverage.write(tx, ledger.object().id, span.start_at, span.end_at, new)
    with reading(ledger.engine) as conn:
        assert len(conn.execute(select(schema.coverage)).all()) <= 3
    assert ledger.object().settled_at == START + timedelta(days=days - 7)
