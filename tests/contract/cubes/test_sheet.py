from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest

from tallymark.metrics.answer import SeriesQuery
from tallymark.metrics.define import MetricSpec, cube_specs
from tallymark.metrics.series import SeriesReader
from tallymark.metrics.sheet import Sheet
from tallymark.model import Covered, Grain
from tests.contract.cubes.conftest import MakeHouse
from tests.contract.cubes.house import House
from tests.contract.cubes.ledger import METRICS, STREAMS, Ledger, Sender, at, final, reading_of

TOOK = MetricSpec(name="took", title="Took", stream="site.hits", aggregate="sum", field="took_s",
                  dimensions=("path",))  # fmt: skip
EVERY = METRICS | {"took": TOOK}


@pytest.fixture
def house(make_house: MakeHouse) -> Iterator[House]:
    return make_house(zone="Europe/Berlin", cubes=cube_specs(EVERY.values(), STREAMS))  # type: ignore[return-value]


def reader_of(house: House, *, retries: bool = True) -> SeriesReader:
    return SeriesReader(
        house.databases,
        house.store,
        house.calendar,
        EVERY,
        STREAMS,
        house.clock,
        connectors={"site": Sender(retries=retries)},  # type: ignore[dict-item]
    )


def asked(metric: str, grain: Grain, start: datetime, end: datetime, **more: Any) -> SeriesQuery:
    return SeriesQuery(metric=metric, grain=grain, from_at=start, to_at=end, **more)


def hits(n: int, since_at: datetime, hours: int) -> list[dict[str, Any]]:
    draw = random.Random(n)
    return [
        {
            "ts": since_at + timedelta(seconds=draw.randrange(hours * 3600)),
            "site": "site",
            "path": draw.choice(["/", "/ä", '/"q"', "/a,b", None, "\\", "/z\n"]),
            "bytes": draw.choice([2**53 + draw.randrange(99), draw.randrange(9), None]),
            "took_s": draw.choice([0.1, 1e-300, 2 / 3, draw.random()]),
        }
        for _ in range(n)
    ]


QUESTIONS = [
    ("views", "hour", {"by": ("path",)}),
    ("views", "day", {"by": ("path", "site")}),
    ("views", "day", {"by": ("site",)}),
    ("views", "week", {}),
    ("views", "hour", {"by": ("path",), "filters": (("path", "/"), ("path", "/a,b"))}),
    ("biggest", "day", {}),
    ("took", "hour", {"by": ("path",)}),
]


def test_a_sheet_holds_the_numbers_of_the_series(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both ways of making one, over the hour that comes twice; the quick one makes no buckets."""
    Ledger(house).listened(at(1), at(2, month=3))
    house.commit("site.hits", hits(400, at(2), 72) + hits(300, at(10), 40))
    house.level()
    reader = reader_of(house)
    for metric, grain, more in QUESTIONS:
        question = asked(metric, grain, at(2), at(15), **more)  # type: ignore[arg-type]
        series = reader.read(question)
        slow = sheet_without_a_look_at_the_whole(reader, question)
        with monkeypatch.context() as patched:
            patched.setattr("tallymark.metrics.series.lines", None)
            quick = reader.sheet(question)
        assert quick == slow
        assert quick.doubts == ()
        assert quick.keys == tuple(tuple(line.by.values()) for line in series.series)
        assert [list(row) for row in quick.numbers] == [
            [line.buckets[n].value for line in series.series] for n in range(len(quick.buckets))
        ]
        assert len({value for row in quick.numbers for value in row}) > 1 or metric == "views"


def sheet_without_a_look_at_the_whole(reader: SeriesReader, question: SeriesQuery) -> Sheet:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("tallymark.metrics.series.complete", lambda facts: False)
        return reader.sheet(question)


def doubts(sheet: Sheet) -> list[tuple[str, str, bool]]:
    return [(doubt.key, doubt.completeness, doubt.final) for doubt in sheet.doubts]


def test_what_was_missed_is_final_and_what_may_still_come_is_not(make_house: MakeHouse) -> None:
    house = make_house(cubes=cube_specs(EVERY.values(), STREAMS))
    ledger = Ledger(house, "acme/a", "acme/b")
    house.commit("github.repositories", [reading_of("acme/a", d, 10) for d in (1, 2, 4)])
    house.commit("github.repositories", [reading_of("acme/b", d, 5) for d in (1, 4)])
    gone = Covered(at(2), at(4), "missing", None, "nobody asked")
    ledger.cover("acme/a", final(1, 3), Covered(at(3), at(4), "missing", None, ""), final(4, 5))
    ledger.cover("acme/b", final(1, 2), gone, final(4, 5), Covered(at(5), at(6), "failed"))
    house.level()
    reader = reader_of(house)
    sheet = reader.sheet(asked("stars", "day", at(1), at(6)))
    assert doubts(sheet) == [
        ("2026-02-02", "partial", True),
        ("2026-02-03", "missing", True),
        ("2026-02-05", "missing", False),
    ]
    assert list(sheet.numbers) == [[15], [None], [None], [15], [None]]
    assert "acme/b: nobody asked 2–3 Feb" in sheet.doubts[0].causes[0].text
    # the lake is ahead of the cube
    house.commit("github.repositories", [reading_of("acme/b", d, 6) for d in (2, 3)])
    sheet = reader.sheet(asked("stars", "day", at(1), at(4)))
    assert doubts(sheet) == [("2026-02-02", "partial", False), ("2026-02-03", "missing", False)]


def test_an_answer_without_lines_is_in_doubt_like_any_other(make_house: MakeHouse) -> None:
    house = make_house(cubes=cube_specs(EVERY.values(), STREAMS))
    Ledger(house).listened(at(1), at(3, 10, 5))
    house.level()
    house.clock.set(at(3, 10, 5))
    sheet = reader_of(house).sheet(asked("views", "hour", at(3, 9), at(3, 11), by=("path",)))
    assert sheet.keys == ()
    assert doubts(sheet) == [
        ("2026-02-03T09", "provisional", False),
        ("2026-02-03T10", "partial", False),
    ]


def test_a_reading_that_is_not_of_the_end_is_told_and_final(make_house: MakeHouse) -> None:
    house = make_house(cubes=cube_specs(EVERY.values(), STREAMS))
    ledger = Ledger(house, "acme/a")
    house.commit("github.repositories", [reading_of("acme/a", 1, 10), reading_of("acme/a", 9, 11)])
    ledger.cover("acme/a", final(1, 16))
    house.level()
    sheet = reader_of(house).sheet(asked("stars", "week", at(2), at(16)))
    assert doubts(sheet) == [("2026-W06", "partial", True), ("2026-W07", "partial", True)]


@pytest.mark.parametrize("retries", [True, False])
def test_what_a_sender_that_does_not_repeat_has_lost_is_final(
    make_house: MakeHouse, retries: bool
) -> None:
    house = make_house(cubes=cube_specs(EVERY.values(), STREAMS))
    ledger = Ledger(house)
    ledger.listened(at(1), at(3, 10, 20))
    ledger.listened(at(3, 10, 40), at(3, 12, 30))
    house.commit("site.hits", hits(50, at(3), 12))
    house.level()
    house.clock.set(at(3, 12, 30))
    sheet = reader_of(house, retries=retries).sheet(
        asked("views", "hour", at(3, 10), at(3, 13), by=("path",))
    )
    running = ("2026-02-03T12", "partial", False)
    lost = [] if retries else [("2026-02-03T10", "partial", True)]
    assert doubts(sheet) == [*lost, running]
