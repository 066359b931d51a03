from __future__ import annotations

from datetime import UTC, datetime, timedelta
from importlib.metadata import version

import pytest

from tallymark.calendar.periods import Calendar
from tallymark.calendar.zones import tzdata_version, zone, zone_names
from tallymark.errors import ConfigError


def test_zones_come_from_the_pinned_package_and_not_from_the_system(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("zoneinfo.TZPATH", ())
    assert tzdata_version() == version("tzdata")
    assert zone("Europe/Berlin").key == "Europe/Berlin"
    at = datetime(2026, 7, 1, tzinfo=UTC).astimezone(zone("Asia/Kathmandu"))
    assert at.utcoffset() == timedelta(hours=5, minutes=45)


def test_a_zone_is_loaded_once() -> None:
    assert zone("Europe/Berlin") is zone("Europe/Berlin")


def test_every_name_of_the_data_can_be_loaded() -> None:
    assert all(zone(name).key == name for name in zone_names())
    assert {"UTC", "Europe/Berlin", "Antarctica/Casey"} <= zone_names()


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("europe/berlin", "Europe/Berlin"),
        ("Berlin", "Europe/Berlin"),
        ("Europe/Berln", "Europe/Berlin"),
        ("new york", "America/New_York"),
        ("Europe/New_York", "America/New_York"),
        ("Asia/Katmandoo", "Asia/Katmandu"),
        ("Asia/Calcuta", "Asia/Calcutta"),
        ("utc", "UTC"),
        ("US/Easternn", "US/Eastern"),
    ],
)
def test_an_unknown_zone_is_refused_with_the_nearest_names(wrong: str, right: str) -> None:
    with pytest.raises(ConfigError) as refused:
        Calendar(wrong)
    assert repr(wrong) in str(refused.value)
    assert right in str(refused.value)


@pytest.mark.parametrize("wrong", ["", "xyzzy", "../zones", "Europe", "/etc/passwd", "Europe/"])
def test_what_is_like_no_zone_is_refused_with_an_example(wrong: str) -> None:
    with pytest.raises(ConfigError, match=r"names are like Europe/Berlin|did you mean"):
        zone(wrong)
