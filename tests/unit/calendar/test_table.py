from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from tallymark.calendar.periods import Calendar
from tallymark.calendar.table import FIRST_AT, SLOT_MS, calendar_table
from tallymark.model import GRAINS

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
ZONES = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/St_Johns",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Antarctica/Casey",
    "Pacific/Kiritimati",
]


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def check(calendar: Calendar, table: pa.Table, start_at: datetime, end_at: datetime) -> None:
    slots = table["slot"].to_pylist()
    slot = timedelta(milliseconds=SLOT_MS)
    assert slots == list(range((start_at - EPOCH) // slot, -((EPOCH - end_at) // slot)))
    for grain in GRAINS:
        expected = [
            (calendar.period(grain, EPOCH + timedelta(minutes=15 * slot)).start_at - EPOCH)
            // MICROSECOND
            for slot in slots
        ]
        assert table[grain].to_pylist() == expected, grain


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize(
    ("start", "end"),
    [
        ("1980-01-01", "1980-01-03"),
        ("1985-12-30T01:00", "1986-01-02"),
        ("2006-10-28", "2006-10-30"),
        ("2011-12-29", "2012-01-01"),
        ("2026-04-04", "2026-04-06T05:30"),
        ("2026-10-24T13:01:01", "2026-10-26T00:00:00.000001"),
        ("2026-05-05T05:05", "2026-05-05T05:06"),
    ],
)
def test_each_slot_has_the_starts_of_the_periods_that_hold_it(
    zone: str, start: str, end: str
) -> None:
    calendar = Calendar(zone)
    table = calendar_table(calendar, utc(start), utc(end))
    check(calendar, table, utc(start), utc(end))


@pytest.mark.parametrize("zone", ZONES)
def test_a_slot_never_holds_the_start_of_a_period_in_its_middle(zone: str) -> None:
    calendar = Calendar(zone)
    start_at, end_at = utc("2006-01-01"), utc("2007-01-01")
    table = calendar_table(calendar, start_at, end_at)
    for grain in GRAINS:
        starts = {
            (p.start_at - EPOCH) // MICROSECOND for p in calendar.periods(grain, start_at, end_at)
        }
        assert set(table[grain].to_pylist()) == starts


def test_a_slice_is_a_part_of_the_whole_table() -> None:
    calendar = Calendar("Europe/Berlin")
    whole = calendar_table(calendar, utc("2026-01-01"), utc("2027-01-01"))
    part = calendar_table(calendar, utc("2026-10-20"), utc("2026-11-03"))
    offset = part["slot"][0].as_py() - whole["slot"][0].as_py()
    assert whole.slice(offset, part.num_rows).combine_chunks().equals(part.combine_chunks())


def test_the_columns_are_integers_without_nulls() -> None:
    table = calendar_table(Calendar("Asia/Kathmandu"), FIRST_AT, utc("1980-01-02"))
    assert table.column_names == ["slot", *GRAINS]
    assert all(column.type == pa.int64() and column.null_count == 0 for column in table.columns)
    assert table.num_rows == 96


def test_six_decades_are_one_table() -> None:
    table = calendar_table(Calendar("Europe/Berlin"), FIRST_AT, utc("2038-01-01"))
    assert table.num_rows == (utc("2038-01-01") - FIRST_AT) // timedelta(minutes=15)
    assert table["slot"][0].as_py() * SLOT_MS == (FIRST_AT - EPOCH) // timedelta(milliseconds=1)
    assert table["year"].combine_chunks().unique().to_pylist() == [
        (period.start_at - EPOCH) // MICROSECOND
        for period in Calendar("Europe/Berlin").periods("year", FIRST_AT, utc("2038-01-01"))
    ]


def test_an_empty_range_is_a_table_without_rows() -> None:
    at = utc("2026-01-01")
    table = calendar_table(Calendar(), at, at)
    assert table.num_rows == 0
    assert table.column_names == ["slot", *GRAINS]
    assert calendar_table(Calendar(), at, at - timedelta(days=1)).num_rows == 0


def test_a_range_that_begins_before_1980_is_refused() -> None:
    with pytest.raises(ValueError, match="begins at 1980-01-01"):
        calendar_table(Calendar(), FIRST_AT - timedelta(seconds=1), utc("1990-01-01"))
