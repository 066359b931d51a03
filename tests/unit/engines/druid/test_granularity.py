from __future__ import annotations

from typing import Any

import pytest

from tallymark.calendar.periods import Calendar
from tallymark.engines.druid.granularity import cut, steady
from tallymark.model import Grain
from tests.unit.engines.druid.windows import window

KOLKATA = Calendar("Asia/Kolkata")
SUNDAYS = Calendar("America/New_York", week_start="sunday", fiscal_start=4)
ZONED = {"type": "period", "timeZone": "Asia/Kolkata"}


@pytest.mark.parametrize(
    ("granularity", "sent", "grain"),
    [
        ("day", ZONED | {"period": "P1D"}, "day"),
        ("DAY", ZONED | {"period": "P1D"}, "day"),
        ("Quarter", ZONED | {"period": "P3M"}, "quarter"),
        ("fifteen_minute", ZONED | {"period": "PT15M"}, None),
        ({"type": "period", "period": "P1W"}, ZONED | {"period": "P1W"}, "week"),
        ({"type": "period", "period": "P2D"}, ZONED | {"period": "P2D"}, None),
        ("all", "all", None),
        ("none", "none", None),
        ({"type": "all"}, "all", None),
    ],
)
def test_a_granularity_is_cut_in_the_zone_of_the_report(
    granularity: Any, sent: Any, grain: str | None
) -> None:
    here = cut(granularity, KOLKATA)
    assert here is not None
    assert (here.sent, here.grain) == (sent, grain)


@pytest.mark.parametrize(
    ("granularity", "grain"),
    [
        ({"type": "period", "period": "P1D", "timeZone": "UTC"}, "day"),
        ({"type": "period", "period": "P1M", "origin": "2026-01-15T00:00:00Z"}, "month"),
        ({"type": "duration", "duration": 86_400_000}, "day"),
        ({"type": "duration", "duration": "3600000", "origin": "2026-01-01"}, "hour"),
        ({"type": "duration", "duration": 7_200_000}, None),
    ],
)
def test_a_zone_or_an_origin_of_its_own_stays_and_is_judged(
    granularity: dict[str, Any], grain: str | None
) -> None:
    here = cut(granularity, KOLKATA)
    assert here is not None
    assert granularity.items() <= here.sent.items()
    assert here.grain == grain


@pytest.mark.parametrize(
    ("name", "origin"),
    [
        ("week", "2000-06-11T04:00:00Z"),
        ("year", "2000-04-01T05:00:00Z"),
        ("quarter", None),
        ("month", None),
    ],
)
def test_weeks_and_years_that_start_otherwise_have_an_origin(name: str, origin: str | None) -> None:
    here = cut(name, SUNDAYS)
    assert here is not None
    assert here.sent.get("origin") == origin


@pytest.mark.parametrize(
    ("grain", "zone", "first", "end", "right"),
    [
        ("day", "America/New_York", "2026-03-01", "2026-03-31", True),
        ("hour", "America/New_York", "2026-03-01", "2026-11-30", True),
        # midnight of the 28th never was; as the last day it does no harm
        ("day", "Africa/Cairo", "2023-04-27", "2023-04-29", False),
        ("day", "Africa/Cairo", "2023-04-27", "2023-04-28", True),
        ("day", "Africa/Cairo", "2023-04-28", "2023-04-29", False),
        ("month", "Africa/Cairo", "2023-01-01", "2023-12-31", True),
        # clocks change by half an hour
        ("hour", "Australia/Lord_Howe", "2026-04-05", "2026-04-05", False),
        ("day", "Australia/Lord_Howe", "2026-04-04", "2026-04-06", True),
    ],
)
def test_where_adding_periods_up_leaves_the_calendar_is_known(
    grain: Grain, zone: str, first: str, end: str, right: bool
) -> None:
    over = window(first, end, zone)
    assert steady(grain, over.period, over.calendar) is right


@pytest.mark.parametrize("wrong", ["daily", "", 5, None, [], {}, {"type": "day"}])
def test_what_is_no_granularity_is_none(wrong: Any) -> None:
    assert cut(wrong, KOLKATA) is None
