"""What truly happened in the demo project: the oracle that the simulated vendors show.

Everything follows from the first day alone, so that a vendor in another process, a second start
and a test see the same world. The story, in days after the first: a release (and its peak), three
days without GitHub, a week that npm restates downwards.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zlib import crc32

DAY = timedelta(days=1)
HOUR = timedelta(hours=1)

REPOSITORIES = ("acme/rocket", "acme/launchpad")
PACKAGES = ("@acme/rocket", "launchpad")

_STARS = {"acme/rocket": (2140, 6.5), "acme/launchpad": (310, 1.4)}
_DOWNLOADS = {"@acme/rocket": 1800, "launchpad": 420}
# more than what is true by so much is what npm says until it restates
_OVERCOUNT = 1.35


@dataclass(frozen=True)
class World:
    """The demo project since `started_on`."""

    started_on: date

    @property
    def released_on(self) -> date:
        """Rocket 2.0: a Tuesday."""
        about = self.started_on + 330 * DAY
        return about + ((1 - about.weekday()) % 7) * DAY

    @property
    def outage_at(self) -> tuple[datetime, datetime]:
        """GitHub answers nothing but 503: three whole days."""
        start_at = midnight(self.started_on + 356 * DAY)
        return start_at, start_at + 3 * DAY

    @property
    def restated(self) -> tuple[date, date, datetime]:
        """The first and the last day of the week that npm counts again, and when it does so.

        All seven lie less than npm's seven days back, so the next reading sees them.
        """
        first = self.started_on + 372 * DAY
        return first, first + 6 * DAY, midnight(first + 7 * DAY) + 20 * HOUR

    # -- GitHub --------------------------------------------------------------------------------

    def outage(self, at: datetime) -> bool:
        start_at, end_at = self.outage_at
        return start_at <= at < end_at

    def repository(self, repo: str, at: datetime) -> Mapping[str, int] | None:
        if repo not in _STARS:
            return None
        had, a_day = _STARS[repo]
        gained = self._gained(repo, a_day, at)
        swing = 8 * math.sin((at.date() - self.started_on).days / 23)
        return {
            "stars": had + gained,
            "forks": had // 9 + gained // 8,
            "watchers": had // 45 + gained // 40,
            "pulls": round(had / 150 + 9 + swing) + chance(f"{repo} pulls {at.date()}", 5),
        }

    def _gained(self, repo: str, a_day: float, at: datetime) -> int:
        whole = (at.date() - self.started_on).days
        days = [self.started_on + n * DAY for n in range(max(0, whole))]
        gained = sum(self._new_stars(repo, a_day, day) for day in days)
        today = (at - midnight(at.date())) / DAY
        return gained + (int(self._new_stars(repo, a_day, at.date()) * today) if whole >= 0 else 0)

    def _new_stars(self, repo: str, a_day: float, day: date) -> int:
        """Some days more people take their star back than give one."""
        if chance(f"{repo} lost {day}", 23) == 0:
            return -1 - chance(f"{repo} how many {day}", 2)
        return round(a_day * self.level(day) * (0.6 + chance(f"{repo} stars {day}", 81) / 100))

    # -- npm -----------------------------------------------------------------------------------

    def has_package(self, package: str) -> bool:
        return package in _DOWNLOADS

    def downloads(self, package: str, day: date, at: datetime) -> int | None:
        """What npm shows at an instant. A day comes some hours after it has ended, at times a day
        late, and before that it is not there or a 0."""
        if day < self.started_on or at < midnight(day + DAY):
            return None
        if at < self._counted_at(package, day):
            shows_zero = chance(f"{package} zero {day}", 2) == 0
            return 0 if shows_zero and at >= midnight(day + DAY) + HOUR else None
        first, last, restated_at = self.restated
        true = self.true_downloads(package, day)
        overcounted = first <= day <= last and at < restated_at
        return round(true * _OVERCOUNT) if overcounted else true

    def true_downloads(self, package: str, day: date) -> int:
        """What npm says in the end."""
        noise = 0.88 + chance(f"{package} noise {day}", 25) / 100
        return round(_DOWNLOADS[package] * self.level(day) * noise)

    def _counted_at(self, package: str, day: date) -> datetime:
        late = DAY if chance(f"{package} late {day}", 12) == 0 else timedelta()
        minutes = chance(f"{package} minute {day}", 120)
        return midnight(day + DAY) + 4.5 * HOUR + timedelta(minutes=minutes) + late

    # -- both, and the site --------------------------------------------------------------------

    def level(self, day: date) -> float:
        """How busy a day is: 1 is a weekday of the first month."""
        n = (day - self.started_on).days
        growth = 1 + 0.4 * n / 365
        weekend = (0.52, 0.58)[day.weekday() - 5] if day.weekday() >= 5 else 1.0
        season = 1 + 0.12 * math.cos(2 * math.pi * (day.timetuple().tm_yday - 45) / 365)
        if (day.month, day.day) >= (12, 22) or (day.month, day.day) <= (1, 2):
            season *= 0.55
        since = (day - self.released_on).days
        peak = 1 + 3.2 * math.exp(-since / 2.5) if since >= 0 else 1.0
        return growth * weekend * season * peak


def midnight(day: date) -> datetime:
    return datetime.combine(day, time(), UTC)


def chance(what: str, sides: int) -> int:
    """A die that always falls the same way for the same throw."""
    mixed = crc32(what.encode()) * 2_654_435_761 % 2**32
    return (mixed >> 7) % sides
