"""The connector of another package, found through its entry point, against its own vendor."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from tallymark.connectors import discover
from tallymark.errors import CursorGone
from tallymark.model import Page, Row, Span
from tallymark_paged import Paged
from tallymark_paged.vendor import PagedVendor, Records
from tests.asking import client_of
from tests.clock import FakeClock

DAY = datetime(2026, 3, 1, tzinfo=UTC)
SPAN = Span("records", "acme", DAY, DAY + timedelta(days=1))


@pytest.fixture
def vendor(clock: FakeClock) -> Iterator[PagedVendor]:
    vendor = PagedVendor(Records(), clock)
    vendor.start()
    yield vendor
    vendor.stop()


def read(vendor: PagedVendor, clock: FakeClock, span: Span = SPAN) -> list[Page]:
    with client_of(vendor, clock) as client:
        return list(Paged(vendor.url).pages(client, span, None))


def test_it_is_found_through_its_entry_point() -> None:
    assert discover()["paged"] is Paged


def test_every_record_comes_in_its_last_version(vendor: PagedVendor, clock: FakeClock) -> None:
    pages = read(vendor, clock)
    assert len(pages) == vendor.answered() == 200
    rows = [row for row in Paged(vendor.url).rows("records", pages) if isinstance(row, Row)]
    last = {row.values["id"]: row.values["value"] for row in rows}
    assert last == vendor.world.expected("acme", SPAN.start_at, SPAN.end_at)
    assert len(last) == 400
    assert len(rows) == 400 + 199 * 2 + 1, "two of each page come again, and the changed one"
    edges = [
        (left.values["ts"], right.values["ts"])
        for left, right in itertools.pairwise(rows)
        if left.page is not right.page
    ]
    assert any(left == right for left, right in edges)


def test_a_dead_cursor_says_so(vendor: PagedVendor, clock: FakeClock) -> None:
    vendor.change({"dies_at": 7})
    with pytest.raises(CursorGone):
        read(vendor, clock)
    assert len(read(vendor, clock)) == 200


@pytest.mark.parametrize(("pages", "per_day"), [(1, 5), (3, 10), (7, 7), (50, 0)])
def test_other_sizes_are_whole_as_well(
    vendor: PagedVendor, clock: FakeClock, pages: int, per_day: int
) -> None:
    vendor.change({"pages": pages, "per_day": per_day})
    span = Span("records", "acme", DAY, DAY + timedelta(days=3))
    found = read(vendor, clock, span)
    rows = [row for row in Paged(vendor.url).rows("records", found) if isinstance(row, Row)]
    last = {row.values["id"]: row.values["value"] for row in rows}
    assert last == vendor.world.expected("acme", span.start_at, span.end_at)
    assert len(last) == per_day * 3
    assert len(found) <= pages
