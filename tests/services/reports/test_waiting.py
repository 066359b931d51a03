"""A report waits until its data is really in a real Druid, says what for, and then runs by itself.

Nothing of what Druid says of itself is made up here: data is held back, lost and late for real.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tallymark.reports.store import Report
from tests.servers.druid import Druid
from tests.servers.kafka import Kafka
from tests.services.reports.events import COLUMNS, TYPES, Event, at_of, csv_lines, event
from tests.services.reports.house import House, house
from tests.services.reports.seen import NATIVE, Seen, seen

DAY = timedelta(days=1)
pytestmark = pytest.mark.timeout(600)


def today() -> datetime:
    return datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def some(day: datetime, n: int, seed: int) -> list[Event]:
    draw = random.Random(seed)
    return [event(draw, day + timedelta(minutes=draw.randrange(1440))) for _ in range(n)]


def configure(made: House, source: str, interval: str = "YESTERDAY", **more: Any) -> Report:
    """The events of each day."""
    query = {
        "queryType": "timeseries",
        "granularity": "day",
        "dataSource": source,
        "aggregations": [{"type": "count", "name": "n"}],
    }
    return made.submit(
        report_name=f"events of {source}",
        query_engine="DRUID",
        execution_frequency="ONCE",
        report_interval=interval,
        output_format="csv",
        output_field_names=["Day", "Events"],
        query_json=query,
        **more,
    )


def lines(sent: list[Event]) -> list[str]:
    days = sorted({at_of(one).date() for one in sent})
    counts = [sum(at_of(one).date() == day for one in sent) for day in days]
    return csv_lines({"d": str(d), "n": n} for d, n in zip(days, counts, strict=True))


def said(made: House, report: Report) -> list[str]:
    made.until(lambda: made.run(report).state == "SUCCESS")
    (data,) = made.files(report, made.run(report).end_on).values()
    return data.decode().split("\r\n")[1:-1]


def waits_for(made: House, report: Report, text: str) -> None:
    """Work until it waits for this, without a single attempt; its reason is told to people."""
    made.until(lambda: text in (made.run(report).waits_for or ""))
    told = made.why(report)[0]
    assert told.startswith(f"waits for {made.run(report).end_on}: ")
    assert text in told
    assert (made.run(report).state, made.run(report).attempts) == ("SUBMITTED", 0)


@pytest.mark.parametrize("name", ["telemetry", "events"])
def test_held_back_data_is_waited_for_and_the_report_then_runs_by_itself(
    druid: Druid, kafka: Kafka, tmp_path: Path, name: str
) -> None:
    source, topic = druid.name(name), kafka.topic(partitions=2)
    early, late = some(today() - DAY, 50, 1), some(today() - DAY, 40, 2)
    kafka.send(topic, early)
    druid.supervise(source, topic, kafka.bootstrap, columns=COLUMNS, types=TYPES, task="PT1H")
    with house(tmp_path / "home", druid.broker, druid.coordinator) as made:
        druid.taken(source, len(early))
        report = configure(made, source)
        # all of it can be asked for, but the task that holds it can still fail
        waits_for(made, report, "the last day is not handed over yet")
        druid.suspend(source)
        kafka.send(topic, late, partition=1)
        druid.handed_over(source)
        waits_for(made, report, "supervisor SUSPENDED")
        druid.resume(source)
        assert said(made, report) == lines(early + late)
    druid.terminate(source)


def test_a_summary_waits_for_its_segments_alone(druid: Druid, kafka: Kafka, tmp_path: Path) -> None:
    source = druid.name("summary")
    # whatever its stream is behind with
    druid.supervise(source, kafka.topic(), kafka.bootstrap, columns=COLUMNS, types=TYPES)
    druid.suspend(source)
    sent = some(today() - 2 * DAY, 9, 3)
    druid.load(source, sent, types=TYPES)
    with house(tmp_path / "home", druid.broker, druid.coordinator) as made:
        report = configure(made, source, "LAST_7_DAYS")
        waits_for(made, report, "no segment of the last day")
        sent += some(today() - DAY, 5, 4)
        druid.load(source, sent, types=TYPES)
        assert said(made, report) == lines(sent)
        (warning,) = made.run(report).warnings
        assert warning.startswith(f"no data on 5 of 7 days: {today() - 7 * DAY:%Y-%m-%d}, ")
        other = configure(made, source, "LAST_30_DAYS", availability="both")
        waits_for(made, other, "supervisor SUSPENDED")
    druid.terminate(source)


def test_a_segment_of_all_time_is_one_of_each_day(druid: Druid, tmp_path: Path) -> None:
    """Its end has a year of nine digits: as a text it comes before every other."""
    source = druid.name("summary")
    sent = some(today() - DAY, 5, 9)
    druid.load(source, sent, types=TYPES, segments="all")
    assert druid.segments(source)[0]["end"] > "146140482-"
    with house(tmp_path / "home", druid.broker, druid.coordinator) as made:
        assert said(made, configure(made, source)) == lines(sent)


def test_a_telemetry_source_without_a_supervisor_is_waited_for(
    druid: Druid, tmp_path: Path
) -> None:
    source = druid.name("telemetry")
    sent = some(today() - DAY, 5, 5)
    druid.load(source, sent, types=TYPES)
    with house(tmp_path / "home", druid.broker, druid.coordinator) as made:
        report = configure(made, source)
        waits_for(made, report, f"no supervisor of {source}")
        other = configure(made, source, "LAST_7_DAYS", availability="segments")
        assert said(made, other) == lines(sent)


@pytest.mark.parametrize("how", ["lost", "dropped"])
def test_a_segment_that_goes_while_it_is_asked_for_is_missed(
    druid: Druid, tmp_path: Path, how: str
) -> None:
    source = druid.name("summary")
    sent = [one for n in range(1, 4) for one in some(today() - n * DAY, 10 + n, n)]
    druid.load(source, sent, types=TYPES)
    day = f"{today() - DAY:%Y-%m-%d}"
    (going,) = [s["segment_id"] for s in druid.segments(source) if s["start"][:10] == day]

    def go() -> None:
        if how == "lost":
            druid.lose(source, day)
        else:
            druid.drop(going, source)
            druid.unavailable(source, day)

    with seen(druid.broker) as broker:
        with house(tmp_path / "home", broker.url, druid.coordinator) as made:
            report = configure(made, source, "LAST_7_DAYS")
            first_to(broker, source, go)
            made.work()
            # the answer was a good one, of a day less
            answers = [one for one in broker.to(NATIVE) if one.path == NATIVE and one.json]
            assert [(one.status, len(one.json)) for one in answers[:1]] == [(200, 2)]
            assert not made.files(report, made.run(report).end_on)
            waiting = "2 of 3 segments loaded" if how == "lost" else "no segment of the last day"
            made.until(lambda: made.run(report).waits_for == waiting)
            if how == "lost":
                druid.find(source)
            else:
                druid.load(source, sent, types=TYPES)
            assert said(made, report) == lines(sent)


def first_to(broker: Seen, source: str, do: Callable[[], None]) -> None:
    """Do something before the first native query of a source is passed on, once."""
    waiting = [do]

    def before(path: str, body: Any) -> None:
        if waiting and path == NATIVE and body["dataSource"] == source:
            waiting.pop()()

    broker.before = before


def test_a_busy_topic_is_read_far_enough_though_its_lag_is_never_nothing(
    druid: Druid, kafka: Kafka, tmp_path: Path
) -> None:
    source, topic = druid.name("telemetry"), kafka.topic(partitions=2)
    sent = some(today() - DAY, 50, 7)
    kafka.send(topic, sent)
    druid.supervise(source, topic, kafka.bootstrap, columns=COLUMNS, types=TYPES)
    druid.taken(source, len(sent))
    druid.suspend(source)
    druid.handed_over(source)
    # what Kafka gives it is less than what comes: it is behind for as long as the test takes
    kafka.slow(source, 50_000)
    status = f"/druid/indexer/v1/supervisor/{source}/status"
    with seen(druid.coordinator) as coordinator, busy(kafka, topic):
        druid.resume(source)
        with house(tmp_path / "home", druid.broker, coordinator.url) as made:
            report = configure(made, source)
            assert said(made, report) == lines(sent)
            looks = [one.json["payload"] for one in coordinator.to(status)]
            lags = [one["aggregateLag"] for one in looks if one.get("latestOffsets")]
            assert lags[-1] > 0, "its lag was nothing: it could have run for that"
    druid.terminate(source)


@contextmanager
def busy(kafka: Kafka, topic: str) -> Iterator[None]:
    """Send some 600 events of today in each second."""
    over = threading.Event()
    events = some(today(), 30, 8)

    def send() -> None:
        while not over.wait(0.1):
            for partition in (0, 1):
                kafka.send(topic, events, partition)

    sending = threading.Thread(target=send)
    sending.start()
    try:
        yield
    finally:
        over.set()
        sending.join()
