"""The Druid engine on a real Druid. What is expected is worked out from the rows alone."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import cycle
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tallymark.engines import Around, Checked, Query, Window
from tallymark.engines.druid import Druid
from tallymark.errors import EngineAway, FatalError, RetryableError
from tallymark.model import Period
from tallymark.net.engines import EngineHttp
from tests.clock import FakeClock
from tests.servers.druid import Druid as Servers
from tests.unit.engines.druid.windows import window

COUNT = [{"type": "count", "name": "n"}]
STEP = timedelta(minutes=15)
# with the clock changes of New York, St John's, Havana and Cairo
STRETCHES = (
    ("2023-04-26", "2023-05-01"),
    ("2025-10-31", "2025-11-04"),
    ("2026-03-06", "2026-03-11"),
)
BEYOND = 2**53 + 1


def _rows() -> Iterator[dict[str, Any]]:
    kinds, tags = cycle([None, "", "0", "LOG", 'a "b", c\n']), cycle([None, ["a", "b"], "a"])
    values = cycle([None, 0.0, -1.5, 1e300])
    n = 0
    for first, end in STRETCHES:
        at = datetime.fromisoformat(first).replace(tzinfo=UTC)
        while at < datetime.fromisoformat(end).replace(tzinfo=UTC):
            n += 1
            yield {
                "ts": at.strftime("%Y-%m-%dT%H:%M:%S.000Z"),
                "at": at,
                "eid": next(kinds),
                "tags": next(tags),
                "did": BEYOND + n,
                "value": next(values),
            }
            at += STEP


ROWS = list(_rows())


@pytest.fixture(scope="module")
def source(druid: Servers) -> str:
    name = druid.name("engine")
    sent = [{key: value for key, value in row.items() if key != "at"} for row in ROWS]
    druid.load(name, sent, segments="month", types={"did": "long", "value": "double"})
    return name


@pytest.fixture(scope="module")
def engine(druid: Servers) -> Druid:
    return Druid(broker=druid.broker, coordinator=druid.coordinator)


@pytest.fixture(scope="module")
def around(engine: Druid) -> Iterator[Around]:
    http = EngineHttp(frozenset(engine.addresses()), FakeClock())
    yield Around(http=http, metrics=None)  # type: ignore[arg-type]
    http.close()


Ask = Callable[..., list[tuple[Any, ...]]]


@pytest.fixture(scope="module")
def ask(engine: Druid, around: Around, source: str) -> Ask:
    def asked(over: Window, sql: str | None = None, **query: Any) -> list[tuple[Any, ...]]:
        native = {"dataSource": source, **query}
        question = Query(sql=sql.replace("EVENTS", source)) if sql else Query(json=native)
        return [tuple(row) for part in engine.ask(question, over, around) for row in part.rows]

    return asked


def inside(over: Window) -> list[dict[str, Any]]:
    """By the zone's clock alone: the window's own instants are what is judged."""
    zone = ZoneInfo(over.calendar.zone)
    return [
        row for row in ROWS if over.first_on <= row["at"].astimezone(zone).date() <= over.end_on
    ]


def bucket(row: dict[str, Any], grain: str, zone: str) -> str:
    """Where weeks start on Sunday and years in April."""
    local = row["at"].astimezone(ZoneInfo(zone))
    on: date = local.date()
    year = on.year - (on.month < 4)
    match grain:
        case "hour":
            return local.replace(minute=0).isoformat()
        case "week":
            on -= timedelta(days=(on.weekday() + 1) % 7)
        case "month":
            on = on.replace(day=1)
        case "quarter":
            on = date(on.year, (on.month - 1) // 3 * 3 + 1, 1)
        case "year":
            on = date(year, 4, 1)
    return on.isoformat()


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Kolkata", "America/St_Johns"])
@pytest.mark.parametrize("grain", ["hour", "day", "week", "month", "quarter", "year"])
def test_buckets_are_the_calendars(ask: Ask, zone: str, grain: str) -> None:
    for first, end in STRETCHES:
        over = window(first, end, zone, week_start="sunday", fiscal_start=4)
        got = ask(
            over,
            queryType="timeseries",
            granularity=grain,
            aggregations=COUNT,
            context={"skipEmptyBuckets": True},
        )
        wanted = Counter(bucket(row, grain, zone) for row in inside(over))
        assert dict(got) == dict(wanted)


def test_days_that_druid_cuts_wrongly_are_no_answer(ask: Ask) -> None:
    """It adds days to one that begins at 1 in the morning: all later ones begin so."""
    over = window("2023-04-27", "2023-04-30", "Africa/Cairo")
    with pytest.raises(FatalError, match="no day of Africa/Cairo starts there"):
        ask(over, queryType="groupBy", dimensions=[], granularity="day", aggregations=COUNT)
    # and where its buckets are not seen: in SQL, and within an inner query
    days = "SELECT TIME_FLOOR(__time, 'P1D') AS d{} FROM EVENTS"
    days += " WHERE __time >= :from AND __time < :to GROUP BY TIME_FLOOR(__time, 'P1D'){}"
    for sql in (days.format(", COUNT(*)", ""), days.format(", eid", ", eid")):
        with pytest.raises(FatalError, match="cuts a day wrongly"):
            ask(over, sql)
    within = {"queryType": "timeseries", "dataSource": "EVENTS", "granularity": "day"}
    with pytest.raises(FatalError, match="cuts a day wrongly"):
        ask(over, queryType="timeseries", dataSource={"type": "query", "query": within})
    # grouped in two steps it is right
    inner = "SELECT __time AS t, eid, COUNT(*) AS n FROM EVENTS"
    inner += " WHERE __time >= :from AND __time < :to GROUP BY __time, eid"
    steps = f"SELECT TIME_FLOOR(t, 'P1D'), SUM(n) FROM ({inner}) GROUP BY 1"
    wanted = Counter(bucket(row, "day", "Africa/Cairo") for row in inside(over))
    assert {row[0][:10]: row[1] for row in ask(over, steps)} == wanted


def test_sql_is_bound_to_the_very_instants(ask: Ask) -> None:
    """Also where midnight comes twice: Havana, 2025-11-02."""
    sql = (
        "SELECT COUNT(*), MIN(__time), MAX(did) FROM EVENTS WHERE __time >= :from AND __time < :to"
    )
    for zone in ("America/Havana", "America/New_York", "Asia/Kolkata", "UTC"):
        for on in ("2025-11-01", "2025-11-02", "2025-11-03", "2026-03-08"):
            over = window(on, on, zone)
            rows = inside(over)
            got = ask(over, sql)
            assert [row[0] for row in got] == [len(rows)]
            assert datetime.fromisoformat(got[0][1]) == rows[0]["at"]
            assert got[0][2] == rows[-1]["did"]


def test_values_are_as_they_were_sent(ask: Ask) -> None:
    over = window("2026-03-07", "2026-03-09", "America/New_York")
    columns = ["__time", "eid", "did", "value"]
    wanted = [
        (int(row["at"].timestamp() * 1000), row["eid"], row["did"], row["value"])
        for row in inside(over)
    ]
    assert ask(over, queryType="scan", columns=columns, order="ascending") == wanted
    sql = 'SELECT TIMESTAMP_TO_MILLIS(__time), eid, did, "value" FROM EVENTS'
    sql += " WHERE __time >= :from AND __time < :to ORDER BY __time"
    assert ask(over, sql) == wanted


def test_values_of_a_list_are_a_list(ask: Ask) -> None:
    """In SQL such a column is text, unless it is made an array."""
    over = window("2026-03-07", "2026-03-07")
    tags = [row["tags"] for row in inside(over)]
    assert ask(over, queryType="scan", columns=["tags"]) == [(one,) for one in tags]
    sql = "SELECT MV_TO_ARRAY(tags), CAST(__time AS DATE) FROM EVENTS"
    sql += " WHERE __time >= :from AND __time < :to ORDER BY __time"
    lists = [[one] if isinstance(one, str) else one for one in tags]
    assert ask(over, sql) == [(one, "2026-03-07") for one in lists]


def test_groups_tell_null_from_nothing(ask: Ask) -> None:
    over = window("2026-03-08", "2026-03-08", "Asia/Kolkata")
    groups: dict[Any, list[dict[str, Any]]] = {}
    for row in inside(over):
        groups.setdefault(row["eid"], []).append(row)
    wanted = {
        ("2026-03-08", eid, len(rows), max(row["did"] for row in rows))
        for eid, rows in groups.items()
    }
    aggregations = [*COUNT, {"type": "longMax", "name": "m", "fieldName": "did"}]
    grouped = {"granularity": "day", "aggregations": aggregations}
    assert set(ask(over, queryType="groupBy", dimensions=["eid"], **grouped)) == wanted
    top = {"dimension": "eid", "metric": "n", "threshold": 9, **grouped}
    assert set(ask(over, queryType="topN", **top)) == wanted


def test_an_inner_query_is_cut_as_the_outer_one(ask: Ask, source: str) -> None:
    over = window("2026-03-07", "2026-03-09", "America/New_York")
    inner = {
        "queryType": "groupBy",
        "dataSource": source,
        "granularity": "week",
        "dimensions": ["eid"],
        "aggregations": COUNT,
    }
    total = [{"type": "longSum", "name": "t", "fieldName": "n"}]
    query = {"dataSource": {"type": "query", "query": inner}, "aggregations": total}
    assert ask(over, queryType="timeseries", **query) == [(len(inside(over)),)]


def test_an_answer_that_druid_breaks_off_is_never_short(ask: Ask) -> None:
    """It answers 200 and `[` to totals over an empty interval: its own fault, and a real one."""
    day = window("2026-03-07", "2026-03-07")
    nothing = replace(day, period=Period(day.period.start_at, day.period.start_at))
    with pytest.raises(RetryableError, match="torn"):
        ask(nothing, queryType="groupBy", dimensions=[], granularity="all", aggregations=COUNT)
    with pytest.raises(RetryableError) as error:
        ask(day, queryType="scan", columns=["did"], context={"timeout": 1})
    assert not isinstance(error.value, EngineAway)


@pytest.fixture(scope="module")
def check(engine: Druid, around: Around, source: str) -> Callable[..., Checked]:
    def checked(sql: str | None = None, **query: Any) -> Checked:
        native = {"queryType": "groupBy", "dataSource": source, "dimensions": ["eid"]}
        native = {**native, "aggregations": COUNT, **query}
        question = Query(sql=sql.replace("EVENTS", source)) if sql else Query(json=native)
        return engine.check(question, "", window("2026-03-07", "2026-03-07"), around)

    return checked


AVERAGE = {"type": "thetaSketch", "name": "a", "fieldName": "did"}
INSIDE = "WHERE __time >= :from AND __time < :to"


@pytest.mark.parametrize(
    ("query", "field", "said"),
    [
        # what Druid itself answers with nothing, with nulls, or with all
        ({"dataSource": "engines"}, "dataSource", "no data source 'engines'"),
        ({"dimensions": ["eid", "did", "deviceid"]}, "dimensions[2]", "no column 'deviceid'"),
        ({"filter": {"type": "null", "column": "vaule"}}, "filter.column", "mean 'value'?"),
        (
            {"aggregations": [{"type": "longSum", "name": "s", "fieldName": "dids"}]},
            "aggregations[0].fieldName",
            "did you mean 'did'?",
        ),
        # what it answers with the name of a Java class
        ({"filter": {"type": "bound", "dimension": "eid"}}, "filter", "Druid refuses"),
        ({"granularity": {"type": "period", "period": "P1X"}}, "granularity", "Druid refuses"),
        ({"having": {"type": "grater"}}, "having", "Druid refuses"),
        ({"filter": {"type": "expression", "expression": "did =="}}, "filter", "math.expr"),
        # known to us, but of an extension that is not loaded here
        ({"aggregations": [*COUNT, AVERAGE]}, "aggregations[1]", "InvalidTypeId"),
        (
            {"aggregations": [{"type": "ours", "name": "a"}]},
            "aggregations[0].type",
            "no aggregation",
        ),
    ],
)
def test_what_druid_swallows_is_said_when_configured(
    check: Callable[..., Checked], query: dict[str, Any], field: str, said: str
) -> None:
    checked = check(**query)
    assert [one.field for one in checked.wrong] == [f"query_json.{field}"], json.dumps(query)
    assert said in checked.wrong[0].text
    assert not checked.unchecked


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        (f"SELECT eid\nFROM EVENTZ {INSIDE}", "Object 'EVENTZ' not found (line [2]"),
        (f"SELECT nothing FROM EVENTS {INSIDE}", "'nothing' not found in any table (line [1]"),
        (f"SELECT FROM EVENTS {INSIDE}", "near the keyword 'FROM' at line 1, column 8"),
    ],
)
def test_what_druid_says_of_sql_has_its_line(
    check: Callable[..., Checked], sql: str, said: str
) -> None:
    assert [one.field for one in check(sql).wrong] == ["query"]
    assert said in check(sql).wrong[0].text


def test_what_is_right_is_right(check: Callable[..., Checked]) -> None:
    for checked in (check(), check(dimensions=[]), check(f"SELECT eid FROM EVENTS {INSIDE};")):
        assert checked.wrong == ()
        assert (checked.warnings, checked.unchecked) == ((), False)
    assert check(granularity="day").output is not None


def test_a_text_that_is_summed_is_warned_of(check: Callable[..., Checked]) -> None:
    checked = check(aggregations=[{"type": "longSum", "name": "s", "fieldName": "eid"}])
    assert checked.wrong == ()
    assert "eid is text" in checked.warnings[0]
