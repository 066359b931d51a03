from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from tallymark.calendar.periods import Calendar
from tallymark.errors import BadRequest
from tallymark.metrics.ranges import Range, asked_range, range_of

BERLIN = Calendar("Europe/Berlin")
APIA = Calendar("Pacific/Apia")
NOW = datetime(2026, 11, 24, 14, 25, tzinfo=UTC)


def at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc, arg-type]


def test_a_range_is_dates_of_the_zone_or_instants() -> None:
    assert asked_range("2026-10-25", "2026-10-25", BERLIN) == (
        at(2026, 10, 24, 22),
        at(2026, 10, 25, 23),
    )
    whole = asked_range("2026-03-01T00:00:00+01:00", "2026-03-02T00:00:00Z", BERLIN)
    assert whole == (at(2026, 2, 28, 23), at(2026, 3, 2))
    # a plus sign that a browser made a blank
    assert asked_range("2026-03-01T00:00:00 01:00", "2026-03-02", BERLIN)[0] == at(2026, 2, 28, 23)


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01", "2026-03-01T00:00:00", "20260301"])
def test_what_is_no_date_and_no_instant_is_refused(text: str) -> None:
    with pytest.raises(BadRequest, match="`from` is"):
        asked_range(text, "2026-03-02", BERLIN)


def test_a_range_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(BadRequest, match="lies before"):
        asked_range("2026-03-02", "2026-03-01", BERLIN)


def test_a_range_before_1980_is_refused() -> None:
    for text in ("1979-12-31", "0001-01-01", "1979-12-31T22:59:59Z"):
        with pytest.raises(BadRequest, match="lies before 1980-01-01, where the calendar begins"):
            asked_range(text, "2026-03-01", BERLIN)
    assert asked_range("1980-01-01", "1980-01-01", BERLIN)[0] == at(1979, 12, 31, 23)


def test_a_date_that_never_was_ends_where_the_next_one_begins() -> None:
    assert asked_range("2011-12-30", "2011-12-31", APIA) == (
        at(2011, 12, 30, 10),
        at(2011, 12, 31, 10),
    )
    assert asked_range("2011-12-29", "2011-12-30", APIA)[1] == at(2011, 12, 30, 10)
    with pytest.raises(BadRequest, match="2011-12-30, which never was in Pacific/Apia"):
        asked_range("2011-12-30", "2011-12-30", APIA)
    with pytest.raises(BadRequest, match="YESTERDAY is 2011-12-30, which never was"):
        range_of("YESTERDAY", "", "", APIA, at(2011, 12, 30, 12))


def test_a_range_is_an_interval_or_two_ends() -> None:
    found = range_of("last_7_days", "", "", BERLIN, NOW)
    assert (found.from_at, found.to_at) == (at(2026, 11, 16, 23), at(2026, 11, 23, 23))
    assert found.interval is not None
    assert found.interval.name == "LAST_7_DAYS"
    assert (found.interval.first_on, found.interval.last_on) == (
        date(2026, 11, 17),
        date(2026, 11, 23),
    )
    assert range_of("", "2026-11-24", "2026-11-24", BERLIN, NOW) == Range(
        at(2026, 11, 23, 23), at(2026, 11, 24, 23)
    )


@pytest.mark.parametrize(
    ("name", "first", "last", "said"),
    [
        ("mtd", "2026-11-01", "", "`interval` names the whole range"),
        ("", "2026-11-01", "", "`to` is missing"),
        ("", "", "2026-11-01", "`from` is missing"),
        ("", "", "", "or an `interval` such as 28d"),
        ("LAST_MONHT", "", "", "did you mean LAST_MONTH"),
        ("PT12H", "", "", "has a time part"),
    ],
)
def test_a_question_without_one_range_is_told_what_is_right(
    name: str, first: str, last: str, said: str
) -> None:
    with pytest.raises(BadRequest, match=said):
        range_of(name, first, last, BERLIN, NOW)
