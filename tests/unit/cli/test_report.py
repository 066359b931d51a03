from __future__ import annotations

import csv
import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from .conftest import Place

REQUEST: dict[str, Any] = {
    "report_name": "Downloads by package",
    "query_engine": "LAKE",
    "execution_frequency": "DAILY",
    "report_interval": "P2D",
    "query_json": {"metric": "downloads", "by": ["package"]},
    "output_format": "csv",
    "output_field_names": {"date": "Day", "package": "Package", "downloads": "Downloads"},
}


def asked(place: Place, **changes: Any) -> str:
    """A file with a request; what is None is left out."""
    wanted = {k: v for k, v in (REQUEST | changes).items() if v is not None}
    path = place.home / "request.json"
    path.write_text(json.dumps(wanted, indent=2))
    return str(path)


def past(place: Place, **changes: Any) -> str:
    """A report of three days of which all is there."""
    first = date.fromisoformat(place.first_day)
    interval = {"from": str(first), "to": str(first + timedelta(days=2))}
    return asked(place, execution_frequency="ONCE", report_interval=interval, **changes)


def report_id(ran: Any) -> str:
    found = ran.json["report_id"]
    assert found.startswith("downloads_by_package-")
    return str(found)


def test_a_report_is_configured_made_and_shown(place: Place) -> None:
    place.run("collect")
    made = place.run("report", "submit", past(place), "--json")
    assert made.code == 0
    one = report_id(made)
    ran = place.run("report", "run", one, "--json")
    assert (ran.code, ran.err) == (0, "")
    assert ran.json["why"] == ["ran once: waits for nothing"]
    (run,) = ran.json["runs"]
    assert (run["status"], run["rows"], run["revision"], run["empty"]) == ("SUCCESS", 6, 1, False)
    rows = list(csv.reader(Path(urlsplit(run["location"]).path).read_text().splitlines()))
    assert rows[0] == ["Day", "Package", "Downloads"]
    first = date.fromisoformat(place.first_day)
    true = place.vendor.world.downloads("rocket", first, place.vendor.clock.now())
    assert [place.first_day, "rocket", str(true)] in rows
    again = place.run("report", "run", one)
    assert (again.code, again.out) == (0, "ran once: waits for nothing\n")
    shown = place.run("report", "show", one)
    assert shown.code == 0
    assert f"report_interval: {first} to {first + timedelta(days=2)}" in shown.out
    assert shown.out.splitlines()[-1].split()[1:4] == ["1", "SUCCESS", "6"]
    assert place.run("report", "show", one, "--json").json["runs"] == [run]
    listed = place.run("report", "list")
    assert [line.split()[:2] for line in listed.out.splitlines()] == [
        ["report", "status"],
        [one, "ENABLED"],
    ]


def test_one_that_waits_says_what_for_and_ends_with_its_own_code(place: Place) -> None:
    place.run("collect")
    one = report_id(place.run("report", "submit", asked(place), "--json"))
    ran = place.run("report", "run", one)
    assert ran.code == 3
    line = place.run("report", "why", one).out.splitlines()[0]
    assert line.startswith("waits for ")
    assert " of 2 days not complete yet: " in line
    assert line in ran.out
    assert place.run("report", "why", one, "--json").json["why"][0] == line


def test_every_mistake_stands_on_a_line_of_its_own(place: Place) -> None:
    wrong = asked(place, output_format="xls", query_json={"metric": "downlods"}, report_name=None)
    said = place.run("report", "submit", wrong)
    assert (said.code, said.out) == (2, "")
    lines = said.err.splitlines()
    assert all(line.startswith("tallymark: ") for line in lines)
    fields = {line.split(": ")[1] for line in lines}
    assert {"report_name", "output_format", "query_json.metric"} <= fields
    told = place.run("report", "submit", wrong, "--json")
    assert told.code == 2
    assert {one["field"] for one in told.json["errors"]} == fields
    assert "did you mean downloads?" in told.out
    (place.home / "request.json").write_text('{"report_name": "a",\n  query_engine": "LAKE"}')
    assert "line 2, column 3" in place.run("report", "submit", wrong).err
    (place.home / "request.json").write_bytes(b"\xff")
    assert "no text in UTF-8" in place.run("report", "submit", wrong).err


def test_a_preview_writes_nothing(place: Place) -> None:
    place.run("collect")
    before = {path for path in (place.home / "lake").rglob("*") if "reports" in path.parts}
    found = place.run("report", "preview", past(place), "--json")
    assert found.code == 0
    assert found.json["headings"] == ["Day", "Package", "Downloads"]
    assert len(found.json["rows"]) == 6
    assert found.json["path"].endswith(f"-{found.json['end_date']}.csv")
    table = place.run("report", "preview", past(place)).out.splitlines()
    assert table[1].split() == ["Day", "Package", "Downloads"]
    assert {path for path in (place.home / "lake").rglob("*") if "reports" in path.parts} == before
    assert place.run("report", "list", "--json").json == {"count": 0, "reports": []}


def test_a_report_is_disabled_enabled_and_replaced(place: Place) -> None:
    one = report_id(place.run("report", "submit", asked(place), "--json"))
    assert place.run("report", "disable", one).out.startswith(f"{one} is disabled")
    assert "is disabled" in place.run("report", "why", one).out
    assert place.run("report", "list", "--status", "enabled", "--json").json["count"] == 0
    assert place.run("report", "enable", one, "--json").json["status"] == "ENABLED"
    weekly = asked(place, execution_frequency="WEEKLY")
    assert place.run("report", "submit", weekly).code == 2, "it is there already"
    changed = place.run("report", "submit", weekly, "--replace", one, "--json")
    assert (report_id(changed), changed.json["execution_frequency"]) == (one, "WEEKLY")


def test_dates_are_made_once_more(place: Place) -> None:
    place.run("collect")
    one = report_id(place.run("report", "submit", past(place), "--json"))
    place.run("report", "run", one)
    last = str(date.fromisoformat(place.first_day) + timedelta(days=2))
    span = ("--from", place.first_day, "--to", last, "--reason", "a wrong week")
    dry = place.run("report", "regenerate", *span, "--dry-run")
    assert dry.out.splitlines() == [
        f"{one} of {last} would be made once more, as revision 2",
        f"{one}: 2 dates from {place.first_day} left out: the report was not due with this "
        "end date",
    ]
    done = place.run("report", "regenerate", one, *span, "--json")
    assert done.json["made"] == [{"report_id": one, "end_date": last, "revision": 2}]
    ran = place.run("report", "run", one, "--json")
    (run,) = ran.json["runs"]
    assert (run["revision"], run["status"], run["reason"]) == (2, "SUCCESS", "a wrong week")
    unknown = place.run("report", "regenerate", f"{one}x", *span)
    assert unknown.code == 2
    assert f"there are {one}" in unknown.err


def test_a_report_that_is_not_there_is_told(place: Place) -> None:
    place.run("report", "submit", asked(place))
    for command in ("show", "why", "run", "disable", "enable", "preview"):
        said = place.run("report", command, "downloads-00000000")
        assert said.code == 2
        assert "there is no report 'downloads-00000000'" in said.err


def test_a_file_that_is_not_there_is_told(place: Place) -> None:
    for command in ("submit", "preview"):
        for file in ("nofile.json", "no/such-0123abcd", "./plays-0123abcd", "no file"):
            said = place.run("report", command, file)
            assert (said.code, said.err) == (2, f"tallymark: there is no file {file}\n")
        said = place.run("report", command, str(place.home))
        assert (said.code, "cannot be read: Is a directory" in said.err) == (2, True)


def test_what_a_preview_is_given_is_an_id_or_a_request(place: Place) -> None:
    for text, why in (("[1]", "the request must be an object"), ("", "it ends too early")):
        (place.home / "request.json").write_text(text)
        said = place.run("report", "preview", str(place.home / "request.json"))
        assert (said.code, why in said.err) == (2, True)


def test_a_file_whose_name_could_be_an_id_is_a_request(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place.home)
    Path("plays-0123abcd").write_text("[1]")
    said = place.run("report", "preview", "plays-0123abcd")
    assert (said.code, "the request must be an object" in said.err) == (2, True)


def test_whatever_is_refused_is_told_in_json_too(place: Place) -> None:
    one = report_id(place.run("report", "submit", asked(place), "--json"))
    there = place.run("report", "submit", asked(place), "--json")
    gone = [
        place.run("report", command, "downloads-00000000", "--json")
        for command in ("show", "why", "run", "disable", "enable", "preview")
    ]
    gone += [place.run("report", "preview", name, "--json") for name in ("downloads", "no.json")]
    gone.append(place.run("report", "submit", "no.json", "--json"))
    gone.append(place.run("report", "list", "--status", "on", "--json"))
    for said in (there, *gone):
        assert (said.code, said.err, set(said.json)) == (2, "", {"errors", "warnings"})
        (error,) = said.json["errors"]
        assert "there is no" in error["detail"] or f"there is a report {one}" in error["detail"]
