"""How numbers and periods are written."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tallymark.boards import numbers
from tallymark.boards.health import Progress, sentence
from tallymark.calendar import labels
from tallymark.calendar.periods import Calendar

BERLIN = Calendar("Europe/Berlin")
NOW = datetime(2026, 8, 4, 12, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "short", "whole"),
    [
        (None, "–", "–"),
        (0, "0", "0"),
        (1234, "1,234", "1,234"),
        (9_999, "9,999", "9,999"),
        (9_999.6, "10.0 k", "9,999.6"),
        (12_412, "12.4 k", "12,412"),
        (999_949, "999.9 k", "999,949"),
        (999_960, "1.0 M", "999,960"),
        (3_100_000, "3.1 M", "3,100,000"),
        (4_200_000_000, "4.2 G", "4,200,000,000"),
        (5e15, "5,000.0 T", "5,000,000,000,000,000"),
        (-2, "−2", "−2"),
        (-12_412, "−12.4 k", "−12,412"),
        (0.25, "0.2", "0.25"),
        (99.96, "100", "99.96"),
        (1234.5678, "1,235", "1,234.568"),
    ],
)
def test_a_number_is_short_on_a_card_and_exact_on_hover(
    value: float | None, short: str, whole: str
) -> None:
    assert numbers.compact(value) == short
    assert numbers.exact(value) == whole


@pytest.mark.parametrize(
    ("grain", "at", "axis", "title"),
    [
        ("hour", "2026-08-03T12:00Z", "14:00", "Mon 3 Aug 2026, 14:00–15:00"),
        ("day", "2026-08-03T12:00Z", "Mon 3 Aug", "Mon 3 Aug 2026"),
        ("week", "2026-08-05T12:00Z", "3–9 Aug", "3–9 Aug 2026"),
        ("week", "2026-09-01T12:00Z", "31 Aug–6 Sep", "31 Aug–6 Sep 2026"),
        ("week", "2026-12-30T12:00Z", "28 Dec–3 Jan", "28 Dec 2026–3 Jan 2027"),
        ("month", "2026-08-03T12:00Z", "Aug 2026", "Aug 2026"),
        ("quarter", "2026-08-03T12:00Z", "Q3 2026", "Q3 2026"),
        ("year", "2026-08-03T12:00Z", "2026", "2026"),
    ],
)
def test_labels_speak_the_grain(grain: str, at: str, axis: str, title: str) -> None:
    period = BERLIN.period(grain, datetime.fromisoformat(at))  # type: ignore[arg-type]
    start_at, end_at = period.start_at, period.end_at
    assert labels.axis_label(BERLIN, grain, start_at, end_at) == axis  # type: ignore[arg-type]
    assert labels.title(BERLIN, grain, start_at, end_at) == title  # type: ignore[arg-type]


def test_an_hour_that_comes_twice_says_which_one_it_is() -> None:
    period = BERLIN.period("hour", datetime(2026, 10, 25, 1, 30, tzinfo=UTC))
    key = BERLIN.key("hour", period)
    said = labels.title(BERLIN, "hour", period.start_at, period.end_at, key)
    assert said == "Sun 25 Oct 2026, 02:00–03:00 (+01:00)"


def test_completeness_ends_at_an_hour_inside_a_day_and_at_a_day_else() -> None:
    noon = datetime(2026, 8, 4, 12, tzinfo=UTC)
    midnight = datetime(2026, 8, 3, 22, tzinfo=UTC)
    assert labels.upto(BERLIN, noon, NOW) == "14:00"
    assert labels.upto(BERLIN, midnight, NOW) == "Mon 3 Aug"
    assert labels.upto(BERLIN, noon - timedelta(days=2), NOW) == "Sun 2 Aug 14:00"
    assert labels.upto(BERLIN, midnight - timedelta(days=365), NOW) == "Sun 3 Aug 2025"


def test_a_bucket_in_a_sentence_is_as_short_as_today_allows() -> None:
    today, hour = BERLIN.period("day", NOW), BERLIN.period("hour", NOW)
    other = BERLIN.period("day", NOW - timedelta(days=400))
    assert labels.called(BERLIN, "day", today.start_at, today.end_at, NOW) == "today"
    assert labels.called(BERLIN, "hour", hour.start_at, hour.end_at, NOW) == "14:00–15:00"
    assert labels.called(BERLIN, "day", other.start_at, other.end_at, NOW) == "Mon 30 Jun 2025"


def test_a_stretch_of_days_has_its_years() -> None:
    first = datetime(2026, 8, 3, tzinfo=UTC).date()
    assert labels.days(first, first) == "3 Aug 2026"
    assert labels.days(first, first + timedelta(days=6)) == "3–9 Aug 2026"
    assert labels.days(first - timedelta(days=365), first) == "3 Aug 2025–3 Aug 2026"


@pytest.mark.parametrize(
    ("left_s", "said"),
    [
        (None, "Collecting 13 months: 62 %"),
        (4, "Collecting 13 months: 62 %, about 10 s left"),
        (140, "Collecting 13 months: 62 %, about 2 min left"),
        (9000, "Collecting 13 months: 62 %, about 2 h left"),
    ],
)
def test_progress_says_how_far_and_how_long(left_s: float | None, said: str) -> None:
    assert sentence(Progress(text="collecting 13 months", done=0.629, left_s=left_s)) == said
