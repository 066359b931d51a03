"""Who visited the demo project's site, and what for: page views as its web server logs them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random
from typing import TypeVar

from tallymark.demo.world import DAY, World, midnight

PAGES = {
    "/": 30,
    "/docs/": 16,
    "/docs/getting-started": 14,
    "/docs/api": 12,
    "/docs/plugins": 6,
    "/download": 8,
    "/blog/": 5,
    "/blog/why-rockets": 4,
    "/about": 2,
}
RELEASE_PAGE = "/blog/rocket-2-0"
REFERRERS = {
    "": 45,
    "https://www.google.com/": 25,
    "https://github.com/acme/rocket": 18,
    "https://www.npmjs.com/package/@acme/rocket": 8,
    "https://duckduckgo.com/": 4,
}
RELEASE_REFERRER = "https://news.ycombinator.com/"
AGENTS = {
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/148.0.0.0 "
    "Safari/537.36": 34,
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:145.0) Gecko/20100101 Firefox/145.0": 22,
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/26.0 Safari/605.1.15": 24,
    "Mozilla/5.0 (iPhone; CPU iPhone OS 26_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
    "Gecko) Version/26.0 Mobile/15E148 Safari/604.1": 14,
    "curl/8.14.1": 6,
}
STATUSES = {200: 93, 304: 3, 404: 3, 301: 1}
# people of the project's part of the world, by hour of UTC
BUSY = (2, 1, 1, 1, 2, 4, 7, 10, 12, 12, 11, 10, 10, 12, 12, 11, 9, 8, 7, 7, 7, 6, 5, 3)
A_DAY = 430

T = TypeVar("T")


@dataclass(frozen=True)
class Hit:
    """A line of the site's access log."""

    at: datetime
    ip: str
    method: str
    path: str
    status: int
    bytes: int
    seconds: float
    referrer: str
    """Empty: none was sent."""
    user_agent: str
    request_id: str


def views(world: World, day: date) -> list[Hit]:
    """All hits of a UTC day, by time."""
    if day < world.started_on:
        return []
    random = Random(f"{world.started_on} {day}")
    count = round(A_DAY * world.level(day) ** 0.7 * random.uniform(0.94, 1.06))
    since = (day - world.released_on).days
    pages, referrers = dict(PAGES), dict(REFERRERS)
    if since >= 0:
        pages[RELEASE_PAGE] = max(3, 60 - 6 * since)
        referrers[RELEASE_REFERRER] = max(1, 90 - 25 * since)
    hours = random.choices(range(24), BUSY, k=count)
    times = sorted(
        midnight(day) + timedelta(hours=h, seconds=random.uniform(0, 3600)) for h in hours
    )
    return [_hit(random, at, pages, referrers) for at in times]


def hits(world: World, start_at: datetime, end_at: datetime) -> Iterator[Hit]:
    """The hits of `[start_at, end_at)`, by time."""
    day = start_at.date()
    while midnight(day) < end_at:
        yield from (hit for hit in views(world, day) if start_at <= hit.at < end_at)
        day += DAY


def _hit(random: Random, at: datetime, pages: dict[str, int], referrers: dict[str, int]) -> Hit:
    status = _one(random, STATUSES)
    return Hit(
        # a log shows milliseconds
        at=at.replace(microsecond=at.microsecond // 1000 * 1000),
        ip=_address(random),
        method="GET",
        path=_one(random, pages) if status != 404 else f"/old/{random.randrange(40)}",
        status=status,
        bytes=random.randrange(2_000, 60_000) if status == 200 else 0,
        seconds=round(random.expovariate(1 / 0.03), 3),
        referrer=_one(random, referrers),
        user_agent=_one(random, AGENTS),
        request_id=f"{random.getrandbits(128):032x}",
    )


def _one(random: Random, weights: dict[T, int]) -> T:
    return random.choices(list(weights), list(weights.values()))[0]


def _address(random: Random) -> str:
    """Of the networks that are kept for documentation: nobody's."""
    if random.random() < 0.2:
        return f"2001:db8:{random.randrange(400):x}::{random.randrange(1, 9):x}"
    network = random.choice(("192.0.2", "198.51.100", "203.0.113"))
    return f"{network}.{random.randrange(1, 255)}"
