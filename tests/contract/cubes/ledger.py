"""A house with the objects of its streams, what is covered of them, and a reader of its metrics."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import insert

from tallymark.ledger import coverage, objects
from tallymark.ledger.objects import ObjectSpec
from tallymark.metrics.answer import Bucket, Series, SeriesQuery
from tallymark.metrics.define import MetricSpec
from tallymark.metrics.series import SeriesReader
from tallymark.model import Covered, Grain
from tallymark.state.database import writing
from tallymark.state.schema import listening
from tests.contract.cubes.house import HITS, NPM, STARS, House

STREAMS = {"site.hits": HITS, "github.repositories": STARS, "npm.downloads": NPM}
METRICS = {
    m.name: m
    for m in (
        MetricSpec(name="stars", title="Stars", stream="github.repositories", aggregate="last",
                   field="stars", unit="stars"),
        MetricSpec(name="new_stars", title="New stars", stream="github.repositories",
                   aggregate="increase", field="stars"),
        MetricSpec(name="downloads", title="Downloads", stream="npm.downloads", aggregate="sum",
                   field="downloads"),
        MetricSpec(name="views", title="Views", stream="site.hits", aggregate="count",
                   dimensions=("path",)),
        MetricSpec(name="biggest", title="Biggest", stream="site.hits", aggregate="max",
                   field="bytes"),
    )
}  # fmt: skip


def at(day: int, hour: int = 0, minute: int = 0, month: int = 2) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC)


@dataclass(frozen=True)
class Sender:
    allowance_s: int = 900
    retries: bool = True


class Ledger:
    """A house, the objects of its streams, and a reader of its metrics; it is 2 March, noon."""

    def __init__(self, house: House, *subjects: str, since_at: datetime | None = None) -> None:
        """`since_at`: from when on there is something to collect; 1 February without it."""
        self.house = house
        since_at = since_at or at(1)
        specs = [
            *(object_of("collect", "github", "repositories", s, since_at) for s in subjects),
            object_of("collect", "npm", "downloads", "left-pad", since_at),
            object_of("flush", "site", "hits", "site", since_at),
        ]
        with writing(house.databases.control) as tx:
            objects.sync(tx, specs, house.clock.now())
        self.reader = SeriesReader(
            house.databases,
            house.store,
            house.calendar,
            METRICS,
            STREAMS,
            house.clock,
            connectors={"site": Sender()},  # type: ignore[dict-item]
        )

    def cover(self, subject: str, *covered: Covered) -> None:
        with writing(self.house.databases.control) as tx:
            (found,) = objects.load(tx, subject=subject)
            for one in covered:
                coverage.write(tx, found.id, one.start_at, one.end_at, [one])

    def listened(self, from_at: datetime, to_at: datetime) -> None:
        values = {"boot": "b", "source": "site", "from_at": from_at, "to_at": to_at}
        with writing(self.house.databases.control) as tx:
            tx.execute(insert(listening).values(values))

    def read(
        self, metric: str, grain: Grain, start: datetime, end: datetime, **more: Any
    ) -> Series:
        query = SeriesQuery(metric=metric, grain=grain, from_at=start, to_at=end, **more)
        return self.reader.read(query)

    def buckets(self, *args: Any, **more: Any) -> tuple[Bucket, ...]:
        (line,) = self.read(*args, **more).series
        return line.buckets


def object_of(kind: str, source: str, stream: str, subject: str, start_at: datetime) -> ObjectSpec:
    return ObjectSpec(
        kind=kind, source=source, stream=stream, subject=subject, every="1d", start_at=start_at
    )


def reading_of(repo: str, day: int, stars: int, hour: int = 0) -> dict[str, Any]:
    return {"ts": at(day, hour, 1), "repo": repo, "stars": stars, "forks": 1}


def final(first: int, end: int) -> Covered:
    return Covered(at(first), at(end), "final")


def short(buckets: tuple[Bucket, ...]) -> list[tuple[str, int | float | None, str]]:
    return [(b.key, b.value, b.completeness) for b in buckets]
