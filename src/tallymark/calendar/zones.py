"""The IANA zones, from the pinned PyPI package `tzdata` alone.

The system's zone files are never read: two nodes with different releases would build different
cubes.
"""

from __future__ import annotations

import difflib
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from zoneinfo import ZoneInfo

from tallymark.errors import ConfigError


@cache
def tzdata_version() -> str:
    """The release of the zone data as PyPI counts it: `2026.6` is IANA's 2026f."""
    return version("tzdata")


@cache
def zone_names() -> frozenset[str]:
    return frozenset(files("tzdata").joinpath("zones").read_text(encoding="ascii").split())


@cache
def zone(name: str) -> ZoneInfo:
    """The zone of that name, always the same object.

    Raises: ConfigError for a name that is not in the data; it names the nearest ones.
    """
    if name not in zone_names():
        raise ConfigError(_unknown(name))
    with files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as data:
        return ZoneInfo.from_file(data, key=name)


def _unknown(name: str) -> str:
    near = _nearest(name)
    advice = f"did you mean {' or '.join(near)}?" if near else "names are like Europe/Berlin"
    return f"there is no time zone {name!r}: {advice}"


def _nearest(name: str) -> list[str]:
    wanted = name.strip().lower().replace(" ", "_")
    by_lower = {known.lower(): known for known in sorted(zone_names())}
    if wanted in by_lower:
        return [by_lower[wanted]]
    by_city: dict[str, list[str]] = {}
    for lower, known in by_lower.items():
        by_city.setdefault(lower.rpartition("/")[2], []).append(known)
    whole = difflib.get_close_matches(wanted, by_lower, n=3, cutoff=0.75)
    cities = difflib.get_close_matches(wanted.rpartition("/")[2], by_city, n=3, cutoff=0.75)
    # a right city in a wrong continent comes before a wrong name that looks alike
    found = [known for city in cities for known in by_city[city]]
    return list(dict.fromkeys(found + [by_lower[lower] for lower in whole]))[:3]
