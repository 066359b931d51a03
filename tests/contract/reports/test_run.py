from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import date, timedelta

import pytest
from sqlalchemy import func, select

from tallymark.errors import EngineAway, FatalError, RetryableError
from tallymark.files.local import LocalFiles
from tallymark.reports import runs, store
from tallymark.state.database import reading, writing
from tallymark.state.schema import tasks

from .conftest import House


def test_a_new_report_runs_at_once_for_the_last_ended_day(house: House) -> None:
    house.configure()
    house.work()
    [run] = house.runs()
    assert (run.first_on, run.end_on, run.state, run.rows) == (
        "2026-11-17", "2026-11-23", "SUCCESS", 2,
    )  # fmt: skip
    file = house.files.get("druid-reports/daily-2026-11-23.csv").decode()
    assert file.split() == ["day,N", "2026-11-23,0", "2026-11-23,1"]
    assert run.location == "file:///x/druid-reports/daily-2026-11-23.csv"
    assert run.warnings == ("one day is empty",)


def test_an_outage_is_caught_up_the_oldest_date_first_and_each_once(house: House) -> None:
    house.configure()
    house.work()
    house.later(days=7)
    house.work()
    house.work()
    assert house.engine.asked == [date(2026, 11, 23) + timedelta(days=n) for n in range(8)]


def test_a_waiting_date_says_what_for_and_holds_up_no_later_one(house: House) -> None:
    house.configure()
    house.work()
    house.engine.waits = {date(2026, 11, 24): "3 of 4 segments loaded"}
    house.later(days=2)
    house.work()
    assert house.states() == {
        "2026-11-23": "SUCCESS", "2026-11-24": "SUBMITTED", "2026-11-25": "SUCCESS",
    }  # fmt: skip
    waiting = house.runs()[1]
    assert waiting.waits_for == "3 of 4 segments loaded"
    assert waiting.waiting_since_at == house.clock.now()
    assert (waiting.attempts, waiting.memory) == (0, {"looks": "1"})
    house.engine.waits = {}
    house.later(seconds=31)
    house.work()
    assert set(house.states().values()) == {"SUCCESS"}


def test_a_look_leaves_no_task_behind(house: House) -> None:
    house.configure()
    house.engine.waits = {date(2026, 11, 23): "lag 12,310"}
    house.work()
    looks = house.engine.looks
    for _ in range(5):
        house.later(minutes=6)
        house.work()
    assert house.engine.looks == looks + 5
    with reading(house.databases.control) as conn:
        spans = select(func.count()).select_from(tasks).where(tasks.c.start_at.is_not(None))
        assert conn.execute(spans).scalar() == 0


def test_at_the_deadline_it_says_so_once_and_late_data_still_makes_the_file(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    house.configure(catch_up="none")
    house.engine.waits = {date(2026, 11, 23): "lag 12,310"}
    with caplog.at_level(logging.WARNING):
        for _ in range(60):
            house.later(hours=1)
            house.work()
    assert [r.getMessage() for r in caplog.records if "deadline" in r.getMessage()] == [
        "report daily of 2026-11-23: at its deadline it still waited: lag 12,310"
    ]
    assert house.states()["2026-11-23"] == "FAILED"
    house.engine.waits = {}
    house.later(hours=1)
    house.work()
    assert house.states()["2026-11-23"] == "SUCCESS"


def test_after_thirty_days_nobody_asks_for_a_date_any_more(house: House) -> None:
    house.configure(frequency="ONCE", interval="YESTERDAY")
    house.engine.waits = {date(2026, 11, 23): "lag 12,310"}
    for _ in range(35):
        house.later(days=1)
        house.work()
    looks = house.engine.looks
    house.later(days=1)
    house.work()
    assert house.engine.looks == looks
    assert house.states() == {"2026-11-23": "FAILED"}


def test_the_deadline_is_told_once_also_where_the_engine_goes_away_after_each_look(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    house.configure()
    house.engine.errors = [EngineAway("refused") for _ in range(8)]
    house.work()
    with caplog.at_level(logging.WARNING):
        for _ in range(5):
            house.later(hours=25)
            house.work()
    told = [one for one in caplog.messages if "daily of 2026-11-23: at its deadline" in one]
    assert len(told) == 1


def test_a_date_that_nobody_asks_for_any_more_says_so(house: House) -> None:
    house.configure()
    house.engine.waits = {date(2026, 11, 23): "lag 5"}
    house.work()
    house.later(days=31)
    house.work()
    house.later(hours=2)
    house.work()
    run = house.runs()[-1]
    assert (run.end_on, run.state, run.open) == ("2026-11-23", "FAILED", False)
    assert run.advice == "Nobody asks for it any more: regenerate the date when its data is there."


def test_a_date_that_has_not_ended_is_not_made_though_the_clock_said_so(house: House) -> None:
    house.configure()
    house.work()
    house.engine.away = EngineAway("refused")
    house.clock.step(86_400)
    house.work()
    assert house.states() == {"2026-11-23": "SUCCESS", "2026-11-24": "SUBMITTED"}
    house.engine.away = None
    house.clock.step(-86_400)
    house.later(minutes=2)
    house.work()
    assert house.states()["2026-11-24"] == "SUBMITTED"
    assert house.runs()[0].waits_for == "2026-11-24 has not ended yet"
    house.later(days=1)
    house.work()
    assert house.states()["2026-11-24"] == "SUCCESS"


def test_an_engine_that_is_away_uses_up_no_attempt(house: House) -> None:
    house.configure()
    house.engine.away = EngineAway("the connection was refused")
    for _ in range(12):
        house.work()
        house.later(hours=6)
    assert {run.attempts for run in house.runs()} == {0}
    assert house.runs()[0].waits_for == "the connection was refused"
    house.engine.away = None
    house.later(hours=1)
    house.work()
    assert list(house.states().values()) == ["SUCCESS"] * 4


def test_an_engine_that_goes_away_between_look_and_query_uses_up_no_attempt(house: House) -> None:
    house.configure()
    house.engine.errors = [EngineAway("the connection was refused")]
    house.work()
    [run] = house.runs()
    assert (run.state, run.attempts, run.waits_for) == (
        "SUBMITTED", 0, "the connection was refused",
    )  # fmt: skip
    house.later(minutes=1)
    house.work()
    assert [(run.state, run.attempts) for run in house.runs()] == [("SUCCESS", 1)]


def test_a_look_that_cannot_be_taken_is_no_attempt(house: House) -> None:
    house.configure()
    house.engine.away = RetryableError("the coordinator answered 500")
    house.work()
    looks = house.engine.looks
    house.later(seconds=20)
    house.work()
    [run] = house.runs()
    assert (run.state, run.attempts, house.engine.looks) == ("SUBMITTED", 0, looks)


def test_a_store_that_is_away_while_files_are_looked_for_uses_up_no_attempt(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> Iterator[object]:
        raise RetryableError("the store answered 503")

    house.configure(availability_files="raw/{end_date}/")
    with monkeypatch.context() as patch:
        patch.setattr(LocalFiles, "list", away)
        house.work()
        [run] = house.runs()
        assert (run.state, run.attempts, run.waits_for) == (
            "SUBMITTED", 0, "the store answered 503",
        )  # fmt: skip
    house.later(minutes=1)
    house.work()
    [run] = house.runs()
    assert (run.attempts, run.waits_for) == (0, "there is no file below raw/2026-11-23/")
    assert house.engine.asked == []
    house.files.put("raw/2026-11-23/part-0", b"")
    house.later(minutes=1)
    house.work()
    assert [(run.state, run.attempts) for run in house.runs()] == [("SUCCESS", 1)]


def test_an_answer_that_breaks_off_is_tried_again_and_no_file_is_left_of_it(house: House) -> None:
    house.configure()
    house.engine.errors = [RetryableError("the answer broke off")]
    house.work()
    [run] = house.runs()
    assert (run.state, run.attempts, run.error) == ("RETRY", 1, "the answer broke off")
    assert not house.files.exists("druid-reports/daily-2026-11-23.csv")
    house.later(seconds=3)
    house.work()
    [run] = house.runs()
    assert (run.state, run.attempts, run.error) == ("SUCCESS", 2, None)
    assert not list((house.home / "scratch").iterdir())


def test_a_mistake_of_the_query_fails_the_date_at_once_and_no_other(house: House) -> None:
    house.configure()
    house.engine.errors = [FatalError("there is no column eidd")]
    house.work()
    house.later(days=1)
    house.work()
    assert list(house.states().values()) == ["FAILED", "SUCCESS"]
    assert house.runs()[1].error == "there is no column eidd"
    assert len(house.engine.asked) == 2


def test_a_query_runs_again_where_its_segments_changed_meanwhile(house: House) -> None:
    house.configure()
    house.engine.states = ["a", "b", "b", "b"]
    house.work()
    assert house.engine.asked == [date(2026, 11, 23)] * 2
    assert house.states() == {"2026-11-23": "SUCCESS"}
    house.later(days=1)
    house.engine.states = list("abcdef")
    house.work()
    assert house.runs()[0].error == ("what the query reads changed while it ran, 3 times in a row")
    assert house.runs()[0].state == "RETRY"


def test_dates_while_a_report_is_disabled_are_not_made_up(house: House) -> None:
    house.configure()
    house.work()
    house.engine.waits = {date(2026, 11, 24): "lag 5"}
    house.later(days=1)
    house.work()
    with writing(house.databases.control) as tx:
        store.set_status(tx, "daily", "DISABLED", house.clock.now())
    assert house.runs()[0].error == "the report was disabled before it ran"
    house.later(days=3)
    house.work()
    with writing(house.databases.control) as tx:
        store.set_status(tx, "daily", "ENABLED", house.clock.now())
    house.work()
    house.later(days=1)
    house.work()
    assert house.states() == {
        "2026-11-23": "SUCCESS", "2026-11-24": "FAILED", "2026-11-28": "SUCCESS",
    }  # fmt: skip


def test_due_days_with_one_end_date_make_one_file(house: House) -> None:
    house.configure(interval="LAST_WEEK", start_on="2026-11-01")
    house.engine.waits = {date(2026, 11, 22): "lag 5"}
    house.work()
    house.engine.waits = {}
    house.later(days=2)
    house.work()
    assert house.states() == {f"2026-11-{day:02}": "SUCCESS" for day in (1, 8, 15, 22)}


def test_where_all_dates_share_one_object_only_the_newest_is_written(house: House) -> None:
    house.configure(pattern="latest.csv", latest=True)
    house.work()
    house.engine.waits = {date(2026, 11, 24): "lag 5"}
    house.later(days=2)
    house.work()
    house.engine.waits = {}
    house.later(minutes=10)
    house.work()
    assert set(house.states().values()) == {"SUCCESS"}
    assert b"2026-11-25,0" in house.files.get("druid-reports/latest.csv")
    assert "the file of 2026-11-25 is there already" in house.runs()[1].warnings[-1]


def test_the_next_revision_replaces_the_file_and_keeps_the_old_one(house: House) -> None:
    house.configure()
    house.work()
    house.engine.rows = 3
    with writing(house.databases.control) as tx:
        [run] = runs.of_report(tx, "daily")
        window = house.engine.windows[-1]
        runs.again(tx, run, window, "a wrong week", timedelta(days=1), house.clock.now())
        store.wake(tx, "daily", house.clock.now())
    house.work()
    new, old = house.runs()
    assert (new.revision, new.rows, new.reason, old.rows) == (2, 3, "a wrong week", 2)
    backup = "druid-reports/backup/daily/2026-11-23-1/daily-2026-11-23.csv"
    assert len(house.files.get(backup).splitlines()) == 3
    assert len(house.files.get("druid-reports/daily-2026-11-23.csv").splitlines()) == 4


def test_a_published_file_that_was_changed_in_the_store_is_published_again(house: House) -> None:
    house.configure()
    house.work()
    key = "druid-reports/daily-2026-11-23.csv"
    sound = house.files.get(key)
    house.files.put(key, b"somebody wrote this")
    house.later(days=1)
    house.work()
    assert house.files.get(key) == sound
    assert house.engine.asked.count(date(2026, 11, 23)) == 2


def test_old_files_and_their_backups_go_after_their_time(house: House) -> None:
    house.configure(retention_days=3)
    for _ in range(6):
        house.work()
        house.later(days=1)
    house.work()
    kept = sorted(house.files.list("druid-reports/daily-"))
    assert kept == [f"druid-reports/daily-2026-11-{day}.csv" for day in (27, 28, 29)]


def test_the_query_lies_beside_the_files_as_it_is_now(house: House) -> None:
    house.configure(query_json={"queryType": "scan"})
    house.work()
    assert b'"queryType": "scan"' in house.files.get("druid-reports/daily.query.json")
