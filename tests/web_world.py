"""A small real `Services` over made-up numbers, for tests of boards, web and browser.

The numbers are a pure function of the bucket, so every grain of every test is repeatable: stars
(gauge, three repositories, GitHub silent for three days), downloads (restated for seven days),
views (hourly, running), and a metric that cannot be read.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import cast

from tallymark.boards.define import BoardSpec, CardSpec
from tallymark.boards.health import Health, Progress
from tallymark.boards.offer import Finest
from tallymark.calendar.elapsed import elapsed
from tallymark.calendar.overlays import Pair, pairs
from tallymark.calendar.periods import Calendar
from tallymark.errors import RetryableError
from tallymark.metrics.answer import Bucket, Compared, ComparedBucket, Line, Series, SeriesQuery
from tallymark.metrics.define import MetricSpec
from tallymark.model import Cause, Completeness, Overlay, Period
from tallymark.reports.service import Reports
from tallymark.web.services import Services
from tests.clock import FakeClock

NOW = datetime(2026, 11, 24, 14, 25, tzinfo=UTC)
BERLIN = Calendar("Europe/Berlin")
SILENT = Period(datetime(2026, 11, 10, 23, tzinfo=UTC), datetime(2026, 11, 13, 23, tzinfo=UTC))
TICK = timedelta(microseconds=1)
REPOS = ("acme/core", "acme/docs", "acme/cli")
METRICS = {
    metric.name: metric
    for metric in (
        MetricSpec(
            name="stars", title="Stars", stream="github.repositories", aggregate="last",
            field="stars", unit="stars", direction="up", description="People who starred us.",
        ),
        MetricSpec(
            name="new_stars", title="New stars", stream="github.repositories",
            aggregate="increase", field="stars", unit="stars", direction="up",
        ),
        MetricSpec(
            name="downloads", title="Downloads", stream="npm.downloads", aggregate="sum",
            field="downloads", unit="downloads", description="Of all packages, by npm.",
        ),
        MetricSpec(
            name="views", title="Page views", stream="site.requests", aggregate="count",
            unit="views", dimensions=("path",),
        ),
        MetricSpec(name="broken", title="Broken", stream="x.y", aggregate="count", unit="things"),
    )
}  # fmt: skip
DIMENSIONS = {
    "stars": ("repo",), "new_stars": ("repo",), "downloads": ("package",),
    "views": ("site", "path"), "broken": (),
}  # fmt: skip
FINEST = {
    "stars": Finest("day", "read once a day"),
    "new_stars": Finest("day", "read once a day"),
    "downloads": Finest("day", "counted by whole days (UTC)"),
}
VALUES = {
    "repo": REPOS, "package": ("@acme/core",), "site": ("docs",),
    "path": tuple(f"/page/{n}" for n in range(12)),
}  # fmt: skip


@dataclass
class Numbers:
    """A `Reads` that makes up numbers. `since_at`: nothing was collected before it."""

    cut: Calendar
    clock: FakeClock
    since_at: datetime = datetime(2025, 10, 1, tzinfo=UTC)
    asked: list[SeriesQuery] = field(default_factory=list)

    def calendar(self, metric_name: str) -> Calendar:
        return self.cut

    def read(self, query: SeriesQuery) -> Series:
        self.asked.append(query)
        if query.metric == "broken":
            raise RetryableError("the database is away: try again in a moment")
        lines = [
            self._line(query, dict.fromkeys(query.by, name), n + 1)
            for n, name in enumerate(VALUES[query.by[0]] if query.by else ("",))
        ]
        ends = [b.end_at for b in lines[0].buckets if b.completeness == "complete"]
        unit = METRICS[query.metric].unit
        return Series(
            query.metric, unit, query.grain, self.cut, query.from_at, query.to_at,
            max(ends, default=None), tuple(lines), query.align,
        )  # fmt: skip

    def _line(self, query: SeriesQuery, by: dict[str, str], share: int) -> Line:
        periods = self.cut.periods(query.grain, query.from_at, query.to_at)
        buckets = tuple(
            Bucket(
                self.cut.key(query.grain, period), period.start_at, period.end_at,
                *self._judged(query.metric, period, share),
            )
            for period in periods
        )  # fmt: skip
        return Line(
            by, buckets, {one: self._laid(query, one, periods, share) for one in query.compare}
        )

    def _laid(
        self, query: SeriesQuery, overlay: Overlay, periods: list[Period], share: int
    ) -> Compared:
        found = []
        for pair in pairs(self.cut, query.grain, overlay, query.align, periods):
            running = pair.of.end_at > self.clock.now()
            cut_at = self._cut_at(query.metric) if running else pair.of.end_at
            found.append(elapsed(self.cut, query.grain, pair, cut_at))
        there = [pair for pair in found if pair.period]
        compare_days = sum(pair.compare_days or 0 for pair in there) if there else None
        buckets = tuple(self._beside(query, pair, share) for pair in found)
        return Compared(sum(pair.days for pair in found), compare_days, buckets)

    def _beside(self, query: SeriesQuery, pair: Pair, share: int) -> ComparedBucket:
        of = pair.of.start_at, pair.of.end_at
        of_value, *_ = self._judged(query.metric, pair.of, share)
        if pair.period is None:
            causes = (Cause("no_partner", pair.reason),)
            missing = ("missing", causes, pair.days, None, of_value)
            return ComparedBucket(None, None, None, *of, None, *missing)
        whole = self.cut.period(query.grain, pair.period.start_at)
        return ComparedBucket(
            self.cut.key(query.grain, whole), pair.period.start_at, pair.period.end_at, *of,
            *self._judged(query.metric, pair.period, share),
            pair.days, pair.compare_days, of_value, pair.whole,
        )  # fmt: skip

    def _cut_at(self, metric: str) -> datetime:
        """Metrics that come by days are complete to the last midnight, others to the last hour."""
        grain = FINEST.get(metric, Finest()).grain
        return self.cut.period(grain, self.clock.now()).start_at

    def _judged(
        self, metric: str, period: Period, share: int
    ) -> tuple[float | int | None, Completeness, tuple[Cause, ...]]:
        now = self.clock.now()
        if period.end_at <= self.since_at:
            return None, "missing", (Cause("waiting", "Not collected yet"),)
        elapsed_part = Period(period.start_at, max(min(period.end_at, now), period.start_at + TICK))
        value = int(_made_up(metric, elapsed_part) / share)
        if metric in ("stars", "new_stars") and _meets(period, SILENT):
            text = "GitHub did not answer 11–13 Nov: cannot be fetched later"
            cause = Cause("missed", text, SILENT.start_at, SILENT.end_at)
            if _inside(period, SILENT):
                return None, "missing", (cause,)
            return value, "partial", (cause,)
        if period.end_at > now:
            return value, "partial", (Cause("running", "It still runs", None, period.end_at),)
        if metric == "downloads" and period.end_at > now - timedelta(days=7):
            return value, "provisional", (Cause("lag", "npm may still change it for 7 days"),)
        return value, "complete", ()


def _made_up(metric: str, period: Period) -> float:
    days = (period.start_at - datetime(2025, 1, 1, tzinfo=UTC)).total_seconds() / 86_400
    length = (period.end_at - period.start_at).total_seconds() / 86_400
    if metric == "stars":
        return 900 + 1.3 * days + 40 * math.sin(days / 40)
    if metric == "new_stars":
        return 3 * length + 4 * math.sin(days)
    weekday = 1 - 0.45 * (period.start_at.weekday() >= 5) * (length <= 1)
    hour = 1 + 0.8 * math.sin((period.start_at.hour - 8) / 24 * math.tau) * (length < 0.5)
    scale = 21_000 if metric == "downloads" else 1_900
    release = 1 + 2.5 * math.exp(-(((days - 640) / 6) ** 2))
    return scale * length * weekday * hour * release * (1 + days / 900 + 0.1 * math.sin(days))


def _meets(period: Period, other: Period) -> bool:
    return period.start_at < other.end_at and other.start_at < period.end_at


def _inside(period: Period, other: Period) -> bool:
    return other.start_at <= period.start_at and period.end_at <= other.end_at


MUCH = BoardSpec(
    name="project", title="Project", range="91d", grain="day",
    cards=(
        CardSpec(kind="number", metric="stars"),
        CardSpec(kind="number", metric="new_stars"),
        CardSpec(kind="number", metric="downloads"),
        CardSpec(kind="number", metric="views"),
        CardSpec(kind="line", metric="stars", by="repo", title="Stars by repository"),
        CardSpec(kind="bar", metric="new_stars"),
        CardSpec(kind="bar", metric="downloads"),
        CardSpec(kind="line", metric="views"),
        CardSpec(kind="line", metric="views", by="path", title="Views by page", width=12),
    ),
)  # fmt: skip
BROKEN = BoardSpec(
    name="broken", title="With errors",
    cards=(
        CardSpec(kind="number", metric="broken"),
        CardSpec(kind="number", metric="stars"),
        CardSpec(kind="line", metric="broken"),
        CardSpec(kind="line", metric="stars"),
    ),
)  # fmt: skip
TWENTY = BoardSpec(
    name="twenty", title="Twenty cards", range="13m", grain="day",
    cards=tuple(replace(card, title=f"Card {n}") for n, card in enumerate((MUCH.cards * 3)[:20])),
)  # fmt: skip
NONE = BoardSpec(name="none", title="Without cards", cards=())


@dataclass
class World:
    """What a test may change while the server runs."""

    clock: FakeClock
    numbers: Numbers
    healths: dict[str, Health] = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)
    progress: Progress | None = None
    services: Services = field(init=False)

    def __post_init__(self) -> None:
        self.services = Services(
            clock=self.clock,
            reads=self.numbers,
            metrics=METRICS,
            dimensions=DIMENSIONS,
            boards={board.name: board for board in (MUCH, BROKEN, TWENTY, NONE)},
            finest=lambda name: FINEST.get(name, Finest()),
            health=self._health,
            check_token={"tmk_reader": "read", "tmk_admin": "admin"}.get,
            reports=cast(Reports, None),
            ready=lambda: self.reasons,
            prometheus=lambda: b"tallymark_up 1.0\n",
            progress=lambda: self.progress,
        )

    def _health(self, metrics: Sequence[str]) -> Mapping[str, Health]:
        return {name: self.healths.get(name, Health()) for name in metrics}


def world(calendar: Calendar = BERLIN) -> World:
    clock = FakeClock(NOW)
    return World(clock, Numbers(calendar, clock))
