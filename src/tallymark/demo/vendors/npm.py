"""npm's download counts as Tallymark meets them: late days, zeros first, ranges cut in silence."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import unquote

from tallymark.clock import Clock
from tallymark.demo.vendors.alone import main
from tallymark.demo.vendors.memory import MemoryWorld
from tallymark.demo.vendors.server import Answer, Asked, VendorServer, conditional, json_answer

SIMULATES = "npm"
SUBJECT = "@acme/rocket"
FIRST_DAY = date(2015, 1, 10)
LONGEST = timedelta(days=548)
"""18 months: what is asked for beyond them is left out without a word."""
_PATH = re.compile(r"/downloads/range/(\d{4}-\d\d-\d\d):(\d{4}-\d\d-\d\d)/(.+)")


class World(Protocol):
    """What is true of the packages."""

    def has_package(self, package: str) -> bool: ...

    def downloads(self, package: str, day: date, at: datetime) -> int | None:
        """What npm says of a day at an instant; None: it says nothing yet, and leaves it out."""
        ...


class NpmVendor(VendorServer):
    """Refuses more than `per_minute` requests, with 429 and without saying until when."""

    def __init__(
        self,
        world: World,
        clock: Clock,
        log_path: Path | None = None,
        *,
        per_minute: int = 1000,
        longest: timedelta = LONGEST,
    ) -> None:
        super().__init__(clock, log_path)
        self.world = world
        self.per_minute = per_minute
        self.longest = longest
        self._recent: deque[datetime] = deque()

    def change(self, values: Mapping[str, Any]) -> None:
        """`per_minute`, `longest_days`; the rest is the world's."""
        rest = dict(values)
        self.per_minute = int(rest.pop("per_minute", self.per_minute))
        self.longest = timedelta(days=int(rest.pop("longest_days", self.longest.days)))
        if rest:
            change = getattr(self.world, "change", None)
            if change is None:
                raise ValueError("this world cannot be changed")
            change(rest)

    def answer(self, asked: Asked) -> Answer:
        recent = self._recent
        while recent and not timedelta() <= asked.at - recent[0] < timedelta(minutes=1):
            recent.popleft()
        if len(recent) >= self.per_minute:
            return json_answer(429, {"error": "too many requests"})
        recent.append(asked.at)
        return conditional(asked, self._range(asked))

    def _range(self, asked: Asked) -> Answer:
        found = _PATH.fullmatch(asked.path)
        try:
            first, last = (date.fromisoformat(text) for text in found.groups()[:2])  # type: ignore[union-attr]
        except (AttributeError, ValueError):
            return json_answer(400, {"error": "end date > start date"})
        package = unquote(found.group(3)) if found else ""
        if last < first:
            return json_answer(400, {"error": "end date < start date"})
        if not self.world.has_package(package):
            return json_answer(404, {"error": f"package {package} not found"})
        first = max(first, FIRST_DAY)
        last = min(last, first + self.longest - timedelta(days=1))
        days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
        counted = [(day, self.world.downloads(package, day, asked.at)) for day in days]
        body = {
            "start": first.isoformat(),
            "end": last.isoformat(),
            "package": package,
            "downloads": [
                {"downloads": n, "day": day.isoformat()} for day, n in counted if n is not None
            ],
        }
        return json_answer(200, body)


def start(log_path: Path | None, clock: Clock) -> NpmVendor:
    """A vendor that knows every package."""
    vendor = NpmVendor(MemoryWorld(seeded=True), clock, log_path)
    vendor.start()
    return vendor


if __name__ == "__main__":
    main(NpmVendor)
