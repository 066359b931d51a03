from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tallymark.calendar.schedule import Schedule
from tallymark.cubes.read import Cell
from tallymark.metrics.completeness import Subject
from tallymark.metrics.facts import Marks
from tallymark.metrics.plan import Asked
from tallymark.metrics.values import Readings, Totals, Value
from tallymark.model import Period
from tallymark.state.schema import EPOCH, to_us

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def at(day: int, hour: int = 0) -> datetime:
    return datetime(2026, 2, day, hour, tzinfo=UTC)


def asked(first: int, end: int) -> Asked:
    span = Period(at(first), at(end))
    return Asked(span, span)


def cell(day: int, repo: str, value: int, *by: str, hour: int = 1) -> Cell:
    return Cell(to_us(at(day)), (*by, repo), value, to_us(at(day, hour)))


def subject(name: str, first: int = 1) -> Subject:
    return Subject(name=name, start_at=at(first), period=Schedule.parse("1d").period)


A, B = subject("a"), subject("b")


def readings(*cells: Cell, n_by: int = 0, now: datetime = NOW) -> Readings:
    return Readings(cells, n_by, n_by, now)


def test_last_is_summed_over_subjects() -> None:
    found = readings(cell(3, "a", 5), cell(3, "b", -2), cell(4, "a", 6))
    assert found.last((), asked(3, 4), [A, B]) == Value(3)
    assert found.last((), asked(4, 5), [A, B]) == Value(None, ("b",))
    assert found.last((), asked(4, 5), [A]) == Value(6)
    assert found.last((), asked(4, 5), [A, subject("c", 9)]) == Value(6)


def test_a_last_reading_that_is_not_of_the_end_is_shown_and_told() -> None:
    found = readings(cell(3, "a", 5))
    week = Asked(Period(at(3), at(5)), Period(at(3), at(5)))
    assert found.last((), week, [A]) == Value(5, ("a",))
    running = readings(cell(3, "a", 5), now=at(4, 12))
    assert running.last((), week, [A]) == Value(5)


def test_an_increase_may_be_negative_and_needs_both_bounds() -> None:
    found = readings(cell(2, "a", 1000), cell(3, "a", 998), cell(5, "a", 1001))
    assert found.increase((), asked(3, 4), [A]) == Value(-2)
    assert found.increase((), asked(2, 3), [A]) == Value(None, ("a",))
    assert found.increase((), asked(4, 5), [A]) == Value(None, ("a",), unread=True)
    assert found.increase((), asked(5, 6), [A]) == Value(None, ("a",))


def test_a_total_increase_is_null_where_one_is() -> None:
    found = readings(cell(2, "a", 1), cell(3, "a", 2), cell(3, "b", 7))
    assert found.increase((), asked(3, 4), [A, B]) == Value(None, ("b",))
    assert found.increase((), asked(3, 4), []) == Value(None, unread=True)


def test_lines_of_another_dimension_sum_what_is_there() -> None:
    cells = (cell(3, "a", 5, "py"), cell(3, "b", 1, "py"), cell(3, "a", 2, "go"))
    found = readings(*cells, n_by=1)
    assert found.lines() == {("py",), ("go",)}
    assert found.some(("py",), asked(3, 4)) == Value(6)
    assert found.some(("go",), asked(4, 5)) == Value(None)


def test_totals_are_cells() -> None:
    found = Totals([Cell(to_us(at(3)), ("x",), 2)])
    assert found.lines() == {("x",)}
    assert found.value(("x",), asked(3, 4)) == Value(2)
    assert found.value(("y",), asked(3, 4)) == Value(None)


def test_marks_say_which_buckets_the_lake_is_ahead_in() -> None:
    marks = Marks([Period(at(3), at(4)), Period(at(9), at(10))], False)
    ahead = [marks.ahead(Period(at(d), at(d + 1))) for d in (2, 3, 4, 9, 10)]
    assert ahead == [False, True, False, True, False]
    assert marks.ahead(Period(at(1), at(20)))
    assert Marks((), True).ahead(Period(at(1), at(2)))


def test_the_newest_mark_of_a_bucket_is_of_its_own_hours() -> None:
    first = (at(3) - EPOCH) // HOUR
    hours = [(first - 1, at(20)), (first, at(5)), (first + 23, at(6)), (first + 24, at(21))]
    marks = Marks((), False, hours)
    assert marks.newest(Period(at(3), at(4))) == at(6)
    assert marks.newest(Period(at(7), at(8))) is None
    quarter = timedelta(minutes=15)
    assert marks.newest(Period(at(4) - quarter, at(4))) == at(6)
