"""What a real Druid is asked for, as a proxy before it saw it: the instants of the oracle, in UTC.

Drawn by seed, and every day on which one of the six zones changed its clocks.
"""

from __future__ import annotations

import csv
import os
import random
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tallymark.reports.runs import Run
from tests.servers.druid import Druid
from tests.services.reports.house import House, house
from tests.services.reports.seen import NATIVE, SQL, Seen, seen
from tests.unit.reports.test_intervals_oracle import (
    DAYS,
    FOUNDING,
    SEED,
    ZONES,
    day_starts,
    expected,
)

CASES = 300
EVERY = 1 if os.environ.get("SOAK") else 10
DAY = timedelta(days=1)
ASKED = """
SELECT TIMESTAMP_TO_MILLIS(:from) AS from_ms, TIMESTAMP_TO_MILLIS(:to) AS to_ms, COUNT(*) AS n
FROM "{source}" WHERE __time >= :from AND __time < :to
"""


@dataclass(frozen=True, order=True)
class Case:
    second: int
    """When the report is configured."""
    zone: str
    interval: str
    today: date
    sql: bool


class Hands:
    """A clock whose hands are set."""

    def __init__(self, at: datetime) -> None:
        self.at = at
        self._waited_s = 0.0

    def now(self) -> datetime:
        return self.at

    def monotonic(self) -> float:
        # never still: a worker that looks at it again and again must come to its end
        self._waited_s += 0.001
        return self._waited_s


def cases() -> list[Case]:
    draw = random.Random(SEED)
    found = [("YESTERDAY", zone, day + DAY) for zone in ZONES for day in changes(zone)]
    while len(found) < CASES:
        drawn = (draw.choice(list(FOUNDING)), draw.choice(ZONES), draw.choice(DAYS[366:]))
        if length_s(drawn[1], drawn[2]) and drawn not in found:
            found.append(drawn)
    made = []
    for number, (interval, zone, today) in enumerate(found):
        second = day_starts(zone)[today.toordinal()] + draw.randrange(length_s(zone, today))
        made.append(Case(second, zone, interval, today, sql=number % 3 == 0))
    return sorted(made)


def changes(zone: str) -> list[date]:
    """The days that are not 24 hours long and have a whole day after them."""
    return [
        day
        for day in DAYS[1:-2]
        if length_s(zone, day) not in (0, 86_400) and length_s(zone, day + DAY)
    ]


def length_s(zone: str, day: date) -> int:
    """Nothing, of a date that a zone has left out."""
    starts = day_starts(zone)
    return starts[day.toordinal() + 1] - starts[day.toordinal()]


@pytest.mark.timeout(1200)
def test_druid_is_asked_for_the_instants_of_the_oracle(druid: Druid, tmp_path: Path) -> None:
    source = druid.name()
    druid.load(source, [{"ts": "2012-01-01T00:00:00Z", "a": "x"}])
    every = cases()
    assert len(every) >= CASES
    clock = Hands(datetime.fromtimestamp(every[0].second, UTC))
    with seen(druid.broker) as broker:
        with house(tmp_path / "home", broker.url, druid.coordinator, clock) as made:
            for case in every[::EVERY]:
                clock.at = datetime.fromtimestamp(case.second, UTC)
                broker.asked.clear()
                run = make(made, case, source)
                first, last, start, end = expected(case.zone, case.interval, case.today)
                assert (run.first_on, run.end_on) == (str(first), str(last)), case
                assert (run.state, run.error) == ("SUCCESS", None), case
                asked = by_sql if case.sql else natively
                assert asked(made, broker, case, run) == (start, end), case


def make(made: House, case: Case, source: str) -> Run:
    """Configure a report, let it run once, and end it."""
    native = {
        "queryType": "timeseries",
        "granularity": "day",
        "dataSource": source,
        "aggregations": [{"type": "count", "name": "n"}],
    }
    report = made.submit(
        report_name=f"{case.interval} {case.zone} {case.today} {case.second}",
        query_engine="DRUID",
        execution_frequency="DAILY",
        report_interval=case.interval,
        time_zone=case.zone,
        availability="none",
        output_format="csv",
        output_field_names=["from_ms", "to_ms", "n"] if case.sql else ["Day", "n"],
        **({"query": ASKED.format(source=source)} if case.sql else {"query_json": native}),
    )
    made.work()
    made.node.reporting.service.disable(report.report_id)
    return made.run(report)


def natively(made: House, broker: Seen, case: Case, run: Run) -> tuple[int, int]:
    """The only interval of the last query, cut in the zone of the report."""
    query: dict[str, Any] = [one.body for one in broker.asked if one.path == NATIVE][-1]
    assert query["granularity"] == {"type": "period", "period": "P1D", "timeZone": case.zone}
    (interval,) = query["intervals"]
    start, end = map(utc_second, interval.split("/"))
    return start, end


def by_sql(made: House, broker: Seen, case: Case, run: Run) -> tuple[int, int]:
    """What Druid took the bound instants for: it stands in the file."""
    query: dict[str, Any] = [one.body for one in broker.to(SQL) if "COUNT(*)" in one.body["query"]][
        -1
    ]
    assert query["context"]["sqlTimeZone"] == case.zone
    assert ":" not in query["query"]
    (file,) = made.folder.glob(f"{run.report_id}-*.csv")
    _, (start_ms, end_ms, _) = csv.reader(file.read_text().splitlines())
    return int(start_ms) // 1000, int(end_ms) // 1000


def utc_second(text: str) -> int:
    assert text.endswith("Z"), text
    return int(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp())
