"""Requests: what they mean, every mistake at once, and attacks that are refused when they come."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from tallymark.calendar.periods import Calendar
from tallymark.engines import Checked, Output
from tallymark.errors import BadRequest, WrongField
from tallymark.reports.define import ReportSpec, report_id
from tallymark.reports.request.parse import Draft, Known, complete, parse
from tallymark.reports.request.received import read
from tallymark.web.api.report_shapes import ReportIn

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
KNOWN = Known(
    engines=("druid", "lake"),
    stores=("", "azure", "archive"),
    formats=("json", "csv", "jsonl", "parquet"),
    calendar=Calendar("Asia/Kolkata", "sunday"),
)
LEAST: dict[str, Any] = {
    "report_name": "Plays by channel",
    "query_engine": "druid",
    "execution_frequency": "daily",
    "report_interval": "yesterday",
    "query_json": {"queryType": "groupBy", "dataSource": "plays"},
    "output_format": "CSV",
    "output_field_names": ["Day", "Channel", "Plays"],
}
OUTPUT = Output(date=True, dimensions=("channel",), aggregations=("plays",))


def draft(**changed: Any) -> Draft:
    """`None` takes a field away."""
    return parse({**LEAST, **changed}, KNOWN, NOW)


def wrong(**changed: Any) -> dict[str, str]:
    return {one.field: one.text for one in draft(**changed).wrong}


def test_the_least_request_has_the_defaults_of_the_founding_design() -> None:
    found = complete(draft(), Checked(output=OUTPUT))
    assert found.wrong == ()
    assert found.spec == ReportSpec(
        report_name="Plays by channel",
        engine="druid",
        frequency="DAILY",
        interval="YESTERDAY",
        query_json=LEAST["query_json"],
        output_format="csv",
        headings=(("date", "Day"), ("channel", "Channel"), ("plays", "Plays")),
        pattern="{report_id}-{end_date}.{output_format}",
        store="",
        prefix="druid-reports",
        deadline_s=86_400,
        catch_up="all",
    )


def test_every_optional_field_has_its_meaning() -> None:
    found = draft(
        execution_frequency="Weekly", at="06:00", start="2026-01-03",
        report_interval="last_7_days", query_json=None, query="SELECT 1 FROM t",
        output_file_pattern="{channel}/newest.csv", group_by_fields="channel, device",
        channel_id="in.ekstep", destination={"store": "azure", "prefix": "monthly/sales"},
        time_zone="America/New_York", deadline="36h", catch_up="30d",
        availability={"files": "raw/{end_date}/"}, retention="90d", latest=True,
    )  # fmt: skip
    assert found.wrong == ()
    spec = found.spec
    assert (spec.frequency, spec.start_on, spec.interval) == (
        "WEEKLY 06:00", "2026-01-03", "LAST_7_DAYS",
    )  # fmt: skip
    assert (spec.query_json, spec.query_sql) == (None, "SELECT 1 FROM t")
    assert (spec.pattern, spec.latest) == ("{channel}/newest.csv", True)
    assert (spec.group_by, spec.channel_id) == (("channel", "device"), "in.ekstep")
    assert (spec.store, spec.prefix, spec.time_zone) == (
        "azure", "monthly/sales", "America/New_York",
    )  # fmt: skip
    assert (spec.deadline_s, spec.catch_up, spec.retention_days) == (129_600, "30d", 90)
    assert (spec.availability, spec.availability_files) == ("", "raw/{end_date}/")
    assert found.calendar == Calendar("America/New_York", "sunday")


@pytest.mark.parametrize(
    ("given", "at", "frequency"),
    [
        ("DAILY", None, "DAILY"),
        ("monthly at 06:30", None, "MONTHLY 06:30"),
        ("Quarterly", "23:59", "QUARTERLY 23:59"),
        ("once", None, "ONCE"),
        ("0 6 * * 1-5", None, "0 6 * * 1-5"),
        ("@weekly", None, "@weekly"),
    ],
)
def test_a_frequency_is_a_word_or_a_cron_text(given: str, at: str | None, frequency: str) -> None:
    found = draft(execution_frequency=given, at=at)
    assert (found.wrong, found.spec.frequency) == ((), frequency)


def test_two_dates_go_with_once() -> None:
    dates = {"from": "2026-10-01", "to": "2026-10-31"}
    found = draft(execution_frequency="ONCE", report_interval=dates)
    assert found.wrong == found.warnings == ()
    assert (found.spec.from_on, found.spec.to_on) == ("2026-10-01", "2026-10-31")
    assert wrong(report_interval=dates) == {
        "report_interval": "two dates go with the frequency ONCE only: give a name such as "
        "LAST_7_DAYS"
    }
    running = draft(
        execution_frequency="ONCE", report_interval={"from": "2026-11-01", "to": "2026-11-22"}
    )
    assert running.warnings == (
        "report_interval: 2026-11-22 has not ended yet; the report waits for it",
    )


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("report_name", None, "is missing: what people call it"),
        ("report_name", 7, "must be a text: what people call it"),
        ("report_name", "two\nlines", "goes over several lines or holds a tab"),
        ("report_name", "x" * 201, "is longer than 200 characters"),
        ("query_engine", "cassandra", "CASSANDRA comes with a later version: there are DRUID"),
        ("query_engine", "drood", "this workspace has no engine 'DROOD': there are DRUID, LAKE"),
        ("execution_frequency", "HOURLY", "there is no frequency 'HOURLY': "),
        ("execution_frequency", "1h", "there is no frequency '1h': "),
        ("execution_frequency", "* * * * *", "an hour is the shortest step"),
        ("execution_frequency", "61 * * * *", "cannot be read"),
        ("execution_frequency", "DAILY 6", "write DAILY, or DAILY and a time of day"),
        ("at", "25:00", "from 00:00 to 23:59"),
        ("start", "1.1.2026", "is no date: write it as 2026-11-21"),
        ("start", "20260101", "is no date: write it as 2026-11-21"),
        ("start", "1979-12-31", "lies before 1980-01-01"),
        ("start", "2028-01-01", "lies more than a year ahead"),
        ("report_interval", "LAST_DAY", "there is no interval 'LAST_DAY': did you mean"),
        ("report_interval", "P0D", "is no time at all"),
        ("report_interval", ["YESTERDAY"], "must be a text"),
        ("query_json", "{}", "must be an object; a text is given as `query`"),
        ("query", "SELECT 1", "stands beside `query_json`: give one of the two"),
        ("destination", 7, 'must be the name of a store, or {"store": "…", "prefix": "…"}'),
        ("availability", 7, "must be a text"),
        ("output_format", "xlsx", "there is no format 'xlsx': there are csv"),
        ("output_field_names", [], "and not empty"),
        ("output_field_names", "Plays", "a map of columns to headings, or a list"),
        ("group_by_fields", ["channel", "channel"], "names 'channel' twice"),
        ("group_by_fields", [1], "must be a list of names"),
        ("destination", "s3://other/x", "an address cannot be given here: name a store"),
        ("destination", "azur", "there is no store 'azur': there are archive, azure"),
        ("time_zone", "Factory", "is the zone of no place: names are like Europe/Berlin"),
        ("time_zone", "Asia/Calcuta", "there is no time zone 'Asia/Calcuta': did you mean"),
        ("deadline", "1 day", "is no duration"),
        ("deadline", "31d", "is longer than 30 days"),
        ("catch_up", "some", "is none of all, latest, none, or an age such as 30d"),
        ("availability", "lag", "there is no rule 'lag': there are both, segments, none"),
        ("retention", "12h", "is no number of days: write 90d, or never"),
        ("retention", 90, "is no number of days: write 90d, or never"),
        ("latest", "yes", "must be true or false"),
        ("output_file_patern", "x", "is not known here: did you mean output_file_pattern"),
    ],
)  # fmt: skip
def test_a_wrong_field_is_told_what_is_right(field: str, value: Any, said: str) -> None:
    found = draft(**{field: value})
    if field == "output_field_names":
        found = complete(found, Checked())
    (one,) = found.wrong
    assert one.field == field
    assert said in one.text


@pytest.mark.parametrize("pattern", [None, "{end_date}.csv", "a/{start_date}-{end_date}.csv"])
def test_the_newest_has_one_name_for_all_end_dates(pattern: str | None) -> None:
    """Else each date would have its own file, and `latest` would mean nothing."""
    assert wrong(latest=True, output_file_pattern=pattern) == {
        "output_file_pattern": "holds {end_date}, while `latest` goes with one name for all end "
        "dates, such as {report_id}.{output_format}"
    }


def test_a_channel_in_the_name_is_given_or_grouped_by() -> None:
    pattern = "{channel_id}-{end_date}.csv"
    assert wrong(output_file_pattern=pattern) == {
        "output_file_pattern": "holds {channel_id}, and there is none: give `channel_id`, or group "
        "by that field"
    }
    assert wrong(output_file_pattern=pattern, channel_id="in.ekstep") == {}
    assert wrong(output_file_pattern=pattern, group_by_fields=["channel_id"]) == {}
    assert set(wrong(output_file_pattern=pattern, channel_id=7)) == {"channel_id"}


@pytest.mark.parametrize(
    ("names", "path"),
    [({"date": "Day", "plays": "Pl\nays"}, "plays"), (["Day", "Ch\rannel", "Plays"], "[1]")],
)
def test_a_heading_stands_on_one_line(names: Any, path: str) -> None:
    (told,) = wrong(output_field_names=names).items()
    where = path if path.startswith("[") else f".{path}"
    assert told == (f"output_field_names{where}", "goes over several lines or holds a tab")


ODD: list[Any] = [None, 5, "x", [], [1], {}, True, {"type": [1]}, {"files": 1}, {"from": [1]}]


@pytest.mark.parametrize("odd", ODD)
def test_odd_json_in_any_field_is_a_mistake_and_never_a_crash(odd: Any) -> None:
    for field in ReportIn.model_fields:
        for value in (odd, [odd], {"store": odd, "prefix": odd, "from": odd, "files": odd}):
            complete(draft(**{field: value}), Checked(output=OUTPUT))
            complete(draft(**{field: value}), Checked())


def test_more_names_than_anybody_writes_are_refused() -> None:
    many = [f"c{n}" for n in range(1001)]
    assert wrong(group_by_fields=many, output_field_names=many) == {
        "group_by_fields": "has more than 1,000 names",
        "output_field_names": "has more than 1,000 names",
    }


def test_a_field_within_a_field_is_named_with_its_way() -> None:
    found = wrong(
        execution_frequency="ONCE",
        report_interval={"from": "2026-10-31", "till": "2026-10-01"},
        destination={"stor": "azure", "prefix": "a/"},
        availability={"files": "raw/"},
    )
    assert found == {
        "report_interval.to": "is missing: a date such as 2026-11-21",
        "report_interval.till": "is not known here: there are from, to",
        "destination.stor": "is not known here: there are store, prefix",
        "destination.prefix": "has an empty part: between slashes, and after the last one, stands "
        "a name",
        "availability.files": "holds no {end_date}: such as raw/{end_date}/",
    }


def test_once_has_no_time_of_day_and_no_first_date() -> None:
    assert set(wrong(execution_frequency="ONCE", at="06:00", start="2026-11-01")) == {"at", "start"}


def test_a_time_of_day_stands_in_one_place() -> None:
    assert set(wrong(execution_frequency="DAILY 06:00", at="07:00")) == {"at"}
    assert set(wrong(execution_frequency="0 6 * * *", at="07:00")) == {"at"}


def test_all_mistakes_are_told_at_once_also_those_that_the_engine_finds() -> None:
    checked = Checked(
        output=OUTPUT,
        wrong=(WrongField("query_json.filter.dimension", "is missing"),),
        warnings=("its own `intervals` are ignored",),
    )
    found = draft(report_name=None, output_format="doc", time_zone="Nowhere", group_by_fields="who")
    done = complete(found, checked)
    assert [one.field for one in done.wrong] == [
        "time_zone", "report_name", "output_format", "query_json.filter.dimension",
        "group_by_fields",
    ]  # fmt: skip
    assert done.wrong[-1].text == (
        "'who' is no column of the answer: there are date, channel, plays"
    )
    assert done.warnings == checked.warnings


def test_sql_is_a_text_and_a_native_query_an_object() -> None:
    said = "must be a text; an object is given as `query_json`"
    assert wrong(query_json=None, query={"queryType": "scan"}) == {"query": said}


def test_two_dates_lie_in_their_order_and_not_too_far_ahead() -> None:
    backwards = {"from": "2026-11-02", "to": "2026-11-01"}
    assert wrong(execution_frequency="ONCE", report_interval=backwards) == {
        "report_interval": "the range ends on 2026-11-01, before it starts on 2026-11-02"
    }
    ahead = {"from": "2026-11-01", "to": "2026-12-31"}
    assert set(wrong(execution_frequency="ONCE", report_interval=ahead)) == {"report_interval.to"}


def test_a_query_that_no_engine_can_be_asked_is_told_so() -> None:
    assert draft().askable
    assert not draft(query_json=None).askable
    assert not draft(query_engine="elasticsearch").askable


def test_the_name_of_a_report_is_a_slug_and_a_digest_of_name_and_interval() -> None:
    found = report_id("avg_collection_downloads", "LAST_7_DAYS")
    assert found == "avg_collection_downloads-ea494181"
    assert report_id("../../Über uns!", "YESTERDAY").startswith("ber_uns-")
    assert len(report_id("x" * 200, "P7D")) == 69


PATHS = [
    "../{end_date}.csv", "a/../../{end_date}.csv", "/etc/{end_date}", "{end_date}\\..\\x",
    "{end_date}/", "a//{end_date}", "./{end_date}", "s3://other/{end_date}", "C:{end_date}",
    "{end_date}" + "x" * 5000, "/".join("a" * 200 for _ in range(5)) + "{end_date}",
    "{end_date.__class__}", "{end_date[0]}", "{end_date:>10}", "{end_date!r}", "{0}-{end_date}",
    "{}-{end_date}", "{x.__class__.__mro__}-{end_date}", "{{end_date}}", "{end_date", "end_date}",
    "${end_date}%00", "{end_date}?x", "{end_date}.query.json", "{end_date}.manifest.json",
    "backup/{end_date}", "{report_id}.csv", "%2e%2e/{end_date}",
]  # fmt: skip


@pytest.mark.parametrize("attack", PATHS)
def test_a_pattern_that_leaves_its_prefix_is_refused(attack: str) -> None:
    assert set(wrong(output_file_pattern=attack)) == {"output_file_pattern"}


@pytest.mark.parametrize(
    "attack",
    ["..", "../x", "/x", "x/", "a//b", "a/./b", "a\\b", "x" * 201, "x" * 5000, "{end_date}",
     "{x.__class__}", "s3://other", "backup/x", "%2e%2e"],
)  # fmt: skip
def test_a_prefix_that_leaves_its_store_is_refused(attack: str) -> None:
    assert set(wrong(destination={"store": "azure", "prefix": attack})) == {"destination.prefix"}
    files = {"files": f"{attack}/{{end_date}}"}
    if "end_date" not in attack and attack != "x/":
        assert set(wrong(availability=files)) == {"availability.files"}


@pytest.mark.parametrize(
    "attack",
    [
        "s3://other",
        "az://x",
        "file:///etc",
        "other/prefix",
        "azure/../x",
        "http://169.254.169.254/",
    ],
)
def test_a_store_is_named_and_never_addressed(attack: str) -> None:
    assert "an address cannot be given here" in wrong(destination=attack)["destination"]
    assert "destination.store" in wrong(destination={"store": attack})


@pytest.mark.parametrize(
    "attack",
    ["../../../etc/passwd", "/etc/passwd", "UTC'; DROP TABLE reports; --", "UTC\\u0000", "zone.tab",
     "Europe", "{x.__class__}", "posix/UTC", "localtime", "utc", "Asia/Kolkata/../UTC"],
)  # fmt: skip
def test_a_time_zone_is_one_of_the_list(attack: str) -> None:
    assert set(wrong(time_zone=attack)) == {"time_zone"}


def test_a_name_that_stands_twice_is_refused() -> None:
    found = read('{"a": 1, "query_json": {"type": "x", "type": "y"}}')
    assert found.wrong == (WrongField("type", "stands twice in one object: remove one"),)


def test_a_request_may_come_in_an_envelope() -> None:
    found = read('{"id": "report.submit", "params": {"msgid": "1"}, "request": {"a": 1}}')
    assert found.request == {"a": 1}
    assert found.wrong == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "line 1, column 1: it ends too early"),
        ('{"a":\n {fieldName":1}}', 'line 2, column 3: the name fieldName lacks its opening quote'),
        ("{\n  a: 1}", 'line 2, column 3: the name a wants quotes: write "a"'),
        ("{'a': 1}", "line 1, column 2: a name wants double quotes"),
        ('{"a": 1,}', "no comma stands before a closing brace"),
        ('{"a" 1}', "line 1, column 6: a colon is wanted here"),
        ('{"a": 1 "b": 2}', "line 1, column 9: a comma is wanted here"),
        ('{"a": "x\n"}', "it lacks its closing quote"),
        ('{"a": 1} x', "the request has ended already"),
        ("[1]", "the request must be an object"),
        ('{"request": 1}', "`request` must be an object"),
        ('{"a":' * 100_000, "nested deeper"),
        ('{"a":' * 100 + "1" + "}" * 100, "nested deeper"),
        (f'{{"a": {"9" * 10_000}}}', "thousands of digits"),
        (f'{{"a": "{"x" * 1_100_000}"}}', "longer than 1 MiB"),
    ],
)  # fmt: skip
def test_a_text_that_is_no_request_is_told_where_it_stops_being_one(text: str, said: str) -> None:
    with pytest.raises(BadRequest) as refused:
        read(text)
    assert said in str(refused.value)
