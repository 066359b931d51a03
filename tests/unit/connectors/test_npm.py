from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tallymark.connectors.npm import Npm
from tallymark.demo.vendors.faults import Fault
from tallymark.demo.vendors.memory import MemoryWorld
from tallymark.demo.vendors.npm import NpmVendor
from tallymark.errors import FatalError, RetryableError
from tallymark.model import Page, Rejected, Row, Span
from tests.asking import client_of
from tests.clock import FakeClock

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
RECORDED = Path(__file__).parents[4] / "shared/fixtures/npm/real_samples"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock(NOW)


@pytest.fixture
def vendor(clock: FakeClock) -> Iterator[NpmVendor]:
    vendor = NpmVendor(MemoryWorld(), clock)
    days = {(date(2026, 2, 1) + timedelta(days=n)).isoformat(): n + 1 for n in range(29)}
    vendor.change({"downloads": {"rocket": days, "@acme/rocket": {"2026-02-28": 5}}})
    vendor.start()
    yield vendor
    vendor.stop()


def span(first: str, end: str, package: str = "rocket") -> Span:
    days = [datetime.fromisoformat(f"{day}T00:00:00+00:00") for day in (first, end)]
    return Span("downloads", package, *days)


def read(vendor: NpmVendor, clock: FakeClock, asked: Span) -> list[Page]:
    with client_of(vendor, clock) as client:
        return list(Npm(vendor.url).pages(client, asked, None))


def days(pages: list[Page]) -> dict[str, int]:
    found = {}
    for record in Npm().rows("downloads", pages):
        assert isinstance(record, Row)
        assert record.values.keys() == {"ts", "package", "downloads"}
        found[record.values["ts"].date().isoformat()] = record.values["downloads"]
    return found


def test_a_span_is_one_call_with_explicit_days(vendor: NpmVendor, clock: FakeClock) -> None:
    pages = read(vendor, clock, span("2026-02-01", "2026-02-04"))
    assert days(pages) == {"2026-02-01": 1, "2026-02-02": 2, "2026-02-03": 3}
    (end,) = [call for call in vendor.calls() if call["event"] == "end"]
    assert end["path"] == "/downloads/range/2026-02-01:2026-02-03/rocket"
    assert pages[0].cursor is None


def test_a_scoped_name_is_one_segment(vendor: NpmVendor, clock: FakeClock) -> None:
    pages = read(vendor, clock, span("2026-02-28", "2026-03-01", "@acme/rocket"))
    assert vendor.calls()[0]["path"].endswith("/@acme%2Frocket")
    (row,) = Npm().rows("downloads", pages)
    assert isinstance(row, Row)
    assert row.values["package"] == "@acme/rocket"


def test_zeros_at_the_end_inside_the_lag_are_unknown(vendor: NpmVendor, clock: FakeClock) -> None:
    vendor.change({"downloads": {"rocket": {"2026-02-26": 0, "2026-02-28": 0, "2026-03-01": 0}}})
    found = days(read(vendor, clock, span("2026-02-25", "2026-03-02")))
    assert found == {"2026-02-25": 25, "2026-02-26": 0, "2026-02-27": 27}


def test_a_zero_after_the_lag_is_a_zero(vendor: NpmVendor, clock: FakeClock) -> None:
    nothing = {f"2026-02-{day}": 0 for day in range(10, 29)}
    vendor.change({"downloads": {"rocket": nothing}})
    asked = span("2026-02-18", "2026-02-26")
    clock.set(datetime(2026, 2, 26, 12, tzinfo=UTC))
    assert list(days(read(vendor, clock, asked))) == ["2026-02-18"]
    clock.set(datetime(2026, 3, 4, tzinfo=UTC))
    found = days(read(vendor, clock, asked))
    assert (min(found), max(found), len(found)) == ("2026-02-18", "2026-02-24", 7)


def test_a_day_that_is_not_there_is_left_out(vendor: NpmVendor, clock: FakeClock) -> None:
    vendor.change({"downloads": {"rocket": {"2026-02-03": None}}})
    found = days(read(vendor, clock, span("2026-02-02", "2026-02-05")))
    assert list(found) == ["2026-02-02", "2026-02-04"]


def test_whether_a_zero_counts_follows_from_the_page_alone() -> None:
    body = {"start": "2026-02-01", "end": "2026-02-01", "downloads": [zero("2026-02-01")]}
    early, late = (page(body, read_at=datetime(2026, 2, day, tzinfo=UTC)) for day in (8, 9))
    assert (days([early]), days([late])) == ({}, {"2026-02-01": 0})


def test_a_range_that_was_cut_is_not_taken(vendor: NpmVendor, clock: FakeClock) -> None:
    vendor.change({"longest_days": 10})
    with pytest.raises(FatalError, match=r"2026-02-01 to 2026-02-21, it answered .* 2026-02-10"):
        read(vendor, clock, span("2026-02-01", "2026-02-22"))


def test_an_end_inside_the_lag_is_not_there_yet(vendor: NpmVendor, clock: FakeClock) -> None:
    vendor.change({"longest_days": 4})
    found = days(read(vendor, clock, span("2026-02-24", "2026-03-02")))
    assert list(found) == ["2026-02-24", "2026-02-25", "2026-02-26", "2026-02-27"]


def test_the_longest_span_of_the_stream_is_one_call(vendor: NpmVendor, clock: FakeClock) -> None:
    vendor.change({"seeded": True})
    end = datetime(2026, 3, 2, tzinfo=UTC)
    longest = Span("downloads", "x", end - timedelta(seconds=Npm.streams[0].max_span_s), end)
    assert len(days(read(vendor, clock, longest))) == 540


def test_npm_counts_nothing_before_its_first_day(vendor: NpmVendor, clock: FakeClock) -> None:
    vendor.change({"seeded": True})
    assert list(days(read(vendor, clock, span("2015-01-01", "2015-01-12")))) == [
        "2015-01-10",
        "2015-01-11",
    ]
    with pytest.raises(FatalError, match="since 2015-01-10"):
        read(vendor, clock, span("2014-12-01", "2015-01-01"))


def test_an_unknown_package_says_what_to_do(vendor: NpmVendor, clock: FakeClock) -> None:
    with pytest.raises(FatalError, match=r"no package 'nothing': correct its name"):
        read(vendor, clock, span("2026-02-01", "2026-02-04", "nothing"))


def test_a_limit_without_a_time_waits_a_minute(vendor: NpmVendor, clock: FakeClock) -> None:
    vendor.change({"per_minute": 0})
    with pytest.raises(RetryableError) as limit:
        read(vendor, clock, span("2026-02-01", "2026-02-04"))
    assert limit.value.retry_after_s == 60


@pytest.mark.parametrize("kind", ["cut", "truncate", "garbage", "status"])
def test_a_torn_answer_is_asked_for_again(vendor: NpmVendor, clock: FakeClock, kind: Any) -> None:
    vendor.faults.add(Fault(kind, times=1))
    with pytest.raises(RetryableError):
        read(vendor, clock, span("2026-02-01", "2026-02-04"))
    assert len(days(read(vendor, clock, span("2026-02-01", "2026-02-04")))) == 3


@pytest.mark.parametrize("package", ["..", "a/b", "@a/../b", "a?b", "a#b", "a b", "@a", "", ".a"])
def test_a_subject_cannot_leave_the_path(vendor: NpmVendor, clock: FakeClock, package: str) -> None:
    with pytest.raises(FatalError, match="is no package"):
        read(vendor, clock, span("2026-02-01", "2026-02-04", package))
    assert vendor.calls() == []


@pytest.mark.parametrize(
    "record",
    [
        None,
        7,
        "x",
        [],
        {},
        {"day": "2026-02-01"},
        {"day": "2026-02-01", "downloads": "7"},
        {"day": "2026-02-01", "downloads": -1},
        {"day": "2026-02-01", "downloads": True},
        {"day": "2026-02-01", "downloads": 1.5},
        {"day": "2026-02-01", "downloads": 2**63},
        {"day": "20260201", "downloads": 7},
        {"day": "2026-02-30", "downloads": 7},
        {"day": 20260201, "downloads": 7},
        {"day": "2026-02-02", "downloads": 7},
    ],
)
def test_a_record_that_is_no_day_is_rejected(record: Any) -> None:
    good = {"day": "2026-02-01", "downloads": 7}
    body = {"start": "2026-02-01", "end": "2026-02-01", "downloads": [record, good]}
    bad, row = Npm().rows("downloads", [page(body)])
    assert isinstance(bad, Rejected)
    assert isinstance(row, Row)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"downloads": 7}', b"\xff", b"[" * 99_999])
def test_a_body_that_is_no_range_is_rejected(body: bytes) -> None:
    whole = Page(url="https://x/downloads/range/a", status=200, body=body, received_at=NOW)
    (only,) = Npm().rows("downloads", [whole])
    assert isinstance(only, Rejected)


def test_the_recorded_body_is_read() -> None:
    path = RECORDED / "range_last-week_strict-mode.json"
    if not path.exists():
        pytest.skip("the recorded body is not in ../shared")
    true = json.loads(path.read_text())
    url = f"https://x/downloads/range/{true['start']}:{true['end']}/strict-mode"
    whole = Page(url=url, status=200, body=path.read_bytes(), received_at=NOW)
    assert days([whole]) == {each["day"]: each["downloads"] for each in true["downloads"]}


def zero(day: str) -> dict[str, Any]:
    return {"day": day, "downloads": 0}


def page(body: dict[str, Any], read_at: datetime = NOW) -> Page:
    url = f"https://x/downloads/range/{body['start']}:{body['end']}/rocket"
    return Page(url=url, status=200, body=json.dumps(body).encode(), received_at=read_at)
