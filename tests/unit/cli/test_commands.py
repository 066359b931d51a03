from __future__ import annotations

import hashlib
import re
import sqlite3
from datetime import date, timedelta

import pytest

from tallymark.demo.vendors.faults import Fault

from .conftest import Place

NEVER = "http://127.0.0.1:9"


def test_a_good_workspace_is_valid_and_a_wrong_one_is_told_line_by_line(place: Place) -> None:
    good = place.run("validate", "--json")
    answer = good.json
    schedules = answer.pop("schedules")
    counts = {"sources": 1, "metrics": 1, "boards": 1}
    assert (good.code, answer) == (0, {"valid": True, **counts})
    assert [(one["stream"], one["every"], one["zone"]) for one in schedules] == [
        ("npm.downloads", "1d", "UTC")
    ]
    assert len(schedules[0]["next_at"]) == 3
    first, then = place.run("validate").out.splitlines()
    assert first == "valid: 1 sources, 1 metrics, 1 boards"
    assert re.fullmatch(r"npm\.downloads, 1d: next \w{3} \d+ \w{3}.* and .* \(UTC\)", then)
    place.write("sources:\n  npm: {connector: nmp}\nbords: {}\n")
    wrong = place.run("validate")
    assert wrong.code == 2
    assert "all.yaml:2: `connector: nmp`: did you mean `npm`?" in wrong.err
    assert "all.yaml:3: unknown key `bords`: did you mean `boards`?" in wrong.err
    told = place.run("validate", "--json")
    assert told.code == 2
    assert told.json["valid"] is False
    assert [(one["file"], one["line"]) for one in told.json["problems"]] == [
        ("all.yaml", 2),
        ("all.yaml", 3),
    ]


def test_collecting_does_all_that_is_due_once(place: Place) -> None:
    first = place.run("collect", "--json")
    assert (first.code, first.json) == (0, {"idle": True, "failing": []})
    assert first.err == "", "a bar is for people who watch"
    answered = place.vendor.answered()
    assert answered == 2
    again = place.run("collect")
    assert (again.code, again.out, again.err) == (0, "nothing is due any more\n", "")
    assert place.vendor.answered() == answered


def test_what_was_collected_is_shown(place: Place) -> None:
    place.run("collect")
    arguments = ("series", "downloads", "--from", place.first_day, "--to", place.last_day)
    found = place.run(*arguments, "--by", "package", "--json")
    assert found.code == 0
    assert found.json["metric"] == "downloads"
    lines = {line["by"]["package"]: line["buckets"] for line in found.json["series"]}
    first = date.fromisoformat(place.first_day)
    for package in ("rocket", "launchpad"):
        assert len(lines[package]) == 19
        true = place.vendor.world.downloads(package, first, place.vendor.clock.now())
        assert lines[package][0]["value"] == true
        assert lines[package][0]["completeness"] == "complete"
    one = place.run(*arguments, "--filter", "package:rocket", "--grain", "month", "--json")
    assert one.code == 0
    table = place.run(*arguments, "--grain", "week")
    assert table.out.splitlines()[0].split() == ["key", "value", "completeness", "why"]
    assert place.run("series", "downloads", "--json").code == 0


def test_a_series_is_shown_beside_earlier_ones(place: Place) -> None:
    place.run("collect")
    asked = ("series", "downloads", "--from", place.first_day, "--to", place.first_day)
    found = place.run(*asked, "--compare", "prev,year").out.splitlines()
    assert found[0].split() == [
        "key", "value", "completeness", "prev", "value", "difference", "year", "value",
        "difference", "why",
    ]  # fmt: skip
    assert "prev: before the first period" in found[1]
    month = place.run("series", "downloads", "--grain", "month", "--interval", "mtd",
                      "--compare", "prev", "--align", "weekday", "--json").json  # fmt: skip
    assert (month["interval"]["name"], month["align"]) == ("mtd", "weekday")
    (line,) = month["series"]
    assert [beside["of_start_at"] for beside in line["overlays"]["prev"]["buckets"]] == [
        bucket["start_at"] for bucket in line["buckets"]
    ]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("series", "downloads", "--compare", "yera"), "there is no overlay 'yera'"),
        (("series", "downloads", "--grain", "month", "--compare", "week"), "shorter than a month"),
        (("series", "downloads", "--interval", "mdt"), "did you mean mtd"),
        (("series", "downloads", "--interval", "mtd", "--to", "2026-01-01"), "names the whole"),
        (("series", "downlods"), "there is no metric 'downlods': did you mean downloads?"),
        (("series", "downloads", "--grain", "dya"), "there is no grain 'dya': did you mean day?"),
        (("series", "downloads", "--grain", "hour"), "there are no hours"),
        (("series", "downloads", "--by", "path"), "has no dimension 'path'"),
        (("series", "downloads", "--filter", "package"), "write dimension:value"),
        (("series", "downloads", "--from", "yesterday"), "write a date such as 2026-11-22"),
        (("backfill", "npm", "downlods", "--from", "2026-01-01", "--to", "2026-01-02"), "there is"),
        (("backfill", "npm", "downloads", "--from", "1999-01-01", "--to", "1999-01-02"), "begins"),
        (("backfill", "npm", "downloads", "--from", "2098-01-01", "--to", "2098-01-02"), "ended"),
        (("replay", "npm", "downloads", "--subject", "nobody"), "there is launchpad, rocket"),
        (("replay", "github", "repositories"), "there are npm.downloads"),
        (("token", "create", "one", "--scope", "all"), "use read, write, admin"),
        (("token", "remove", "nobody"), "there is no token called 'nobody'"),
        (("serve", "--host", "0.0.0.0"), "--host 0.0.0.0: only 127.0.0.1, localhost, ::1"),
        (("serve", "--host", "::"), "until there is a sign-in"),
        (("serve", "--port", "65536"), "Invalid value for '--port'"),
        (("sreve",), "No such command 'sreve'"),
        (("series",), "Missing argument 'metric'"),
        (("collect", "--jsno"), "No such option: --jsno"),
    ],
)
def test_wrong_input_ends_with_2_and_says_what_is_right(
    arguments: tuple[str, ...], said: str, place: Place
) -> None:
    if arguments[0] in ("series", "token") and arguments[1:2]:
        place.run("token", "create", "one")
        place.write_good()
        place.run("backfill", "npm", "downloads", "--from", place.first_day, "--to",
                  place.first_day, "--dry-run")  # fmt: skip
    found = place.run(*arguments)
    assert found.code == 2
    assert said in found.err
    assert found.out == ""


def test_a_vendor_that_does_not_answer_ends_with_3_and_one_that_refuses_with_1(
    place: Place,
) -> None:
    place.vendor.faults.add(Fault(kind="status", status=503))
    later = place.run("collect", "--json")
    assert later.code == 3
    assert {one["subject"] for one in later.json["failing"]} == {"rocket", "launchpad"}
    assert all("503" in one["last_error"] for one in later.json["failing"])
    assert "! npm rocket: 127.0.0.1" in place.run("collect").out
    place.vendor.faults.clear()
    place.vendor.faults.add(Fault(kind="status", status=404, prefix="/downloads"))
    first = place.first_day
    refused = place.run("backfill", "npm", "downloads", "--from", first, "--to", first)
    assert refused.code == 1
    assert "correct its name" in refused.out


def test_the_state_of_each_subject_is_told(place: Place) -> None:
    place.vendor.faults.add(Fault(kind="status", status=404, prefix="/downloads", times=1))
    place.run("collect")
    found = place.run("status", "--json")
    assert found.code == 0
    states = {one["subject"]: one for one in found.json["objects"]}
    assert sorted(one["state"] for one in states.values()) == ["active", "failing"]
    failing = next(one for one in states.values() if one["state"] == "failing")
    assert "npm knows no package" in failing["last_error"]
    assert failing["advice"]
    table = place.run("status").out
    assert "npm knows no package" in table
    ill = place.run("doctor", "--json")
    assert ill.code == 1
    assert any("npm knows no package" in text for text in ill.json["problems"])


def test_the_doctor_finds_nothing_wrong_with_a_good_home(place: Place) -> None:
    place.run("collect")
    well = place.run("doctor", "--json")
    assert (well.code, well.json["problems"]) == (0, [])
    assert well.json["home"] == str(place.home)
    assert "nothing is wrong" in place.run("doctor").out


def test_the_doctor_says_that_a_home_was_moved(place: Place) -> None:
    place.run("collect")
    moved = place.home.with_name("moved")
    place.home.rename(moved)
    found = place.run("doctor", "--home", str(moved))
    moved.rename(place.home)
    assert found.code == 1
    assert "npm.downloads: its files are said to lie elsewhere: move the home back" in found.out


def test_a_dry_run_tells_the_first_request_of_each_span_and_sends_none(place: Place) -> None:
    place.vendor.change({"longest_days": 548})
    place.write_good()
    arguments = ("backfill", "npm", "downloads", "--from", place.first_day, "--to", place.last_day)
    found = place.run(*arguments, "--dry-run", "--json")
    assert found.code == 0
    base = f"{place.vendor.url}/downloads/range/{place.first_day}:{place.last_day}"
    assert [(one["subject"], one["url"]) for one in found.json["requests"]] == [
        ("launchpad", f"{base}/launchpad"),
        ("rocket", f"{base}/rocket"),
    ]
    told = place.run(*arguments, "--subject", "rocket", "--dry-run")
    assert told.out == f"GET {base}/rocket\n"
    assert place.vendor.calls() == []
    sent = place.run(*arguments, "--subject", "rocket")
    assert sent.code == 0
    asked = [entry["path"] for entry in place.vendor.calls() if entry["event"] == "start"]
    assert any(path.endswith("/rocket") for path in asked)


def test_a_long_backfill_is_several_spans(place: Place) -> None:
    first = date.fromisoformat(place.last_day) - timedelta(days=1200)
    place.write_good()
    place.write(
        (place.home / "workspace" / "all.yaml").read_text().replace(place.first_day, str(first))
    )
    found = place.run(
        *("backfill", "npm", "downloads", "--from", str(first), "--to", place.last_day),
        *("--subject", "rocket", "--dry-run", "--json"),
    )
    spans = [(one["from"][:10], one["to"][:10]) for one in found.json["requests"]]
    assert len(spans) == 3
    assert [one[0] for one in spans[1:]] == [one[1] for one in spans[:-1]]
    assert place.vendor.calls() == []


def test_a_backfill_brings_what_the_vendor_says_now(place: Place) -> None:
    place.run("collect")
    place.vendor.change({"downloads": {"rocket": {place.first_day: 31_337}}})
    first = place.first_day
    done = place.run("backfill", "npm", "downloads", "--from", first, "--to", first, "--json")
    assert (done.code, done.json["idle"]) == (0, True)
    arguments = ("series", "downloads", "--from", first, "--to", first, "--by", "package", "--json")
    values = {
        line["by"]["package"]: line["buckets"][0]["value"]
        for line in place.run(*arguments).json["series"]
    }
    assert values["rocket"] == 31_337


def test_a_backfill_asks_again_for_what_failed(place: Place) -> None:
    place.vendor.faults.add(Fault(kind="status", status=404, prefix="/downloads"))
    assert place.run("collect").code == 1
    assert place.run("collect").code == 1, "a person must act"
    place.vendor.faults.clear()
    arguments = ("backfill", "npm", "downloads", "--from", place.first_day, "--to", place.last_day)
    assert place.run(*arguments, "--json").json == {"idle": True, "failing": []}
    shown = ("series", "downloads", "--from", place.first_day, "--to", place.first_day, "--json")
    (line,) = place.run(*shown).json["series"]
    assert line["buckets"][0]["completeness"] == "complete"


def test_a_replay_makes_the_rows_again_without_a_call(place: Place) -> None:
    place.run("collect")
    before = place.run("series", "downloads", "--json").out
    n_calls = len(place.vendor.calls())
    found = place.run("replay", "npm", "downloads", "--json")
    assert (found.code, found.err) == (0, "")
    told = place.run("replay", "npm", "downloads", "--subject", "rocket")
    assert "rows made again" in told.out
    assert len(place.vendor.calls()) == n_calls
    assert place.run("series", "downloads", "--json").out == before


def test_a_token_is_the_last_word_once_and_only_its_hash_is_kept(place: Place) -> None:
    made = place.run("token", "create", "shipper", "--scope", "write")
    token = made.out.split()[-1]
    assert made.code == 0
    assert token.startswith("tmk_")
    with sqlite3.connect(place.home / "tallymark.db") as database:
        kept = database.execute("SELECT name, scope, hash FROM tokens").fetchall()
    database.close()
    assert kept == [("shipper", "write", hashlib.sha256(token.encode()).hexdigest())]
    for file in place.home.rglob("*"):
        assert not file.is_file() or token.encode() not in file.read_bytes(), file
    twice = place.run("token", "create", "shipper")
    assert twice.code == 2
    assert "already a token called 'shipper'" in twice.err
    place.run("collect")
    (listed,) = place.run("token", "list", "--json").json
    assert (listed["name"], listed["scope"]) == ("shipper", "write")
    assert token not in place.run("token", "list").out
    assert place.run("token", "remove", "shipper", "--json").json == {
        "name": "shipper",
        "removed": True,
    }
    assert place.run("token", "list", "--json").json == []
    other = place.run("token", "create", "reader", "--json").json
    assert (other["name"], other["scope"]) == ("reader", "read")
    assert other["token"].startswith("tmk_")


def test_a_replay_names_a_page_that_is_damaged_or_gone_and_can_be_repeated(place: Place) -> None:
    place.run("collect")
    pages = sorted((place.home / "lake" / "archive").rglob("*.zst"))
    kept = pages[0].read_bytes()
    name = str(pages[0].relative_to(place.home / "lake"))
    for damage in (kept[:-1], None):
        if damage is None:
            pages[0].unlink()
        else:
            pages[0].write_bytes(damage)
        found = place.run("replay", "npm", "downloads")
        assert found.code == 1
        assert name in found.err
        assert "restore it" in found.err
        told = [one for one in place.run("status", "--json").json["objects"] if one["last_error"]]
        assert len(told) == 1
        assert name in told[0]["last_error"]
    pages[0].write_bytes(kept)
    done = place.run("replay", "npm", "downloads", "--json")
    assert done.code == 0
    assert place.run("doctor").code == 0


def test_subjects_that_stopped_are_replayed_with_the_others(place: Place) -> None:
    place.run("collect")
    good = (place.home / "workspace" / "all.yaml").read_text()
    place.write(
        good.replace("[rocket, launchpad]", "[rocket]").replace(
            ", start", ", paused: rocket, start"
        )
    )
    place.run("collect")
    states = {one["subject"]: one["state"] for one in place.run("status", "--json").json["objects"]}
    assert states == {"rocket": "paused", "launchpad": "removed"}
    found = place.run("replay", "npm", "downloads")
    assert found.code == 0
    with sqlite3.connect(place.home / "tallymark.db") as database:
        done = database.execute(
            "SELECT count(*) FROM tasks WHERE note = 'replay' AND state = 'done'"
        )
        assert done.fetchone() == (2,)
    database.close()
    refused = place.run("backfill", "npm", "downloads", "--from", place.first_day, "--to",
                        place.first_day)  # fmt: skip
    assert refused.code == 2
    assert "has no active subject" in refused.err
