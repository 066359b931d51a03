"""The lines, the strip, the sparkline and the words of a card."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tallymark.boards.lines import drawn, strip
from tallymark.boards.number import number
from tallymark.boards.spark import spark
from tallymark.calendar.periods import Calendar
from tallymark.metrics.answer import Bucket, Line
from tallymark.model import Cause, Completeness

UTC_CALENDAR = Calendar()
START = datetime(2026, 8, 1, tzinfo=UTC)
NOW = START + timedelta(days=30)
STATES: dict[str, Completeness] = {
    "c": "complete", "v": "provisional", "p": "partial", "m": "missing",
}  # fmt: skip
RUNNING = Cause("running", "It still runs")


def buckets(values: list[float | None], states: str, *causes: Cause) -> tuple[Bucket, ...]:
    """Days from 1 August; the causes are the last one's."""
    made = [
        Bucket(str(n), START + timedelta(days=n), START + timedelta(days=n + 1), value, STATES[s])
        for n, (value, s) in enumerate(zip(values, states, strict=True))
    ]
    last = made[-1]
    ended = Bucket(
        last.key, last.start_at, last.end_at, last.value, last.completeness, tuple(causes)
    )
    return (*made[:-1], ended)


def test_the_largest_eight_have_names_and_the_rest_is_other() -> None:
    lines = [Line({"path": f"/{n}"}, buckets([n, n], "cc")) for n in range(11)]
    found = drawn(lines, "path")
    assert [one.name for one in found] == [f"/{n}" for n in range(10, 2, -1)] + ["other"]
    assert found[-1].values == (3, 3)
    assert found[-1].other


def test_a_hole_in_a_part_of_other_makes_other_unknown() -> None:
    large = [Line({"p": f"/{n}"}, buckets([99, 99, 99], "ccc")) for n in range(8)]
    rest = [
        Line({"p": "a"}, buckets([None, 1, None], "mcm")),
        Line({"p": "b"}, buckets([2, 2, 2], "ccc")),
    ]
    other = drawn([*large, *rest], "p")[-1]
    assert other.values == (2, 3, None)
    assert other.states == "ccm"


def test_a_value_without_a_name_is_called_none() -> None:
    assert drawn([Line({"p": ""}, buckets([1], "c"))], "p")[0].name == "(none)"


def test_the_strip_is_as_good_as_its_worst_line() -> None:
    lines = [Line({}, buckets([1, 1, 1, 1], "cvmc")), Line({}, buckets([1, 1, None, 1], "ccmc"))]
    assert strip(lines)[0] == "cvmc"
    half = [Line({}, buckets([1], "c")), Line({}, buckets([None], "m"))]
    assert strip(half)[0] == "p"
    assert strip([]) == ("", {})


def test_the_strip_tells_failed_and_waiting_from_missing() -> None:
    failed = Line({}, buckets([None], "m", Cause("failed", "The key was refused")))
    waiting = Line({}, buckets([None], "m", RUNNING, Cause("waiting", "Not yet asked")))
    assert strip([failed]) == ("f", {0: [Cause("failed", "The key was refused")]})
    assert strip([waiting])[0] == "w"


def test_a_sparkline_is_dashed_where_an_end_may_change_and_breaks_where_one_is_missing() -> None:
    found = spark(buckets([0, 10, None, 5, 10], "ccmcp"), from_zero=True)
    assert found is not None
    assert found.solid == "M0.0 26.0L25.0 2.0"
    assert found.dashed == "M75.0 14.0L100.0 2.0"
    assert spark(buckets([None, 1], "mc"), from_zero=True) is None
    assert spark(buckets([1, None, 1], "cmc"), from_zero=True) is None


@pytest.mark.parametrize(
    ("aggregate", "text", "of"),
    [
        ("sum", "12", ""),
        ("count", "12", ""),
        ("max", "7", ""),
        ("min", "2", ""),
        ("last", "2", "as of Mon 3 Aug"),
        ("increase", "2", "Mon 3 Aug"),
    ],
)
def test_a_card_shows_what_the_aggregate_allows(aggregate: str, text: str, of: str) -> None:
    found = number(UTC_CALENDAR, aggregate, "day", buckets([3, 7, 2], "ccc"), NOW)
    assert (found.text, found.of, found.words) == (text, of, "complete")


def test_an_increase_is_the_newest_complete_one_and_never_a_sum() -> None:
    found = number(UTC_CALENDAR, "increase", "day", buckets([5, -2, 9], "ccp", RUNNING), NOW)
    assert (found.text, found.of) == ("−2", "Sun 2 Aug")


@pytest.mark.parametrize(
    ("states", "causes", "words"),
    [
        ("cccc", (), "complete"),
        ("cccp", (RUNNING,), "today runs"),
        ("cmvp", (RUNNING,), "1 of 4 days missing, 1 may still change, today runs"),
        ("cpvv", (), "1 of 4 days partly missing, 2 may still change"),
        ("ccvv", (), "2 of 4 days may still change"),
    ],
)
def test_the_words_name_each_reason_why_a_sum_is_not_final(
    states: str, causes: tuple[Cause, ...], words: str
) -> None:
    values = [None if state == "m" else 1.0 for state in states]
    found = number(UTC_CALENDAR, "sum", "day", buckets(values, states, *causes), NOW)
    assert found.words == words


def test_a_reading_of_a_running_day_says_so() -> None:
    found = number(UTC_CALENDAR, "last", "day", buckets([1, 2], "cp", RUNNING), NOW)
    assert (found.words, found.completeness) == ("still running", "partial")
