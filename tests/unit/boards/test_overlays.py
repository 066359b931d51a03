"""What is laid beside a board's numbers, and what is said of it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from tallymark.boards.board import BoardReader
from tallymark.boards.change import Change
from tallymark.boards.change import change as of_series
from tallymark.boards.define import BoardSpec, CardSpec
from tallymark.boards.numbers import difference
from tallymark.boards.overlays import align_matters, overlay_name
from tallymark.boards.view import Asked, view
from tallymark.calendar.periods import Calendar
from tallymark.metrics.answer import Bucket, Compared, ComparedBucket, Line, Series
from tests.web_world import METRICS, World, world

SUNDAYS = Calendar("Europe/Berlin", "sunday", 10)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)


def board(**card: Any) -> BoardSpec:
    return BoardSpec(name="b", title="B", cards=(CardSpec(**card),))


def here(calendar: Calendar | None = None) -> World:
    made = world(calendar) if calendar else world()
    made.numbers.since_at = LONG_AGO
    return made


def change(of: World, metric: str, **asked: str) -> Change:
    reader, spec = of.services.board_reader, board(kind="number", metric=metric)
    found = reader.page(spec, _view(reader, spec, of, asked), of.clock.now())[0].change
    assert found is not None
    return found


def chart(of: World, metric: str, by: str | None = None, **asked: str) -> Any:
    reader, spec = of.services.board_reader, board(kind="line", metric=metric, by=by)
    return reader.data(spec, _view(reader, spec, of, asked), of.clock.now())["cards"][0]


def _view(reader: BoardReader, spec: BoardSpec, of: World, asked: dict[str, str]) -> Any:
    finests, calendar = reader.finests(spec), reader.calendar(spec)
    return view(spec, Asked(**asked), finests, calendar, of.clock.now())


@pytest.mark.parametrize(
    ("name", "told"),
    [
        (overlay_name("prev", "date", "day", 28), "previous 28 days"),
        (overlay_name("prev", "date", "month", 1), "previous month"),
        (overlay_name("year", "date", "day", 28), "a year before"),
        (overlay_name("year", "weekday", "week", 14), "52 weeks before"),
        (overlay_name("month", "weekday", "day", 28), "4 weeks before"),
        (overlay_name("week", "weekday", "day", 28), "a week before"),
        (overlay_name("year", "weekday", "month", 12), "a year before"),
        (overlay_name("prev", "date", "day"), "previous range"),
    ],
)
def test_an_overlay_is_called_by_what_it_lays_beside(name: str, told: str) -> None:
    assert name == told


def test_alignment_is_asked_only_where_it_changes_something() -> None:
    assert not align_matters("month", ("year",))
    assert not align_matters("day", ("prev", "week"))
    assert align_matters("day", ("year",))
    assert align_matters("week", ())  # by weekday there are more


@pytest.mark.parametrize(
    ("value", "than", "told"),
    [
        (120, 100, "+20 (+20.0 %)"),
        (80, 100, "−20 (−20.0 %)"),
        (3, 1, "+2 (+200 %)"),
        (5, 0, "+5"),
        (-5, -10, "+5 (+50.0 %)"),
        (100_004, 100_000, "+4 (0.0 %)"),
    ],
)
def test_a_difference_has_a_sign_and_a_percentage(value: int, than: int, told: str) -> None:
    assert difference(value, than) == told


def test_a_number_says_how_much_more_than_what() -> None:
    found = change(here(), "stars", range="28d", compare="prev")
    assert (found.arrow, found.word, found.tone) == ("▲", "more", "good")
    assert found.than == "than the previous 28 days"
    assert found.notes == ()
    plain = change(here(), "downloads", range="28d", compare="prev")
    assert (plain.arrow, plain.tone) == ("▼", "")


def test_31_days_against_28_are_said_and_compared_a_day() -> None:
    march = {"from_on": "2026-03-01", "to_on": "2026-03-31"}
    by_months = change(here(), "views", **march, grain="month", compare="month")
    by_days = change(here(), "views", **march, grain="day", compare="month")
    for found in (by_months, by_days):
        assert found.notes[0].startswith("31 days against 28: ")
        assert found.notes[0].endswith(" a day")


def test_what_is_not_known_on_one_side_counts_on_neither() -> None:
    of = here()
    of.numbers.since_at = datetime(2026, 10, 1, 22, tzinfo=UTC)
    found = change(of, "views", range="28d", compare="prev")
    assert found.notes == ("3 of 28 days left out: not known on both sides",)
    assert change(of, "views", range="28d", compare="year").reason == (
        "Nothing to compare with a year before: its numbers are not known."
    )


def test_our_own_hole_is_not_compared_with_what_there_was() -> None:
    of = here()
    at, until = datetime(2026, 11, 1, 23, tzinfo=UTC), datetime(2026, 11, 4, 23, tzinfo=UTC)
    days = of.numbers.cut.periods("day", at, until)
    own = [
        Bucket(str(n), d.start_at, d.end_at, v, "complete")
        for n, (d, v) in enumerate(zip(days, (None, 30, 30), strict=True))
    ]
    beside = [
        ComparedBucket(
            b.key, b.start_at, b.end_at, b.start_at, b.end_at, 20, "complete", (), 1, 1, b.value
        )
        for b in own
    ]
    line = Line({}, tuple(own), {"prev": Compared(3, 3, tuple(beside))})
    series = Series("views", "views", "day", of.numbers.cut, at, until, until, (line,))
    found = of_series(METRICS["views"], series, of.clock.now())
    assert found is not None
    assert (found.text, found.exact) == ("+20 (+50.0 %)", "60 against 40 views")
    assert found.notes == ("1 of 3 days left out: not known on both sides",)


def test_without_any_partner_the_reason_stands_in_the_changes_place() -> None:
    leap = {"from_on": "2024-02-29", "to_on": "2024-02-29"}
    found = change(here(), "views", **leap, grain="day", compare="year")
    assert found.reason == ("Nothing to compare with a year before: February 2023 has no day 29.")


def test_a_running_month_is_compared_as_far_as_it_has_come() -> None:
    found = change(here(), "views", range="mtd", grain="month", compare="month")
    assert found.notes == ("compared up to 15:00",)
    daily = change(here(), "downloads", range="mtd", grain="month", compare="month")
    assert daily.notes == ("compared up to Mon 23 Nov",)


def test_a_shorter_earlier_month_is_whole_and_says_so() -> None:
    of = here()
    of.clock.set(datetime(2026, 3, 30, 10, 10, tzinfo=UTC))
    found = change(of, "views", range="mtd", grain="month", compare="month")
    assert found.notes[:2] == ("compared up to 12:00", "Feb 2026 whole: it is shorter")
    assert found.notes[2].startswith("30 days against 28: ")
    laid = chart(of, "views", range="mtd", grain="month", compare="month")["overlays"][0]
    assert laid["titles"] == ["Feb 2026"]
    assert laid["notes"] == {"0": ["compared up to 12:00", "Feb 2026 whole: it is shorter"]}
    assert laid["days"] == {"0": [30, 28]}
    assert laid["said"] == "30 days against 28"


def test_a_chart_names_each_partner_and_why_one_is_not_there() -> None:
    march = {"from_on": "2026-03-01", "to_on": "2026-03-31"}
    drawn = chart(here(), "views", **march, grain="day", compare="month,prev")
    month, prev = drawn["overlays"]
    assert (month["name"], month["title"], month["said"]) == (
        "month", "a month before", "31 days against 28",
    )  # fmt: skip
    assert (month["titles"][0], month["titles"][30]) == ("Sun 1 Feb 2026", "")
    assert month["notes"]["30"] == ["February 2026 has no day 31"]
    assert prev["titles"][0] == "Thu 29 Jan 2026"
    assert drawn["lines"][0]["overlays"]["month"]["values"][28:] == (None, None, None)


def test_a_running_bucket_says_how_far_and_which_part_of_it() -> None:
    drawn = chart(here(), "views", range="mtd", grain="day", compare="week")
    laid = drawn["overlays"][0]
    assert laid["titles"][-1] == "Tue 17 Nov 2026, up to 15:00"
    assert laid["notes"] == {"23": ["compared up to 15:00"]}
    line = drawn["lines"][0]
    assert list(line["overlays"]["week"]["of"]) == ["23"]
    assert line["overlays"]["week"]["of"]["23"] < line["values"][23]


def test_every_line_has_its_own_and_other_adds_up_what_is_beyond_eight() -> None:
    drawn = chart(here(), "views", by="path", range="28d", grain="day", compare="prev")
    assert len(drawn["lines"]) == 9
    assert [len(line["overlays"]["prev"]["values"]) for line in drawn["lines"]] == [28] * 9
    first, *_, other = drawn["lines"]
    assert other["name"] == "other"
    assert 0 < other["overlays"]["prev"]["values"][0] < first["overlays"]["prev"]["values"][0]


def test_labels_speak_the_workspaces_weeks_and_years() -> None:
    weeks = chart(here(SUNDAYS), "views", range="91d", grain="week", compare="prev,year")
    assert weeks["overlays"][0]["titles"][1] == "24–30 May 2026"
    assert weeks["overlays"][1]["title"] == "a year before"
    quarters = chart(here(SUNDAYS), "views", from_on="2025-10-01", grain="quarter", compare="year")
    assert quarters["overlays"][0]["titles"][:2] == ["Q1 FY25", "Q2 FY25"]


def test_a_board_without_overlays_asks_for_none_and_a_number_for_one() -> None:
    of = here()
    reader, spec = of.services.board_reader, board(kind="number", metric="views")
    for compare, most in (("", 0), ("prev,year", 1)):
        of.numbers.asked.clear()
        reader.page(spec, _view(reader, spec, of, {"compare": compare}), of.clock.now())
        assert max(len(query.compare) for query in of.numbers.asked) == most
    both = replace(spec, compare=("year",))
    assert _view(reader, both, of, {}).compare == ("year",)
