from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

import pytest

from tallymark.calendar.periods import Calendar
from tallymark.engines import Around, Query, Window
from tallymark.engines.lake import RECUT, Lake
from tallymark.errors import BadRequest, FatalError, RetryableError
from tallymark.metrics.answer import SeriesQuery
from tallymark.metrics.define import MetricSpec
from tallymark.metrics.sheet import Doubt, Sheet
from tallymark.model import Cause, Grain, Period

BERLIN = Calendar("Europe/Berlin")
SPECS = {
    name: MetricSpec(name=name, title=name, stream="npm.downloads", aggregate="sum", field="n")
    for name in ("downloads", "package")
}
NOBODY_ASKED = (Cause("missed", "nobody asked 25 Oct"),)


@dataclass
class Numbers:
    """Metrics of two packages, whose values count up; the second knows nothing of its last day."""

    workspace: Calendar = BERLIN
    cut: Calendar = BERLIN
    doubts: tuple[Doubt, ...] = ()
    asked: list[SeriesQuery] = field(default_factory=list)
    specs: Mapping[str, MetricSpec] = field(default_factory=lambda: SPECS)
    dimensions: Mapping[str, tuple[str, ...]] = field(
        default_factory=lambda: dict.fromkeys(SPECS, ("package", "country"))
    )

    def grain_refusal(self, metric_name: str, grain: Grain) -> str | None:
        return "it comes by whole days" if metric_name == "package" and grain == "hour" else None

    def sheet(self, query: SeriesQuery) -> Sheet:
        self.asked.append(query)
        for name, value in query.filters:
            if name == "package" and value not in ("a", "b"):
                raise BadRequest(f"there is no package {value!r}: there are a, b")
        buckets = tuple(self.cut.periods(query.grain, query.from_at, query.to_at))
        keys = (("a",), ("b",)) if query.by else ((),)
        numbers: list[list[int | None]] = [
            [n * 10 + m for m in range(len(keys))] for n in range(len(buckets))
        ]
        numbers[-1][-1] = None
        return Sheet(
            metric=query.metric, grain=query.grain, by=query.by, calendar=self.cut,
            buckets=buckets, keys=keys, numbers=numbers, doubts=self.doubts,
        )  # fmt: skip


def around(numbers: Numbers) -> Around:
    return Around(http=None, metrics=numbers)  # type: ignore[arg-type]


def window(first_on: date, end_on: date, calendar: Calendar = BERLIN) -> Window:
    span = Period(calendar.start_of(first_on), calendar.end_of(end_on))
    return Window(first_on=first_on, end_on=end_on, period=span, calendar=calendar)


def wrong(plain: Mapping[str, Any], availability: str = "", zone: str = "Europe/Berlin") -> Any:
    day = window(date(2026, 11, 20), date(2026, 11, 20), Calendar(zone))
    found = Lake().check(Query(json=plain), availability, day, around(Numbers()))
    return {one.field: one.text for one in found.wrong}


DOWNLOADS = {"metric": "downloads", "by": ["package"]}
OCTOBER = window(date(2026, 10, 24), date(2026, 10, 26))
HOUR = "2026-10-25T02:00:00"


def rows(plain: Mapping[str, Any], when: Window = OCTOBER) -> tuple[Any, list[tuple[Any, ...]]]:
    (found,) = Lake().ask(Query(json=plain), when, around(Numbers()))
    return found.columns, list(found.rows)


def test_every_mistake_is_told_at_once_and_what_is_right() -> None:
    assert wrong({"metrik": "x", "metric": "download", "grain": "daily", "by": ["a", 1]}) == {
        "query_json.metrik": "LAKE has none: did you mean metric?",
        "query_json.metric": "a metric of the workspace: did you mean downloads?",
        "query_json.grain": "one of hour, day, week, month, quarter, year",
        "query_json.by": 'a list of dimensions, such as ["package"]',
    }
    filters = {"packag": ["a"], "country": ["DE"]}
    plain = {"metric": "downloads", "by": ["countri", "country", "country"], "filters": filters}
    assert wrong(plain, "segments", "Asia/Kolkata") == {
        "availability": "LAKE knows by itself when its data is there: leave it out, or none",
        "time_zone": "metrics are cut by the workspace's zone, Europe/Berlin: leave time_zone out",
        "query_json.by[0]": "downloads has no dimension 'countri': did you mean country?",
        "query_json.by": "a dimension is named twice",
        "query_json.filters.packag": "downloads has no dimension 'packag': did you mean package?",
    }
    several = DOWNLOADS | {"filters": {"package": ["a", "c"]}}
    assert wrong(several) == {
        "query_json.filters.package": "there is no package 'c': there are a, b"
    }
    assert set(wrong(DOWNLOADS | {"filters": {"package": "a"}})) == {"query_json.filters"}
    assert wrong({"metric": "package", "grain": "hour"}) == {
        "query_json.grain": "it comes by whole days"
    }
    assert set(wrong({"metric": "package", "by": ["package"]})) == {"query_json.metric"}
    assert set(wrong({"metric": ["downloads"], "grain": {}, "by": None, "filters": 3})) == {
        f"query_json.{name}" for name in ("metric", "grain", "by", "filters")
    }


def test_sql_is_refused_and_told_what_to_write() -> None:
    found = Lake().check(Query(sql="SELECT 1"), "", OCTOBER, around(Numbers()))
    assert [one.field for one in found.wrong] == ["query"]
    assert '{"metric":' in found.wrong[0].text


def test_the_columns_are_known_when_it_is_configured() -> None:
    found = Lake().check(Query(json=DOWNLOADS), "", OCTOBER, around(Numbers()))
    assert (found.wrong, found.warnings, found.unchecked) == ((), (), False)
    assert found.output is not None
    assert found.output.columns == rows(DOWNLOADS)[0] == ("date", "package", "downloads")


def test_rows_come_by_time_and_what_is_not_known_is_null() -> None:
    assert rows(DOWNLOADS)[1] == [
        ("2026-10-24", "a", 0),
        ("2026-10-24", "b", 1),
        ("2026-10-25", "a", 10),
        ("2026-10-25", "b", 11),
        ("2026-10-26", "a", 20),
        ("2026-10-26", "b", None),
    ]
    only = {"metric": "downloads", "grain": "month"}
    assert rows(only, window(date(2026, 10, 1), date(2026, 11, 30)))[1] == [
        ("2026-10-01", 0),
        ("2026-11-01", None),
    ]


def test_an_hour_that_comes_twice_has_its_offset() -> None:
    hours = rows({"metric": "downloads", "grain": "hour"})[1]
    assert len(hours) == 24 + 25 + 24
    assert [at for at, _ in hours if at.startswith(HOUR)] == [f"{HOUR}+02:00", f"{HOUR}+01:00"]


def test_the_filters_of_one_dimension_are_alternatives() -> None:
    numbers = Numbers()
    query = Query(json=DOWNLOADS | {"filters": {"package": ["a", "b"]}})
    list(Lake().ask(query, OCTOBER, around(numbers)))
    assert numbers.asked[-1].filters == (("package", "a"), ("package", "b"))


def test_it_waits_for_what_may_still_come_and_names_it() -> None:
    lag = tuple(Cause("lag", f"{n} Oct may still change") for n in (24, 25, 26))
    open_yet = tuple(
        Doubt(f"2026-10-{24 + n}", "provisional", (cause,), False) for n, cause in enumerate(lag)
    )
    numbers = Numbers(doubts=open_yet)
    query = Query(json=DOWNLOADS)
    found = Lake().ready(query, "", OCTOBER, around(numbers))
    assert found.waits_for == (
        "3 of 3 days not complete yet: 2026-10-24, 2026-10-25, 2026-10-26 "
        "(24 Oct may still change, 25 Oct may still change and 1 more)"
    )
    found = Lake().ready(query, "none", OCTOBER, around(numbers))
    assert found.waits_for == ""
    assert found.warnings[0].startswith("3 of 3 days not complete yet: ")


def test_what_is_missing_for_good_is_counted_and_named() -> None:
    numbers = Numbers(doubts=(Doubt("2026-10-25", "missing", NOBODY_ASKED, True),))
    found = Lake().ready(Query(json=DOWNLOADS), "", OCTOBER, around(numbers))
    told = "1 of 3 days incomplete for good: 2026-10-25 (nobody asked 25 Oct)"
    assert (found.waits_for, found.warnings) == ("", (told,))
    numbers.doubts = (*numbers.doubts, Doubt("2026-10-26", "provisional", (), False))
    found = Lake().ready(Query(json=DOWNLOADS), "", OCTOBER, around(numbers))
    assert found.waits_for == "1 of 3 days not complete yet: 2026-10-26"


def test_a_complete_interval_is_ready() -> None:
    found = Lake().ready(Query(json=DOWNLOADS), "", OCTOBER, around(Numbers()))
    assert (found.waits_for, found.warnings) == ("", ())


def test_buckets_that_reach_beyond_the_interval_are_refused() -> None:
    weekly = Query(json=DOWNLOADS | {"grain": "week"})
    checked = Lake().check(weekly, "", OCTOBER, around(Numbers()))
    assert [one.field for one in checked.wrong] == ["query_json.grain"]
    with pytest.raises(FatalError, match=r"are not whole weeks: .* such as LAST_WEEK"):
        Lake().ready(weekly, "", OCTOBER, around(Numbers()))
    week = window(date(2026, 10, 19), date(2026, 10, 25))
    assert Lake().ready(weekly, "", week, around(Numbers())).waits_for == ""
    sunday = replace(BERLIN, week_start="sunday")
    with pytest.raises(FatalError):
        list(Lake().ask(weekly, replace(week, calendar=sunday), around(Numbers())))


def test_it_waits_while_the_metric_is_cut_anew() -> None:
    numbers = Numbers(workspace=BERLIN, cut=Calendar("UTC"))
    query = Query(json=DOWNLOADS)
    assert Lake().ready(query, "", OCTOBER, around(numbers)).waits_for == RECUT
    with pytest.raises(RetryableError):
        list(Lake().ask(query, OCTOBER, around(numbers)))
    numbers.workspace = Calendar("UTC")
    with pytest.raises(FatalError, match="leave time_zone out"):
        Lake().ready(query, "", OCTOBER, around(numbers))


def test_a_metric_that_went_away_fails_the_run() -> None:
    gone = Query(json=DOWNLOADS | {"filters": {"package": ["gone"]}})
    with pytest.raises(FatalError, match="there is no package 'gone'"):
        list(Lake().ask(gone, OCTOBER, around(Numbers())))
