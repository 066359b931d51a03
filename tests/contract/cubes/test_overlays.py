from __future__ import annotations

import random
import shutil
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event

from tallymark.calendar.overlays import OVERLAYS, refusal
from tallymark.cubes import read as cube_read
from tallymark.metrics import gather
from tallymark.metrics.answer import Compared, ComparedBucket, Line
from tallymark.metrics.define import cube_specs
from tallymark.model import Covered, Grain, Overlay, Period
from tallymark.state.database import open_databases
from tests.contract.cubes.house import House
from tests.contract.cubes.ledger import METRICS, STREAMS, Ledger
from tests.postgres import PostgresServer

DAY = timedelta(days=1)
SINCE = datetime(2024, 12, 1, tzinfo=UTC)
UNTIL = datetime(2026, 4, 2, tzinfo=UTC)
HOLE = Period(datetime(2026, 2, 10, tzinfo=UTC), datetime(2026, 2, 12, tzinfo=UTC))
REPOS = ("acme/a", "acme/b")
GRAINS: tuple[Grain, ...] = ("week", "month", "quarter", "year")


def on(month: int, day: int, hour: int = 0, minute: int = 0, year: int = 2026) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=UTC)


class World:
    """Sixteen months of rows; nobody read two days of February, nobody listened in them."""

    def __init__(self, house: House) -> None:
        self.ledger = Ledger(house, *REPOS, since_at=SINCE)
        self.rows = _rows(random.Random(5))
        for table, rows in self.rows.items():
            house.commit(table, rows)
        hole = Covered(HOLE.start_at, HOLE.end_at, "missing", None, "nobody asked")
        for subject in (*REPOS, "left-pad"):
            self.ledger.cover(
                subject,
                Covered(SINCE, HOLE.start_at, "final"),
                hole,
                Covered(HOLE.end_at, UNTIL, "final"),
            )
        self.ledger.listened(SINCE, HOLE.start_at)
        self.ledger.listened(HOLE.end_at, UNTIL)
        house.level()

    def now(self, at: datetime) -> None:
        self.ledger.house.clock.set(at)

    def line(self, metric: str, grain: Grain, start: datetime, end: datetime, **more: Any) -> Line:
        (line,) = self.ledger.read(metric, grain, start, end, **more).series
        return line

    def over(
        self,
        metric: str,
        grain: Grain,
        start: datetime,
        end: datetime,
        overlay: Overlay,
        **more: Any,
    ) -> Compared:
        return self.line(metric, grain, start, end, compare=(overlay,), **more).overlays[overlay]

    def running(self, metric: str, grain: Grain, overlay: Overlay, now: datetime) -> ComparedBucket:
        self.now(now)
        return self.over(metric, grain, now, now + timedelta(seconds=1), overlay).buckets[0]

    def counted(self, metric: str, start: datetime | None, end: datetime | None) -> int | None:
        """Straight from the rows."""
        assert start is not None
        assert end is not None
        spec = METRICS[metric]
        rows = [r for r in self.rows[spec.stream] if start <= r["ts"] < end]
        match spec.aggregate:
            case "count":
                return len(rows)
            case "sum":
                return sum(r["downloads"] for r in rows)
            case "max":
                return max((r["bytes"] for r in rows), default=None)
            case "last":
                return sum(self._last(repo, end) for repo in REPOS)
            case _:
                return sum(self._last(repo, end) - self._last(repo, start) for repo in REPOS)

    def _last(self, repo: str, before: datetime) -> int:
        of_repo = (r for r in self.rows["github.repositories"] if r["repo"] == repo)
        newest = max((r for r in of_repo if r["ts"] < before), key=lambda r: r["ts"])
        return int(newest["stars"])


def _rows(rng: random.Random) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {name: [] for name in STREAMS}
    day = SINCE
    while day < UNTIL:
        if not HOLE.start_at <= day < HOLE.end_at:
            stars = [
                {
                    "ts": day + timedelta(hours=1),
                    "repo": repo,
                    "stars": rng.randrange(900),
                    "forks": 1,
                }
                for repo in REPOS
            ]
            downloads = {"ts": day, "package": "left-pad", "downloads": rng.randrange(500)}
            hits = [
                {
                    "ts": day + timedelta(hours=hour, minutes=rng.randrange(60)),
                    "site": "site",
                    "path": rng.choice(["/a", "/b"] if day < on(1, 1) else ["/b", "/c"]),
                    "bytes": rng.randrange(10_000),
                }
                for hour in rng.sample(range(24), 3)
            ]
            found["github.repositories"] += stars
            found["npm.downloads"].append(downloads)
            found["site.hits"] += hits
        day += DAY
    return found


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def world(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    """Built once: the tests only move its clock."""
    home = tmp_path_factory.mktemp("overlays")
    with ExitStack() as ending:
        url = None
        if request.param == "sqlite":
            for file in request.getfixturevalue("sqlite_template").glob("*.db"):
                shutil.copy(file, home / file.name)
        else:
            server: PostgresServer = request.getfixturevalue("postgres")
            name = server.create(request.getfixturevalue("postgres_template"))
            ending.callback(server.drop, name)
            url = server.url(name)
        databases = open_databases(url, home)
        ending.callback(databases.close)
        house = House(databases, home, cubes=cube_specs(METRICS.values(), STREAMS))
        ending.callback(house.reader.close)
        yield World(house)


def known(compared: Compared) -> Iterator[tuple[ComparedBucket, datetime, datetime]]:
    for bucket in compared.buckets:
        if bucket.start_at is not None and bucket.end_at is not None:
            yield bucket, bucket.start_at, bucket.end_at


def test_an_overlay_says_what_a_question_about_its_range_says(world: World) -> None:
    world.now(on(4, 1, 12))
    questions: list[tuple[Grain, datetime, datetime]] = [
        ("day", on(2, 1), on(3, 16)),
        ("week", on(1, 5), on(3, 30)),
        ("month", on(2, 1), on(4, 1)),
        ("quarter", on(1, 1), on(4, 1)),
        ("hour", on(2, 9), on(2, 14)),
    ]
    compared = 0
    for metric, (grain, start, end), align in (
        (metric, question, align)
        for metric in METRICS
        for question in questions
        for align in ("date", "weekday")
    ):
        if world.ledger.reader.grain_refusal(metric, grain):
            continue
        overlays = tuple(one for one in OVERLAYS if refusal(grain, one, align) is None)
        plain = world.line(metric, grain, start, end)
        line = world.line(metric, grain, start, end, compare=overlays, align=align)
        assert line.buckets == plain.buckets
        assert tuple(line.overlays) == overlays
        for overlay in line.overlays.values():
            partners = list(known(overlay))
            if not partners:
                continue
            asked = world.line(metric, grain, partners[0][1], partners[-1][2]).buckets
            alone = {
                b.key: (b.start_at, b.end_at, b.value, b.completeness, b.causes) for b in asked
            }
            for bucket, start_at, end_at in partners:
                said = (start_at, end_at, bucket.value, bucket.completeness, bucket.causes)
                assert said == alone[bucket.key or ""]
                compared += 1
            own = [b.of_value for b in overlay.buckets]
            assert own == [b.value for b in line.buckets]
    assert compared > 2000


def test_a_partner_is_as_complete_as_its_own_data(world: World) -> None:
    world.now(on(4, 1, 12))
    for metric, words in (
        ("views", ["complete", "complete", "complete", "complete"]),
        ("stars", ["complete", "missing", "missing", "complete"]),
        ("downloads", ["complete", "missing", "missing", "complete"]),
        ("new_stars", ["complete", "missing", "missing", "partial"]),
    ):
        line = world.line(metric, "day", on(3, 9), on(3, 13), compare=("month",))
        assert {b.completeness for b in line.buckets} == {"complete"}
        partners = line.overlays["month"].buckets
        assert [b.completeness for b in partners] == words
        assert all(
            (b.value is None) == (b.completeness in ("missing", "partial")) for b in partners
        )


def test_a_day_that_the_other_month_lacks_stands_beside_nothing_and_says_why(world: World) -> None:
    world.now(on(4, 1, 12))
    found = world.over("views", "day", on(3, 1), on(4, 1), "month")
    assert (found.days, found.compare_days) == (31, 28)
    assert [b.key for b in found.buckets[:28]] == [f"2026-02-{day:02d}" for day in range(1, 29)]
    alone = found.buckets[30]
    assert (alone.key, alone.start_at, alone.end_at, alone.value) == (None, None, None, None)
    assert (alone.of_start_at, alone.of_end_at) == (on(3, 31), on(4, 1))
    assert (alone.completeness, alone.days, alone.compare_days) == ("missing", 1, None)
    assert [(c.code, c.text) for c in alone.causes] == [
        ("no_partner", "February 2026 has no day 31"),
    ]
    assert alone.of_value == world.counted("views", on(3, 31), on(4, 1))
    february = world.over("views", "month", on(3, 1), on(4, 1), "month")
    assert (february.days, february.compare_days) == (31, 28)
    assert [(b.days, b.compare_days) for b in february.buckets] == [(31, 28)]


def test_two_overlays_stand_beside_every_line_also_one_that_is_gone(world: World) -> None:
    world.now(on(4, 1, 12))
    more: dict[str, Any] = {"by": ("path",), "compare": ("prev", "year")}
    lines = world.ledger.read("views", "month", on(3, 1), on(4, 1), **more).series
    assert [line.by["path"] for line in lines] == ["/a", "/b", "/c"]
    assert [list(line.overlays) for line in lines] == [["prev", "year"]] * 3
    gone, _, new = lines
    assert (gone.buckets[0].value, gone.overlays["prev"].buckets[0].value) == (0, 0)
    assert gone.overlays["year"].buckets[0].value
    assert (new.overlays["year"].buckets[0].value, new.buckets[0].completeness) == (0, "complete")
    total = world.over("views", "month", on(3, 1), on(4, 1), "year").buckets[0]
    assert total.value == sum(line.overlays["year"].buckets[0].value or 0 for line in lines)
    (one,) = world.ledger.read(
        "stars", "day", on(3, 5), on(3, 6), compare=("week",), filters=(("repo", "acme/b"),)
    ).series
    (alone,) = world.line("stars", "day", on(2, 26), on(2, 27), by=("repo",),
                          filters=(("repo", "acme/b"),)).buckets  # fmt: skip
    assert one.overlays["week"].buckets[0].value == alone.value


class TestRunning:
    def test_the_parts_of_every_metric_are_what_the_rows_say(self, world: World) -> None:
        compared = 0
        for now in (on(3, 24, 18, 30), on(4, 1, 2, 40)):
            for metric in METRICS:
                for grain in GRAINS:
                    for overlay in OVERLAYS:
                        if refusal(grain, overlay, "date"):
                            continue
                        found = world.running(metric, grain, overlay, now)
                        if found.start_at is None:
                            continue
                        part = world.counted(metric, found.start_at, found.end_at)
                        own = world.counted(metric, found.of_start_at, found.of_end_at)
                        # the hole is in it: the number is that of what there is, or none
                        if found.completeness == "complete":
                            assert found.value == part, (metric, grain, overlay, now)
                        assert found.of_value in (own, None)
                        compared += found.completeness == "complete" and found.of_value == own
        assert compared > 40

    def test_it_is_compared_up_to_its_last_complete_hour(self, world: World) -> None:
        evening, noon, night = on(3, 24, 18, 30), on(3, 30, 12, 20), on(3, 24, 18, 10)
        last = {"year": 2025}
        for grain, overlay, now, of_end_at, start_at, end_at, days, whole in (
            ("month", "month", evening, on(3, 24, 18), on(2, 1), on(2, 24, 18), (24, 24), False),
            ("month", "month", noon, on(3, 30, 12), on(2, 1), on(3, 1), (30, 28), True),
            ("month", "year", noon, on(3, 30, 12), on(3, 1, **last), on(3, 30, 12, **last),
             (30, 30), False),
            ("week", "week", evening, on(3, 24, 18), on(3, 16), on(3, 17, 18), (2, 2), False),
            ("day", "week", evening, on(3, 24, 18), on(3, 17), on(3, 17, 18), (1, 1), False),
            # late records are taken in for 15 minutes
            ("day", "week", night, on(3, 24, 17), on(3, 17), on(3, 17, 17), (1, 1), False),
        ):  # fmt: skip
            found = world.running("views", grain, overlay, now)  # type: ignore[arg-type]
            assert (found.of_end_at, found.start_at, found.end_at) == (of_end_at, start_at, end_at)
            assert (found.whole, (found.days, found.compare_days)) == (whole, days)
            assert found.value == world.counted("views", start_at, end_at)
            assert found.of_value == world.counted("views", found.of_start_at, of_end_at)

    def test_a_metric_that_comes_by_days_is_compared_by_whole_days(self, world: World) -> None:
        for metric in ("stars", "new_stars", "downloads"):
            found = world.running(metric, "month", "month", on(3, 24, 18, 30))
            assert (found.of_end_at, found.end_at) == (on(3, 24), on(2, 24))
            assert (found.days, found.compare_days) == (23, 23)
            assert found.of_value == world.counted(metric, on(3, 1), on(3, 24))
            year = world.running(metric, "month", "year", on(3, 24, 18, 30))
            part = world.counted(metric, on(3, 1, year=2025), on(3, 24, year=2025))
            assert (year.completeness, year.value) == ("complete", part)

    def test_of_which_nothing_has_elapsed_has_no_partner_yet(self, world: World) -> None:
        for metric, grain, now, text in (
            ("stars", "day", on(3, 24, 18, 30), "no full day of it is complete yet"),
            ("downloads", "month", on(3, 1, 18, 30), "no full day of it is complete yet"),
            ("views", "day", on(3, 24, 1, 10), "no full hour of it is complete yet"),
            ("views", "hour", on(3, 24, 1, 10), "it runs, and there is no full hour in it"),
        ):
            found = world.running(metric, grain, "prev", now)  # type: ignore[arg-type]
            assert (found.key, found.value, found.compare_days) == (None, None, None)
            assert [(c.code, c.text) for c in found.causes] == [("no_partner", text)]

    def test_only_the_running_bucket_of_a_range_is_cut(self, world: World) -> None:
        world.now(on(3, 24, 18, 30))
        found = world.over("views", "month", on(1, 1), on(3, 31), "prev")
        assert [(b.key, b.of_end_at) for b in found.buckets] == [
            ("2025-10", on(2, 1)),
            ("2025-11", on(3, 1)),
            ("2025-12", on(3, 24, 18)),
        ]
        assert (found.days, found.compare_days) == (31 + 28 + 24, 31 + 30 + 24)

    def test_a_subject_that_is_silent_holds_the_cut_back_at_its_last_day(
        self, world: World
    ) -> None:
        world.ledger.cover("acme/b", Covered(on(3, 20), on(4, 1), "failed", None, "gone"))
        found = world.running("stars", "month", "month", on(3, 24, 18, 30))
        world.ledger.cover("acme/b", Covered(on(3, 20), on(4, 1), "final"))
        assert (found.of_end_at, found.end_at) == (on(3, 20), on(2, 20))


class TestCost:
    """Rows of the cube, and statements: those of the buckets and of their partners."""

    @pytest.fixture
    def read(self, monkeypatch: pytest.MonkeyPatch) -> list[int]:
        counts: list[int] = []
        real = cube_read.read_cells

        def counting(*args: Any) -> Any:
            state, found = real(*args)
            counts.append(sum(map(len, found)))
            return state, found

        monkeypatch.setattr(gather, "read_cells", counting)
        return counts

    @pytest.fixture
    def statements(self, world: World) -> Iterator[list[str]]:
        engine = world.ledger.house.databases.cubes
        found: list[str] = []

        def seen(conn: Any, cursor: Any, statement: str, *more: Any) -> None:
            if "cube_data_" in statement:
                found.append(statement)

        event.listen(engine, "before_cursor_execute", seen)
        yield found
        event.remove(engine, "before_cursor_execute", seen)

    def test_only_buckets_and_partners_are_read_in_a_statement_a_range(
        self, world: World, read: list[int], statements: list[str]
    ) -> None:
        world.now(on(4, 1, 12))
        # two of the days before were not read
        world.line(
            "downloads", "day", on(3, 2), on(3, 30), compare=("prev", "year"), align="weekday"
        )
        assert (read, len(statements)) == ([3 * 28 - 2], 2)
        world.line("new_stars", "day", on(3, 2), on(3, 30), compare=("year",))
        # two repositories, each with the two days before
        assert (read[1:], len(statements)) == ([2 * 2 * (28 + 2)], 4)

    def test_the_part_of_a_year_is_read_from_days_and_from_hours_of_one(
        self, world: World, read: list[int], statements: list[str]
    ) -> None:
        found = world.running("views", "year", "year", on(3, 30, 12, 20))
        assert found.end_at == on(3, 30, 12, year=2025)
        assert len(statements) == 1 + 2 * 2
        assert read[0] <= 2 + 2 * 89 + 2 * 3
