"""Both oracles say of the founding intervals what tests/unit/reports holds the reports to."""

from __future__ import annotations

import os

import pytest

from tests.oracle import oracles
from tests.oracle.cases import Case
from tests.oracle.suite import answered, pinned_zones
from tests.unit.reports.test_intervals_oracle import DAYS, FOUNDING, ZONES, day_starts, expected

EVERY = 1 if os.environ.get("SOAK") else 97
"""Each such day is asked of: all take half a minute."""


@pytest.mark.skipif(bool(oracles.missing()), reason=oracles.missing())
def test_postgres_and_java_say_of_each_day_what_the_oracle_in_python_says() -> None:
    cases, wanted = [], []
    for zone in ZONES:
        starts = day_starts(zone)
        for interval in FOUNDING:
            for today in DAYS[::EVERY]:
                start, end = starts[today.toordinal()], starts[today.toordinal() + 1]
                if start < end:
                    cases.append(Case(zone, start, interval, through="yesterday"))
                    first, last, *seconds = expected(zone, interval, today)
                    wanted.append([*map(str, seconds), first.isoformat(), last.isoformat()])
    with pinned_zones() as zones, oracles.postgres_on(zones) as connection:
        found = answered(zones, connection, cases)
    assert [fields[:4] for fields in found] == wanted
    assert len(cases) >= 9 * 6 * (2922 // EVERY) - 9
