from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, timedelta

import pytest

from tallymark.calendar.periods import Calendar
from tallymark.cubes.labels import day_of, labels
from tallymark.cubes.touched import base, by_quarter, rollups, scans, touched
from tallymark.model import CubeSpec, Measure, Period

HOURLY = CubeSpec("t.a", ("site",), (Measure("count", "count"),))
LABELLED = CubeSpec("t.b", ("package",), (Measure("sum_n", "sum", "n"),), label="day")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def at(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc, arg-type]


def hour(*parts: int) -> int:
    return (at(*parts) - EPOCH) // timedelta(hours=1)


def test_neighbouring_hours_are_one_span() -> None:
    spans = touched(HOURLY, Calendar(), [hour(2026, 3, 1, 2), hour(2026, 3, 1, 1)])
    assert [s.buckets for s in spans] == [Period(at(2026, 3, 1, 1), at(2026, 3, 1, 3))]
    assert spans[0].ts == spans[0].buckets


def test_an_hour_of_utc_touches_two_hours_of_kathmandu() -> None:
    (span,) = touched(HOURLY, Calendar("Asia/Kathmandu"), [hour(2026, 3, 1, 1)])
    assert span.buckets == Period(at(2026, 3, 1, 0, 15), at(2026, 3, 1, 2, 15))


def test_a_label_touches_the_day_of_its_name_in_every_zone() -> None:
    for zone, start, end in (
        ("Europe/Berlin", at(2026, 2, 28, 23), at(2026, 3, 1, 23)),
        ("America/New_York", at(2026, 3, 1, 5), at(2026, 3, 2, 5)),
        ("Asia/Kathmandu", at(2026, 2, 28, 18, 15), at(2026, 3, 1, 18, 15)),
    ):
        (span,) = touched(LABELLED, Calendar(zone), [hour(2026, 3, 1, 0)])
        assert span.buckets == Period(start, end), zone
        assert span.ts == Period(at(2026, 3, 1), at(2026, 3, 2)), zone


def test_a_label_that_never_was_counts_in_the_next_day() -> None:
    apia = Calendar("Pacific/Apia")
    assert day_of(apia, date(2011, 12, 30)) == apia.day(date(2011, 12, 31))
    (span,) = touched(LABELLED, apia, [hour(2011, 12, 30)])
    assert span.ts == Period(at(2011, 12, 30), at(2012, 1, 1))
    starts = set(base(LABELLED, apia, [span])["start_us"].to_pylist())
    assert len(starts) == 1


def test_labels_of_a_month_are_its_dates_in_every_zone() -> None:
    for zone in ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu"):
        calendar = Calendar(zone)
        month = calendar.period("month", at(2026, 3, 15))
        assert labels(calendar, month) == Period(at(2026, 3, 1), at(2026, 4, 1)), zone


def test_the_base_holds_every_slot_of_the_buckets_once() -> None:
    spans = touched(HOURLY, Calendar(), [hour(2026, 3, 1, 1), hour(2026, 3, 1, 5)])
    table = base(HOURLY, Calendar(), spans)
    assert table["slot"].to_pylist() == [*range(1969252, 1969256), *range(1969268, 1969272)]
    assert len(set(table["start_us"].to_pylist())) == 2
    assert base(HOURLY, Calendar(), []).num_rows == 0


def test_every_coarser_bucket_follows_once() -> None:
    calendar = Calendar("Europe/Berlin")
    spans = touched(HOURLY, calendar, [hour(2026, 3, 1, 1), hour(2026, 3, 1, 9)])
    found = rollups(HOURLY, calendar, spans)
    assert [(r.grain, r.finer, len(r.periods)) for r in found] == [
        ("day", "hour", 1),
        ("week", "day", 1),
        ("month", "day", 1),
        ("quarter", "month", 1),
        ("year", "quarter", 1),
    ]
    assert [r.grain for r in rollups(LABELLED, calendar, spans)] == [
        "week",
        "month",
        "quarter",
        "year",
    ]


def test_work_is_cut_by_quarter() -> None:
    calendar = Calendar("Europe/Berlin")
    spans = touched(HOURLY, calendar, range(hour(2025, 10, 1), hour(2026, 7, 1)))
    groups = by_quarter(calendar, HOURLY, spans)
    assert [len(g) for g in groups] == [1, 1, 1, 1]
    joined = [t.buckets for g in groups for t in g]
    assert all(a.end_at == b.start_at for a, b in itertools.pairwise(joined))
    assert (joined[0].start_at, joined[-1].end_at) == (
        spans[0].buckets.start_at,
        spans[0].buckets.end_at,
    )


def test_labels_cut_by_quarter_keep_their_midnights() -> None:
    calendar = Calendar("America/New_York")
    spans = touched(LABELLED, calendar, [hour(2026, 3, 31), hour(2026, 4, 1)])
    groups = by_quarter(calendar, LABELLED, spans)
    assert [t.ts for g in groups for t in g] == [
        Period(at(2026, 3, 31), at(2026, 4, 1)),
        Period(at(2026, 4, 1), at(2026, 4, 2)),
    ]


@pytest.mark.parametrize("most", [1, 2, 3])
def test_scans_join_the_smallest_gaps_first(most: int) -> None:
    hours = [hour(2026, 3, 1, 1), hour(2026, 3, 1, 3), hour(2026, 3, 9)]
    found = scans(touched(HOURLY, Calendar(), hours), most)
    assert len(found) == most
    if most == 2:
        assert found[0] == Period(at(2026, 3, 1, 1), at(2026, 3, 1, 4))
