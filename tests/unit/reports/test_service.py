"""What people do with reports, on both databases, with an engine that answers from a list."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tallymark.engines import Checked
from tallymark.errors import BadRequest, CommitConflict, Conflict, NotFound, WrongField, WrongFields
from tallymark.reports import runs, told
from tallymark.state.database import Databases, open_databases, reading
from tests import listed
from tests.listed import NOW, OUTPUT, REQUEST, Here, Listed


@pytest.fixture
def anywhere(databases: Databases, tmp_path: Path) -> Here:
    """On both databases, for what changes several rows."""
    return listed.here(databases, tmp_path)


@pytest.fixture
def here(sqlite_template: Path, home: Path, tmp_path: Path) -> Iterator[Here]:
    for file in sqlite_template.glob("*.db"):
        shutil.copy(file, home / file.name)
    opened = open_databases(None, home)
    yield listed.here(opened, tmp_path)
    opened.close()


def test_a_report_is_kept_with_the_text_as_it_was_received(anywhere: Here) -> None:
    text = '{ "request":' + json.dumps({**REQUEST, "time_zone": "America/New_York"}) + "\n }"
    report = anywhere.reports.submit(text)
    assert anywhere.reports.get(report.report_id) == report
    assert report.report_config == text
    (shown,) = anywhere.reports.told([report])
    assert shown == {
        "report_id": report.report_id,
        "report_name": "Plays",
        "status": "ENABLED",
        "query_engine": "DRUID",
        "execution_frequency": "DAILY",
        "report_interval": "YESTERDAY",
        "time_zone": "America/New_York",
        "location": "/lake/reports/druid-reports",
        "unchecked": False,
        "warnings": [],
        "created_at": "2026-11-22T03:00:00Z",
        "changed_at": "2026-11-22T03:00:00Z",
        "last_generated_at": None,
        "next_runs": ["2026-11-22T05:00:00Z", "2026-11-23T05:00:00Z", "2026-11-24T05:00:00Z"],
        "report_config": text,
    }


def test_every_mistake_is_told_at_once_with_the_warnings(here: Here) -> None:
    found = WrongField("query_json.filter.dimension", "is missing")
    here.engine.checked = Checked(output=OUTPUT, wrong=(found,), warnings=("intervals ignored",))
    with pytest.raises(WrongFields) as refused:
        here.submit(report_name=None, output_field_names=["One"], output_file_pattern="../x")
    assert {one.field for one in refused.value.found} == {
        "report_name", "query_json.filter.dimension", "output_field_names", "output_file_pattern",
    }  # fmt: skip
    assert refused.value.warnings == ("intervals ignored",)
    assert here.reports.list() == []


def test_a_query_is_not_asked_about_where_its_text_is_unsound(here: Here) -> None:
    here.engine.checked = Checked(wrong=(WrongField("query_json", "was asked about"),))
    with pytest.raises(WrongFields) as refused:
        here.submit(query_json={"queryType": "\ud800"})
    assert [one.field for one in refused.value.found] == ["query_json.queryType"]


def test_a_report_whose_engine_is_away_is_taken_unchecked(here: Here) -> None:
    here.engine.checked = Checked(unchecked=True, warnings=("Druid is away",))
    report = here.submit()
    assert (report.unchecked, report.warnings) == (True, ("Druid is away",))


def test_the_same_name_and_interval_are_one_report(anywhere: Here) -> None:
    report = anywhere.submit()
    with pytest.raises(Conflict, match=report.report_id):
        anywhere.submit(output_format="json")
    anywhere.submit(report_interval="LAST_WEEK")
    assert len(anywhere.reports.list()) == 2


def test_a_pattern_that_can_give_anothers_object_is_refused(here: Here) -> None:
    first = here.submit(output_file_pattern="plays-{end_date}.csv")
    here.reports.disable(first.report_id)
    meets = {"report_name": "Other", "output_file_pattern": "{report_name}-{end_date}.csv"}
    here.submit(**meets)
    with pytest.raises(Conflict, match=first.report_id):
        here.submit(report_name="plays", output_file_pattern="{report_name}-{end_date}.csv")
    assert len(here.reports.list()) == 2
    # in another store, or another folder, it is another object
    here.submit(
        report_name="plays", output_file_pattern="plays-{end_date}.csv", destination="azure"
    )
    elsewhere = {"store": "azure", "prefix": "druid-reports/deep"}
    here.submit(report_name="x", output_file_pattern="plays-{end_date}.csv", destination=elsewhere)
    with pytest.raises(Conflict):
        here.submit(
            report_name="y", output_file_pattern="deep/plays-{end_date}.csv", destination="azure"
        )


def test_a_report_that_would_take_anothers_object_stays_as_it_was(anywhere: Here) -> None:
    anywhere.submit(output_file_pattern="plays-{end_date}.csv")
    other = anywhere.submit(report_name="Other")
    with pytest.raises(Conflict):
        anywhere.reports.patch(other.report_id, '{"output_file_pattern": "plays-{end_date}.csv"}')
    assert anywhere.reports.get(other.report_id) == other


def test_of_reports_that_come_at_once_only_one_gets_an_object(anywhere: Here) -> None:
    def submit(n: int) -> bool:
        try:
            anywhere.submit(report_name=f"Plays {n}", output_file_pattern="plays-{end_date}.csv")
        except Conflict:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        taken = list(threads.map(submit, range(8)))
    assert taken.count(True) == len(anywhere.reports.list()) == 1


def test_a_change_does_not_undo_what_somebody_else_changed_meanwhile(here: Here) -> None:
    report = here.submit()

    def changed_meanwhile(*asked: Any) -> Checked:
        here.engine.check = Listed().check  # type: ignore[method-assign]
        here.reports.patch(report.report_id, '{"channel_id": "theirs"}')
        return Checked(output=OUTPUT)

    here.engine.check = changed_meanwhile  # type: ignore[method-assign]
    with pytest.raises(CommitConflict, match="try again"):
        here.reports.patch(report.report_id, '{"output_format": "json"}')
    assert here.reports.get(report.report_id).spec.channel_id == "theirs"


def test_a_patch_changes_what_it_names_and_null_takes_a_field_away(here: Here) -> None:
    report = here.submit(channel_id="in.ekstep", deadline="2h")
    changed = here.reports.patch(
        report.report_id, '{"report_name": "Plays, all", "deadline": null, "output_format": "json"}'
    )
    assert changed.report_id == report.report_id
    assert changed.spec.report_name == "Plays, all"
    assert (changed.spec.deadline_s, changed.spec.channel_id) == (86_400, "in.ekstep")
    assert json.loads(changed.report_config) == {
        **REQUEST, "report_name": "Plays, all", "output_format": "json", "channel_id": "in.ekstep",
    }  # fmt: skip
    with pytest.raises(WrongFields, match="report_name: is missing"):
        here.reports.patch(report.report_id, '{"report_name": null}')


def test_a_replaced_report_keeps_its_id_and_its_status(anywhere: Here) -> None:
    report = anywhere.reports.disable(anywhere.submit(channel_id="x").report_id)
    text = json.dumps({**REQUEST, "report_interval": "LAST_WEEK"})
    changed = anywhere.reports.replace(report.report_id, text)
    assert (changed.report_id, changed.status) == (report.report_id, "DISABLED")
    assert (changed.report_config, changed.spec.channel_id) == (text, "")


def test_a_report_that_is_not_there_is_not_found(here: Here) -> None:
    everything: list[Any] = [
        here.reports.get, here.reports.enable, here.reports.disable, here.reports.runs,
        here.reports.why, here.reports.preview, here.reports.run,
        lambda one: here.reports.patch(one, "{}"),
        lambda one: here.reports.replace(one, json.dumps(REQUEST)),
    ]  # fmt: skip
    for done in everything:
        with pytest.raises(NotFound):
            done("nothing-00000000")


def test_a_name_that_no_database_can_look_for_is_not_found(anywhere: Here) -> None:
    for name in ("", "a\0b", "\ud800", "x" * 10_000, "'; --"):
        with pytest.raises(NotFound):
            anywhere.reports.get(name)
        with pytest.raises(NotFound):
            anywhere.reports.disable(name)


def test_reports_are_listed_by_status(anywhere: Here) -> None:
    one, two = anywhere.submit(), anywhere.submit(report_name="Other")
    anywhere.reports.disable(one.report_id)
    assert [r.report_id for r in anywhere.reports.list(["disabled"])] == [one.report_id]
    assert [r.report_id for r in anywhere.reports.list(["ENABLED"])] == [two.report_id]
    assert len(anywhere.reports.list()) == 2
    with pytest.raises(WrongFields, match="there is no status 'LIVE'"):
        anywhere.reports.list(["LIVE"])


def test_why_says_of_each_date_what_it_waits_for_and_since_when(anywhere: Here) -> None:
    report = anywhere.submit(start="2026-11-17")
    anywhere.plan(report)
    anywhere.change(
        report, "2026-11-21", waits_for="3 of 4 segments loaded, lag 12,310",
        waiting_since_at=datetime(2026, 11, 22, 0, 40, tzinfo=UTC),
    )  # fmt: skip
    anywhere.change(report, "2026-11-20", state="PROCESSING", attempts=2, begun_at=NOW)
    anywhere.change(
        report, "2026-11-19", state="FAILED", error="Druid says no", advice="Mend it.", open=0
    )
    anywhere.change(
        report, "2026-11-18", state="FAILED", waits_for="0 of 4 segments loaded",
        waiting_since_at=NOW - timedelta(days=2),
    )  # fmt: skip
    anywhere.made(report, "2026-11-17")
    assert anywhere.reports.why(report.report_id) == [
        "waits for 2026-11-18: 0 of 4 segments loaded, since 2026-11-20 08:30; past its deadline, "
        "asked for by the hour until 2026-12-22",
        "failed for 2026-11-19: Druid says no. Mend it.",
        "makes 2026-11-20, since 08:30, attempt 2",
        "waits for 2026-11-21: 3 of 4 segments loaded, lag 12,310, since 06:10",
        "next due Mon 23 Nov 00:00 (Asia/Kolkata)",
    ]
    anywhere.reports.disable(report.report_id)
    assert anywhere.reports.why(report.report_id)[-1] == (
        "is disabled: no date is due until it is enabled"
    )


def test_why_says_that_nothing_waits(here: Here) -> None:
    report = here.submit()
    here.plan(report)
    assert here.reports.why(report.report_id)[0] == "has yet to look at 2026-11-21"
    here.made(report, "2026-11-21")
    assert here.reports.why(report.report_id) == [
        "waits for nothing; next due Mon 23 Nov 00:00 (Asia/Kolkata)"
    ]


def test_why_says_what_failed_and_when_it_is_tried_again(here: Here) -> None:
    dates = {"from": "2026-11-20", "to": "2026-11-21"}
    report = here.submit(execution_frequency="ONCE", report_interval=dates)
    assert here.reports.told([report])[0]["report_interval"] == dates
    here.plan(report)
    here.change(
        report, "2026-11-21", state="RETRY", error="Druid broke off", attempts=3,
        check_at=NOW + timedelta(minutes=4),
    )  # fmt: skip
    assert here.reports.why(report.report_id) == [
        "tries 2026-11-21 again at 08:34: Druid broke off (attempt 3)", "runs once",
    ]  # fmt: skip
    here.made(report, "2026-11-21")
    assert here.reports.why(report.report_id) == ["ran once: waits for nothing"]
    assert here.reports.preview(report.report_id).end_date == "2026-11-21"


def test_a_report_whose_engine_is_no_longer_named_has_no_preview(here: Here) -> None:
    report = here.submit()
    elsewhere = replace(here.reports, parts=replace(here.reports.parts, engines={}))
    with pytest.raises(BadRequest, match="names no engine 'druid' any more"):
        elsewhere.preview(report.report_id)


def test_a_run_is_hurried(anywhere: Here) -> None:
    report = anywhere.submit()
    anywhere.plan(report)
    anywhere.change(report, "2026-11-21", check_at=NOW + timedelta(hours=1))
    anywhere.reports.run(report.report_id)
    with reading(anywhere.databases.control) as conn:
        (run,) = runs.open_runs(conn, report.report_id)
    assert run.check_at == NOW


def test_a_preview_gives_the_first_rows_and_the_files_name(here: Here, tmp_path: Path) -> None:
    found = here.reports.preview_of(json.dumps(REQUEST))
    assert told.preview_json(found) == {
        "path": "plays-4370321c-2026-11-21.csv",
        "start_date": "2026-11-21",
        "end_date": "2026-11-21",
        "headings": ["Channel", "Plays"],
        "rows": [["a/b", 2**60], [None, None]],
    }
    assert here.engine.asked[0].period.end_at == datetime(2026, 11, 21, 18, 30, tzinfo=UTC)
    assert here.reports.list() == []
    assert not (tmp_path / "scratch").exists()


def test_a_preview_of_a_stored_report_takes_no_more_than_a_hundred_rows(here: Here) -> None:
    report = here.submit(group_by_fields=["channel"], report_interval="LAST_7_DAYS")
    here.engine.rows = [("2026-11-21", "a/b", n) for n in range(1000)]
    found = here.reports.preview(report.report_id)
    assert len(found.rows) == here.engine.given == 100
    assert (found.path, found.start_date) == (
        f"a%2Fb/{report.report_id}-2026-11-21.csv", "2026-11-15",
    )  # fmt: skip


def regenerate(here: Here, **changed: Any) -> dict[str, Any]:
    wanted = {
        "report_list": [],
        "replay_interval": {"from": "2026-11-16", "to": "2026-11-22"},
        "reason": "late events",
    }
    return told.regenerated_json(here.reports.regenerate(json.dumps({**wanted, **changed})))


def test_a_wrong_week_is_made_once_more_and_what_is_left_out_is_listed(anywhere: Here) -> None:
    report = anywhere.submit(start="2026-11-18")
    off = anywhere.submit(report_name="Off", start="2026-11-18")
    for one in (report, off):
        anywhere.plan(one)
    anywhere.reports.disable(off.report_id)
    for on in ("2026-11-18", "2026-11-19"):
        anywhere.made(report, on)
    anywhere.change(report, "2026-11-20", state="FAILED", open=0, error="Druid says no")
    expected = {
        "dry_run": True,
        "count": 3,
        "made": [
            {"report_id": report.report_id, "end_date": on, "revision": 2}
            for on in ("2026-11-18", "2026-11-19", "2026-11-20")
        ],
        "left_out": [
            {
                "report_id": report.report_id,
                "reason": "the report was not due with this end date",
                "end_dates": ["2026-11-16", "2026-11-17", "2026-11-22"],
            },
            {
                "report_id": report.report_id,
                "reason": "is still to be made: `report run` lets it be looked at now",
                "end_dates": ["2026-11-21"],
            },
        ],
    }
    assert regenerate(anywhere, dry_run=True) == expected
    assert len(anywhere.reports.runs(report.report_id)) == 4
    assert regenerate(anywhere) == {**expected, "dry_run": False}
    found = anywhere.reports.runs(report.report_id)
    assert [(run.end_on, run.revision, run.state, run.reason) for run in found[:3]] == [
        ("2026-11-21", 1, "SUBMITTED", None),
        ("2026-11-20", 2, "SUBMITTED", "late events"),
        ("2026-11-20", 1, "FAILED", None),
    ]
    # all of it is pending now
    assert regenerate(anywhere)["count"] == 0


def test_a_wrong_wish_to_regenerate_is_told_all_that_is_wrong(here: Here) -> None:
    off = here.reports.disable(here.submit().report_id)
    with pytest.raises(WrongFields) as refused:
        regenerate(
            here, report_list=[off.report_id, "plays-0"], reason=None, dryrun=True,
            replay_interval={"from": "2026-11-22", "to": "2026-11-16"},
        )  # fmt: skip
    assert [one.field for one in refused.value.found] == [
        "reason", "dryrun", "replay_interval", "report_list[0]", "report_list[1]",
    ]  # fmt: skip
    with pytest.raises(WrongFields, match="replay_interval: is missing"):
        regenerate(here, replay_interval=None)
    with pytest.raises(WrongFields, match="reason: stands twice"):
        here.reports.regenerate('{"reason": "a", "reason": "b"}')
    with pytest.raises(WrongFields, match="report_list: is missing"):
        regenerate(here, report_list=None)
    with pytest.raises(WrongFields, match="is longer than 3660 days"):
        regenerate(here, replay_interval={"from": "2000-01-01", "to": "2026-01-01"})


@pytest.mark.parametrize("name", ["submit", "preview_of", "regenerate"])
def test_a_text_that_is_no_json_is_told_where(here: Here, name: str) -> None:
    with pytest.raises(BadRequest, match="line 1, column 2: the name a wants quotes"):
        getattr(here.reports, name)("{a: 1}")
