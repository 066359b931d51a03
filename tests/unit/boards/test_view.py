"""What an address asks for, and which grains make sense for it."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from tallymark.boards.define import BoardSpec
from tallymark.boards.offer import Finest, at_least, choices, choose, finest
from tallymark.boards.view import Asked, View, view
from tallymark.calendar.periods import Calendar
from tallymark.errors import BadRequest
from tallymark.model import Field, Stream

BOARD = BoardSpec(name="b", title="B", cards=())
NOW = datetime(2026, 11, 24, 14, 25, tzinfo=UTC)
BERLIN = Calendar("Europe/Berlin")
DAILY = Finest("day", "read once a day")


def shown(zone: str = "Europe/Berlin", now: datetime = NOW, **asked: str) -> View:
    return view(BOARD, Asked(**asked), [Finest()], Calendar(zone), now)


@pytest.mark.parametrize(
    ("name", "first"),
    [("mtd", date(2026, 11, 1)), ("qtd", date(2026, 10, 1)), ("13m", date(2025, 11, 1))],
)
def test_a_running_range_ends_with_the_present_and_today_is_in_it(name: str, first: date) -> None:
    found = shown(range=name)
    assert (found.first_on, found.last_on) == (first, date(2026, 11, 24))
    assert found.between(BERLIN, NOW)[1] == NOW


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("7d", date(2026, 11, 17), date(2026, 11, 23)),
        ("12m", date(2025, 11, 1), date(2026, 10, 31)),
        ("last_month", date(2026, 10, 1), date(2026, 10, 31)),
        ("P3M", date(2026, 8, 24), date(2026, 11, 23)),
    ],
)
def test_an_ended_range_ends_where_its_last_day_does(name: str, first: date, last: date) -> None:
    found = shown(range=name)
    assert (found.first_on, found.last_on) == (first, last)
    assert found.between(BERLIN, NOW)[1] == BERLIN.day(last).end_at


def test_fiscal_years_and_the_first_weekday_are_the_calendars() -> None:
    sundays = Calendar("Europe/Berlin", "sunday", 10)
    year = view(BOARD, Asked(range="ytd"), [Finest()], sundays, NOW)
    week = view(BOARD, Asked(range="LAST_WEEK"), [Finest()], sundays, NOW)
    assert year.first_on == date(2026, 10, 1)
    assert (week.first_on, week.last_on) == (date(2026, 11, 15), date(2026, 11, 21))


def test_a_range_starts_where_the_day_starts_in_the_zone() -> None:
    from_at, _ = shown(range="mtd").between(BERLIN, NOW)
    assert from_at == datetime(2026, 10, 31, 23, tzinfo=UTC)


def test_the_board_decides_where_the_address_says_nothing() -> None:
    assert (shown().range, shown().grain) == ("28d", "day")


def test_custom_dates_are_both_included() -> None:
    found = shown(from_on="2026-08-03", to_on="2026-08-09", grain="hour")
    assert found.range == "custom"
    from_at, to_at = found.between(BERLIN, NOW)
    assert from_at == datetime(2026, 8, 2, 22, tzinfo=UTC)
    assert to_at == datetime(2026, 8, 9, 22, tzinfo=UTC)


def test_what_lies_ahead_is_left_out() -> None:
    assert shown(from_on="2026-11-20", to_on="2027-01-01").last_on == date(2026, 11, 24)


def test_a_day_that_never_was_is_passed_over() -> None:
    found = shown("Pacific/Apia", from_on="2011-12-30", to_on="2012-01-02")
    from_at, _ = found.between(Calendar("Pacific/Apia"), NOW)
    assert from_at == datetime(2011, 12, 30, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"range": "5d"}, "did you mean 7d"),
        ({"grain": "minute"}, "there is no grain"),
        ({"compare": "prev,yaer"}, "did you mean year"),
        ({"align": "weekdays"}, "there are date, weekday"),
        ({"from_on": "yesterday"}, "such as 2026-08-03"),
        ({"from_on": "2026-08-03", "to_on": "2026-08-01"}, "before it starts"),
        ({"from_on": "2027-08-03", "to_on": "2027-08-04"}, "lies ahead"),
        ({"from_on": "1979-12-31"}, "before 1980-01-01"),
        ({"to_on": "2026-08-01"}, "from ''"),
    ],
)
def test_what_does_not_exist_is_refused_with_what_does(asked: dict[str, str], said: str) -> None:
    with pytest.raises(BadRequest, match=said):
        shown(**asked)


def test_a_grain_that_makes_no_sense_says_why() -> None:
    reasons = {one.grain: one.reason for one in choices(91, [DAILY, Finest()])}
    assert reasons["hour"].startswith("Too fine for 91 days")
    assert reasons["year"].startswith("A year is longer than 91 days")
    assert not any(reasons[grain] for grain in ("day", "week", "month", "quarter"))  # type: ignore[index]


def test_a_grain_finer_than_every_schedule_says_why() -> None:
    reasons = {one.grain: one.reason for one in choices(7, [DAILY])}
    assert reasons["hour"] == "Nothing here has a finer grain: read once a day"


def test_a_grain_that_has_only_begun_is_offered_for_the_range_to_date() -> None:
    assert shown(range="mtd", grain="month").grain == "month"
    assert shown(range="ytd", grain="year").grain == "year"
    assert shown(range="7d", grain="month").grain == "week"


def test_overlays_are_the_addresss_or_the_boards_own() -> None:
    own = BoardSpec(name="b", title="B", cards=(), compare=("prev",), align="weekday")
    made = [
        view(own, Asked(compare=text), [Finest()], BERLIN, NOW) for text in (None, "year,week", "")
    ]
    assert [one.compare for one in made] == [("prev",), ("year", "week"), ()]
    assert {one.align for one in made} == {"weekday"}
    assert shown().compare == ()


def test_an_overlay_that_the_grain_refuses_waits_and_says_why() -> None:
    found = shown(range="91d", grain="week", compare="month,year")
    assert found.drawn("week") == ("year",)
    month = found.overlays[2]
    assert (month.overlay, month.on) == ("month", True)
    assert "weeks do not divide months" in month.reason
    assert shown(range="91d", grain="day", compare="month").drawn("day") == ("month",)


def test_a_card_of_a_coarser_grain_leaves_out_what_its_own_grain_refuses() -> None:
    found = shown(range="91d", grain="day", compare="week,year")
    assert found.drawn("month") == ("year",)


def test_a_range_is_made_of_whole_periods_or_not() -> None:
    assert shown(range="LAST_MONTH").is_whole(BERLIN, "month", NOW)
    assert shown(range="mtd").is_whole(BERLIN, "month", NOW)
    assert not shown(range="28d").is_whole(BERLIN, "week", NOW)
    assert shown(range="28d").is_whole(BERLIN, "day", NOW)


def test_a_dimmed_grain_gives_way_to_the_nearest() -> None:
    assert choose("hour", choices(91, [Finest()])) == "day"
    assert choose("year", choices(91, [Finest()])) == "quarter"
    assert choose("year", choices(1, [Finest()])) == "day"


def test_a_card_keeps_the_grain_that_its_metric_has() -> None:
    assert at_least("hour", DAILY) == "day"
    assert at_least("month", DAILY) == "month"


def stream(**known: object) -> Stream:
    whole = {"name": "s", "kind": "gauge", "fields": (Field("a", "text"),), "subject": "a"}
    return Stream(**{**whole, "key": ("a",), **known})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("known", "step_s", "grain"),
    [
        ({}, 3600, "hour"),
        ({}, 6 * 3600, "day"),
        ({}, 86_400, "day"),
        ({}, 7 * 86_400, "week"),
        ({}, 400 * 86_400, "year"),
        ({"kind": "series", "label": "day"}, 3600, "day"),
        ({"kind": "push"}, 86_400, "hour"),
    ],
)
def test_the_finest_grain_follows_the_schedule(
    known: dict[str, object], step_s: float, grain: str
) -> None:
    assert finest(stream(**known), step_s).grain == grain
