from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert

from tallymark.calendar.periods import Calendar
from tallymark.errors import BadRequest, NotFound
from tallymark.ledger import objects
from tallymark.metrics.answer import Line
from tallymark.metrics.define import cube_specs
from tallymark.model import Covered
from tallymark.state.database import reading, writing
from tallymark.state.schema import inbox
from tests.contract.cubes.conftest import MakeHouse
from tests.contract.cubes.house import House
from tests.contract.cubes.ledger import (
    METRICS,
    STREAMS,
    Ledger,
    at,
    final,
    object_of,
    reading_of,
    short,
)


@pytest.fixture
def house(make_house: MakeHouse) -> Iterator[House]:
    """Its cubes are those that the metrics need."""
    return make_house(cubes=cube_specs(METRICS.values(), STREAMS))  # type: ignore[return-value]


class TestGauge:
    hole = Covered(at(3), at(5), "missing", None, "GitHub did not answer")

    def test_a_hole_is_null_and_named_and_increases_around_it_are_null(self, house: House) -> None:
        ledger = Ledger(house, "acme/a")
        rows = [reading_of("acme/a", day, 1000 - 2 * day) for day in (1, 2, 5, 6)]
        house.commit("github.repositories", rows)
        ledger.cover("acme/a", final(1, 3), self.hole, final(5, 7))
        house.level()
        series = ledger.read("stars", "day", at(1), at(7))
        assert short(series.series[0].buckets) == [
            ("2026-02-01", 998, "complete"),
            ("2026-02-02", 996, "complete"),
            ("2026-02-03", None, "missing"),
            ("2026-02-04", None, "missing"),
            ("2026-02-05", 990, "complete"),
            ("2026-02-06", 988, "complete"),
        ]
        assert series.series[0].buckets[2].causes[0].text == (
            "GitHub did not answer 3–4 Feb: cannot be fetched later"
        )
        assert (series.unit, series.calendar.zone, series.complete_to) == ("stars", "UTC", at(7))
        assert short(ledger.buckets("new_stars", "day", at(1), at(7))) == [
            ("2026-02-01", None, "partial"),
            ("2026-02-02", -2, "complete"),
            ("2026-02-03", None, "missing"),
            ("2026-02-04", None, "missing"),
            ("2026-02-05", None, "partial"),
            ("2026-02-06", -2, "complete"),
        ]

    def test_an_increase_of_a_week_counts_from_the_reading_before_it(self, house: House) -> None:
        ledger = Ledger(house, "acme/a")
        house.commit(
            "github.repositories", [reading_of("acme/a", d, 1000 + d * d) for d in range(1, 20)]
        )
        ledger.cover("acme/a", final(1, 20))
        house.level()
        found = ledger.buckets("new_stars", "week", at(9), at(16))
        assert short(found) == [("2026-W07", 15 * 15 - 8 * 8, "complete")]

    def test_the_total_is_null_where_one_that_had_started_lacks_its_reading(
        self, house: House
    ) -> None:
        ledger = Ledger(house, "acme/a", "acme/b")
        rows = [
            reading_of("acme/a", 1, 10),
            reading_of("acme/b", 1, 5),
            reading_of("acme/a", 2, 11),
        ]
        house.commit("github.repositories", rows)
        gone = Covered(at(2), at(3), "missing", None, "nobody asked")
        ledger.cover("acme/a", final(1, 3))
        ledger.cover("acme/b", final(1, 2), gone)
        house.level()
        assert short(ledger.buckets("stars", "day", at(1), at(3))) == [
            ("2026-02-01", 15, "complete"),
            ("2026-02-02", None, "partial"),
        ]
        series = ledger.read("stars", "day", at(2), at(3), by=("repo",))
        assert [(line.by, short(line.buckets)) for line in series.series] == [
            ({"repo": "acme/a"}, [("2026-02-02", 11, "complete")]),
            ({"repo": "acme/b"}, [("2026-02-02", None, "missing")]),
        ]
        assert series.complete_to is None
        only = ledger.buckets("stars", "day", at(2), at(3), filters=(("repo", "acme/a"),))
        assert short(only) == [("2026-02-02", 11, "complete")]

    def test_a_subject_counts_from_its_start(self, house: House) -> None:
        ledger = Ledger(house, "acme/a")
        specs = [
            object_of("collect", "github", "repositories", "acme/a", at(1)),
            object_of("collect", "github", "repositories", "acme/new", at(2)),
        ]
        with writing(house.databases.control) as tx:
            objects.sync(tx, specs, house.clock.now())
        rows = [reading_of("acme/a", d, 10) for d in (1, 2)] + [reading_of("acme/new", 2, 1)]
        house.commit("github.repositories", rows)
        ledger.cover("acme/a", final(1, 3))
        ledger.cover("acme/new", final(2, 3))
        house.level()
        assert short(ledger.buckets("stars", "day", at(1), at(3))) == [
            ("2026-02-01", 10, "complete"),
            ("2026-02-02", 11, "complete"),
        ]
        before = ledger.buckets("stars", "day", at(30, month=1), at(31, month=1))
        assert short(before) == [("2026-01-30", None, "missing")]
        assert before[0].causes[0].text == "before the first period, which begins 1 Feb 00:00"

    def test_a_reading_taken_late_belongs_to_the_day_when_it_was_taken(
        self, make_house: MakeHouse
    ) -> None:
        house = make_house(zone="Europe/Berlin", cubes=cube_specs(METRICS.values(), STREAMS))
        ledger = Ledger(house, "acme/a")
        # 23:01 UTC of the 3rd is the 4th in Berlin, which has its own reading as well
        house.commit(
            "github.repositories",
            [reading_of("acme/a", 3, 7, hour=23), reading_of("acme/a", 4, 8, hour=1)],
        )
        ledger.cover("acme/a", final(1, 5))
        house.level()
        found = ledger.buckets("stars", "day", at(3, 12), at(4, 12))
        assert short(found) == [("2026-02-03", None, "partial"), ("2026-02-04", 8, "complete")]
        assert [c.code for c in found[0].causes] == ["missed"]

    @pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Asia/Kathmandu"])
    def test_the_days_of_a_hole_are_missing_in_every_zone(
        self, make_house: MakeHouse, zone: str
    ) -> None:
        house = make_house(zone=zone, cubes=cube_specs(METRICS.values(), STREAMS))
        ledger = Ledger(house, "acme/a")
        # at one in the morning UTC it is the day before in New York
        rows = [reading_of("acme/a", day, 1000 + day, hour=1) for day in (1, 2, 5, 6, 7)]
        house.commit("github.repositories", rows)
        ledger.cover("acme/a", final(1, 3), self.hole, final(5, 8))
        house.level()
        found = ledger.buckets("stars", "day", at(1, 12), at(6, 12))
        words = ["complete", "complete", "missing", "missing", "complete", "complete"]
        values = [1001, 1002, None, None, 1005, 1006]
        if zone == "America/New_York":
            words, values = [words[1], *words[2:], "complete"], [*values[1:], 1007]
        assert [(b.value, b.completeness) for b in found] == list(zip(values, words, strict=True))

    def test_a_running_day_shows_its_reading_and_is_partial(self, house: House) -> None:
        ledger = Ledger(house, "acme/a")
        now = house.clock.now()
        row = {"ts": now - timedelta(hours=1), "repo": "acme/a", "stars": 3, "forks": 1}
        house.commit("github.repositories", [row])
        ledger.cover("acme/a", Covered(at(1, month=3), at(3, month=3), "final"))
        house.level()
        (found,) = ledger.buckets("stars", "day", at(2, month=3), at(3, month=3))
        assert (found.value, found.completeness) == (3, "partial")
        assert [c.code for c in found.causes] == ["running"]


class TestSeries:
    def test_every_part_must_be_final(self, house: House) -> None:
        ledger = Ledger(house)
        rows = [
            {"ts": at(day), "package": "left-pad", "downloads": day * 10} for day in range(1, 8)
        ]
        house.commit("npm.downloads", rows)
        ledger.cover(
            "left-pad",
            final(1, 5),
            Covered(at(5), at(7), "read", at(7, 1)),
            Covered(at(7), at(8), "waiting", at(8), "npm gave no value yet"),
        )
        house.level()
        assert short(ledger.buckets("downloads", "day", at(4), at(9))) == [
            ("2026-02-04", 40, "complete"),
            ("2026-02-05", 50, "provisional"),
            ("2026-02-06", 60, "provisional"),
            ("2026-02-07", None, "missing"),
            ("2026-02-08", None, "missing"),
        ]
        (month,) = ledger.buckets("downloads", "month", at(1), at(2))
        assert (month.value, month.completeness) == (280, "partial")

    def test_days_stand_under_their_own_names_in_every_zone(self, make_house: MakeHouse) -> None:
        for zone in ("America/New_York", "Asia/Kathmandu"):
            house = make_house(zone=zone, cubes=cube_specs(METRICS.values(), STREAMS))
            ledger = Ledger(house)
            if zone == "America/New_York":
                rows = [
                    {"ts": at(day), "package": "left-pad", "downloads": day} for day in (1, 2, 3)
                ]
                house.commit("npm.downloads", rows)
                ledger.cover("left-pad", final(1, 4))
            house.level()
            day = house.calendar.day(at(2).date())
            found = ledger.buckets("downloads", "day", day.start_at, day.end_at)
            assert short(found) == [("2026-02-02", 2, "complete")]

    def test_hours_are_not_offered(self, house: House) -> None:
        ledger = Ledger(house, "acme/a")
        with pytest.raises(BadRequest, match="there are no hours"):
            ledger.read("downloads", "hour", at(1), at(2))
        with pytest.raises(BadRequest, match="read every day"):
            ledger.read("stars", "hour", at(1), at(2))
        assert ledger.reader.grain_refusal("stars", "day") is None
        assert ledger.reader.grain_refusal("views", "hour") is None


class TestPush:
    def hits(self, *when: datetime) -> list[dict[str, Any]]:
        return [{"ts": one, "site": "site", "path": "/", "bytes": 5} for one in when]

    def test_a_complete_hour_without_rows_is_zero(self, house: House) -> None:
        ledger = Ledger(house)
        house.commit("site.hits", self.hits(at(3, 10, 5), at(3, 10, 6), at(3, 12, 1)))
        ledger.listened(at(3, 10), at(3, 12, 30))
        house.level()
        house.clock.set(at(3, 12, 30))
        assert short(ledger.buckets("views", "hour", at(3, 9), at(3, 13))) == [
            ("2026-02-03T09", 0, "complete"),
            ("2026-02-03T10", 2, "complete"),
            ("2026-02-03T11", 0, "complete"),
            ("2026-02-03T12", 1, "partial"),
        ]
        assert [b.value for b in ledger.buckets("biggest", "hour", at(3, 10), at(3, 12))] == [
            5,
            None,
        ]
        by = ledger.read("views", "hour", at(3, 10), at(3, 12), by=("path",)).series
        assert [(line.by, [b.value for b in line.buckets]) for line in by] == [
            ({"path": "/"}, [2, 0])
        ]

    def test_rows_that_come_after_it_was_complete_restate_it(self, house: House) -> None:
        ledger = Ledger(house)
        ledger.listened(at(1), at(2, month=3))
        house.clock.set(at(3, 11))
        house.commit("site.hits", self.hits(at(3, 10, 5), at(3, 11, 5)))
        house.clock.set(at(4, 9))
        house.commit("site.hits", self.hits(at(3, 10, 7)))
        house.level()
        first, second = ledger.buckets("views", "hour", at(3, 10), at(3, 12))
        assert (first.value, first.completeness, first.restated_at) == (2, "complete", at(4, 9))
        assert (second.value, second.restated_at) == (1, None)

    def test_what_waits_in_the_inbox_keeps_the_hour_open(self, house: House) -> None:
        ledger = Ledger(house)
        ledger.listened(at(3), at(4))
        row = {"source": "site", "received_at": at(3, 11, 1), "headers": {}, "body": b"x"}
        with writing(house.databases.inbox) as tx:
            tx.execute(insert(inbox).values(row))
        found = ledger.buckets("views", "hour", at(3, 9), at(3, 11))
        assert [b.completeness for b in found] == ["complete", "provisional"]
        assert [c.code for c in found[1].causes] == ["waiting"]
        assert found[1].value == 0


class TestMarks:
    def test_a_bucket_with_a_newer_mark_never_says_complete(self, house: House) -> None:
        ledger = Ledger(house)
        ledger.listened(at(1), at(2, month=3))

        def hit(when: datetime) -> dict[str, Any]:
            return {"ts": when, "site": "site", "path": "/"}

        house.commit("site.hits", [hit(at(3, 10))])
        # nothing is rolled up yet
        first = ledger.buckets("views", "hour", at(3, 10), at(3, 12))
        assert [(b.value, b.completeness) for b in first] == [(None, "provisional")] * 2
        assert {c.code for b in first for c in b.causes} == {"rolling_up"}
        house.level()
        house.commit("site.hits", [hit(at(3, 10, 30))])
        assert short(ledger.buckets("views", "hour", at(3, 10), at(3, 12))) == [
            ("2026-02-03T10", 1, "provisional"),
            ("2026-02-03T11", 0, "complete"),
        ]
        (day,) = ledger.buckets("views", "day", at(3), at(4))
        assert (day.value, day.completeness) == (1, "provisional")
        house.level()
        (day,) = ledger.buckets("views", "day", at(3), at(4))
        assert (day.value, day.completeness) == (2, "complete")

    def test_another_calendar_is_answered_by_the_old_one_until_it_is_rebuilt(
        self, make_house: MakeHouse
    ) -> None:
        cubes = cube_specs(METRICS.values(), STREAMS)
        house = make_house(cubes=cubes)
        Ledger(house).listened(at(1), at(2, month=3))
        house.commit("site.hits", [{"ts": at(3, 10), "site": "site", "path": "/"}])
        house.level()
        berlin = make_house(zone="Europe/Berlin", cubes=cubes)
        ledger = Ledger(berlin)
        for zone, calendar in (("UTC", house.calendar), ("Europe/Berlin", berlin.calendar)):
            answer = ledger.read("views", "day", at(3, 1), at(3, 2))
            assert answer.calendar == calendar == Calendar(zone)
            assert [bucket.value for bucket in answer.series[0].buckets][-1] == 1
            berlin.level()


def test_a_wrong_question_says_what_is_right(house: House) -> None:
    ledger = Ledger(house, "acme/a")
    with pytest.raises(NotFound, match="did you mean stars"):
        ledger.read("star", "day", at(1), at(2))
    with pytest.raises(BadRequest, match="did you mean acme/a"):
        ledger.read("stars", "day", at(1), at(2), filters=(("repo", "acme/b"),))
    with pytest.raises(BadRequest, match="no dimension"):
        ledger.read("stars", "day", at(1), at(2), by=("path",))


def test_a_removed_subject_is_expected_as_far_as_it_was_covered(house: House) -> None:
    ledger = Ledger(house, "acme/a", "acme/b")
    rows = [reading_of(repo, 1, 10) for repo in ("acme/a", "acme/b")]
    house.commit("github.repositories", [*rows, reading_of("acme/a", 2, 11)])
    ledger.cover("acme/a", final(1, 3))
    ledger.cover("acme/b", final(1, 2))
    with writing(house.databases.control) as tx:
        spec = object_of("collect", "github", "repositories", "acme/a", at(1))
        objects.sync(tx, [spec], house.clock.now())
    house.level()
    assert short(ledger.buckets("stars", "day", at(1), at(3))) == [
        ("2026-02-01", 20, "complete"),
        ("2026-02-02", 11, "complete"),
    ]


def test_lines_of_an_answer_have_the_same_buckets(house: House) -> None:
    ledger = Ledger(house, "acme/a", "acme/b")
    series = ledger.read("stars", "week", at(1), at(20), by=("repo",))
    spans = {tuple((b.start_at, b.end_at) for b in line.buckets) for line in series.series}
    assert len(spans) == 1
    assert isinstance(series.series[0], Line)
    with reading(house.databases.control) as conn:
        assert len(objects.load(conn)) == 4
