from __future__ import annotations

from typing import Any

import pytest

from tallymark.calendar.periods import Calendar
from tallymark.engines.druid.granularity import cut

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


@pytest.mark.parametrize("wrong", ["daily", "", 5, None, [], {}, {"type": "day"}])
def test_what_is_no_granularity_is_none(wrong: Any) -> None:
    assert cut(wrong, KOLKATA) is None
