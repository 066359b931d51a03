from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tallymark.definitions.workspace import load
from tallymark.errors import ConfigError

from .given import CONNECTORS, GOOD, changed, line_of, problems, read


def test_a_workspace_says_what_it_means(tmp_path: Path) -> None:
    found = read(tmp_path, GOOD)
    assert found.calendar.zone == "Europe/Berlin"
    (repositories,) = found.sources["github"].streams
    assert repositories.subjects == ("acme/rocket", "acme/launchpad")
    assert repositories.paused == ("acme/launchpad",)
    assert (repositories.every, repositories.catch_up) == ("6h", "30d")
    assert repositories.start_at == datetime(2026, 1, 1, tzinfo=UTC)
    assert found.sources["github"].settings == {"token": "${GITHUB_TOKEN}"}
    assert found.sources["github"].budget == "100/1h"
    (downloads,) = found.sources["npm"].streams
    assert downloads.subjects == ("rocket",)
    assert downloads.start_at == datetime(2025, 12, 31, 22, tzinfo=UTC)
    assert downloads.every == "1d"
    (requests,) = found.sources["site"].streams
    assert requests.subjects == ("site",)
    assert found.metrics["views"].where == (("status", (200, 304)), ("method", ("GET",)))
    assert found.metrics["views"].title == "Views"
    assert found.metrics["stars"].description == "At the last reading."
    board = found.boards["overview"]
    assert (board.range, board.grain) == ("91d", "week")
    assert [card.width for card in board.cards] == [3, 12, 6]
    assert board.cards[0].title == "Stars"


def test_a_workspace_of_several_files_is_one(tmp_path: Path) -> None:
    for number, part in enumerate(GOOD.split("\n\n")):
        (tmp_path / f"{number}.yaml").write_text(part)
    (tmp_path / "empty.yml").write_text("# nothing yet\n")
    (tmp_path / ".#editor.yaml").symlink_to("nowhere")
    (tmp_path / "notes.txt").write_text("not: [yaml")
    assert load(tmp_path, CONNECTORS) == read(tmp_path / "whole", GOOD)


@pytest.mark.parametrize(
    ("old", "new", "at", "said"),
    [
        ("  zone:", "  zoen:", "zoen", "unknown key `zoen`: did you mean `zone`?"),
        ("Europe/Berlin", "Europe/Berln", "zone", "Europe/Berlin"),
        ("calendar:", "calender:", "calender", "did you mean `calendar`?"),
        ("connector: github", "connector: gihub", "connector: gihub", "did you mean `github`?"),
        ("token: ${GIT", "tokn: ${GIT", "tokn", "unknown key `tokn`: did you mean `token`?"),
        ("${GITHUB_TOKEN}", "ghp_secret", "token", "give a reference such as ${GITHUB_TOKEN}"),
        ("${GITHUB_TOKEN}", '"${A}ghp"', "token", "give a reference such as ${GITHUB_TOKEN}"),
        ("${GITHUB_TOKEN}", "12345", "token", "`token` has a wrong type"),
        ("${GITHUB_TOKEN}", "[a]", "token", "`token` has a wrong type"),
        ("budget: 100/1h", "budget: lots", "budget", "requests/time, such as 4500/1h"),
        ("budget: 100/1h", "budget: 0/1h", "budget", "requests/time, such as 4500/1h"),
        ("budget: 100/1h", "budget: ²/1h", "budget", "requests/time, such as 4500/1h"),
        ("budget: 100/1h", "budget: 100/1y", "budget", "no duration"),
        ("      repositories:", "      repos:", "repos:", "unknown stream `repos`"),
        ("[acme/rocket, acme/launchpad]", "[]", "subjects", "`subjects` is missing: which repos?"),
        ("[acme/rocket, acme/launchpad]", "[1]", "subjects", "`subjects` must be a list of texts"),
        ("[acme/rocket, ", "[acme/launchpad, ", "subjects", "twice: acme/launchpad"),
        ("[acme/rocket, ", "['', ", "subjects", "is no repo"),
        ("[acme/rocket, ", "[' a/b', ", "subjects", "is no repo"),
        ("        start: 2026-01-01\n", "", "repositories:", "`start` is missing"),
        ("start: 2026-01-01\n", "start: soon\n", "start: soon", "`start` must be a date"),
        ("start: 2026-01-01\n", "start: 2026-13-45\n", "2026-13", "`start` must be a date"),
        ("start: 2026-01-01\n", "start: 1066-10-14\n", "1066", "between 1980 and 2099"),
        ("start: 2026-01-01\n", "start: 2026-01-01T00:00:00\n", "2026-01-01T", "must be a date"),
        ("every: 6h", "every: often", "every", "'often' is no duration"),
        ("every: 6h", "every: 0 25 * * *", "every", "every"),
        ("every: 6h", "every: @daily", "every", "begins with @ or * wants quotes"),
        ("every: 6h", "every: */20 6 * * *", "every", "begins with @ or * wants quotes"),
        ("every: 6h", "every: WEEKLY 06:00", "every", "write '0 6 * * 1', which is cut in UTC"),
        ("every: 6h", "every: 999999d", "every", "longer than a hundred years"),
        ("catch_up: 30d", "catch_up: some", "catch_up", "none of all, latest, none, or an age"),
        ("catch_up: 30d", "catch_up: 999999d", "catch_up", "none of all, latest, none, or an age"),
        ("paused: [acme/launchpad]", "paused: [acme/launch]", "paused", "did you mean"),
        ("keys: {time: ts}", "keys: {time: [1]}", "keys", "`keys` has a wrong type"),
        ("keys: {time: ts}", "keys: {tme: ts}", "site:", "keys: 'tme' is not known; there are"),
        ("dedupe_field: request_id", "dedupe_field: 7", "dedupe", "`dedupe_field` has a wrong"),
        ("requests: {start", "requests: {subjects: [a], start", "requests", "one subject"),
        ("stream: github.repositories", "stream: github.repos", "github.repos", "did you mean"),
        ("last(stars)", "lst(stars)", "lst", "`measure: lst(stars)` is none of sum(x), count"),
        ("last(stars)", "last(star)", "star)", "did you mean `stars`?"),
        ("last(stars)", "sum(stars)", "sum(", "never summed over time: use last"),
        ("last(stars)", "last(repo)", "last(repo", "`last` needs a number of repositories"),
        ("measure: count\n", "measure: count(path)\n", "count(", "it takes no field"),
        ("direction: up", "direction: upp", "upp", "did you mean `up`?"),
        ("{status: [200, 304], method: GET}", "[status]", "where", "must map fields to values"),
        ("{status: [", "{statsu: [", "where", "`where: statsu`: did you mean `status`?"),
        ("[200, 304]", "ok", "where: {status", "needs values of its type, long"),
        ("[200, 304]", "[]", "where: {status", "needs values of its type, long"),
        ("[200, 304]", "99999999999999999999", "where: {status", "of its type, long"),
        ("{seconds: 0.5}", "{seconds: .nan}", "seconds: .nan", "of its type, double"),
        ("dimensions: [path]", "dimensions: [paht]", "paht", "did you mean `path`?"),
        ("dimensions: [path]", "dimensions: [path, path]", "[path, path", "stands there twice"),
        ("kind: number,", "kind: numbr,", "numbr", "did you mean `number`?"),
        ("number, metric: stars", "number, metric: stras", "stras", "did you mean `stars`?"),
        ("number, metric: stars", "number, metric: stars, by: repo", "number", "remove `by`"),
        ("by: repo", "by: rep", "by: rep,", "`by: rep`: did you mean `repo`?"),
        ("width: 12", "width: 13", "width: 13", "from 2 to 12"),
        ("width: 12", "width: true", "width: true", "from 2 to 12"),
        ("range: 91d", "range: 90d", "range", "did you mean"),
        ("grain: week", "grain: weak", "weak", "did you mean `week`?"),
        ("[prev, year]", "[prev, yaer]", "yaer", "`compare: yaer`: did you mean `year`?"),
        ("align: weekday", "align: weekdays", "weekdays", "did you mean `weekday`?"),
        ("  site:\n", "  site/x:\n", "site/x", "a name has up to 63 letters"),
        ("  npm:\n", "  github:\n", "  github:\n    connector: npm", "`github` stands here twice"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_what_is_right(
    old: str, new: str, at: str, said: str, tmp_path: Path
) -> None:
    text = GOOD.replace(old, new, 1)
    assert text != GOOD
    found = problems(tmp_path, text)
    line = f"all.yaml:{line_of(text, at)}: "
    assert any(one.startswith(line) and said in one for one in found), "\n".join(found)


def test_no_mistake_shows_a_secret_that_should_not_stand_there(tmp_path: Path) -> None:
    for value in ("ghp_canary", "${X}ghp_canary", "[ghp_canary]", "{a: ghp_canary}"):
        text = changed("${GITHUB_TOKEN}", f'"{value}"' if "[" not in value else value)
        assert "canary" not in "".join(problems(tmp_path, text))


def test_all_mistakes_are_told_at_once(tmp_path: Path) -> None:
    text = changed("Europe/Berlin", "Nowhere").replace("6h", "often").replace("max(", "mx(")
    found = problems(tmp_path, text.replace("kind: bar", "kind: pie"))
    assert len(found) == 4
    assert [one.split(": ")[0] for one in found] != sorted({"all.yaml:1"})
    for said in ("Nowhere", "often", "mx(seconds)", "pie"):
        assert any(said in one for one in found)


def test_mistakes_of_all_files_are_told_each_with_its_file(tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text("calendar: {zone: Nowhere}")
    (tmp_path / "two.yaml").write_text("sources: [")
    (tmp_path / "three.yaml").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "four.yaml").write_text("- a list")
    (tmp_path / "five.yaml").mkdir()
    with pytest.raises(ConfigError) as told:
        load(tmp_path, CONNECTORS)
    lines = str(told.value).splitlines()
    assert {line.split(":")[0] for line in lines} == {
        f"{name}.yaml" for name in ("one", "two", "three", "four", "five")
    }


def test_a_name_in_two_files_is_told_with_both_places(tmp_path: Path) -> None:
    (tmp_path / "one.yaml").write_text("calendar: {zone: UTC}\nmetrics:\n  a: {}\n")
    (tmp_path / "two.yaml").write_text("calendar: {zone: UTC}\nmetrics:\n  a: {}\n")
    with pytest.raises(ConfigError) as told:
        load(tmp_path, CONNECTORS)
    assert "two.yaml:3: `a` stands at one.yaml:3 already" in str(told.value)
    assert "the calendar stands at one.yaml:1 already" in str(told.value)


def test_a_folder_that_is_not_there_or_empty_is_told(tmp_path: Path) -> None:
    for folder in (tmp_path / "nowhere", tmp_path):
        with pytest.raises(ConfigError, match="--workspace"):
            load(folder, CONNECTORS)


@pytest.mark.parametrize(
    "text",
    [
        "a: &a [*a]",
        "sources: &a {x: *a}",
        "sources: {x: {connector: accesslog, keys: &k {time: *k}}}",
        "[" * 5000,
        "a: " * 5000,
        "{a: " * 3000,
        "? [1, 2]\n: 3",
        "? {a: b}\n: 3",
        "sources: {? [a] : {}}",
        "sources: {1: {}, null: {}, 2026-01-01: {}}",
        "--- 1\n--- 2",
        "sources: !!python/object:os.system {}",
        "sources: {x: {connector: !secret y}}",
        "sources: {x: {connector: !!binary AAAA}}",
        "sources: {x: {connector: !!int y, budget: !!float z}}",
        "sources: {x: {connector: !!set {a}}}",
        "metrics: {x: {stream: =, measure: =, where: {<<: 3}}}",
        "metrics: {x: {where: {? [1] : 2}}}",
        'sources: {x: {connector: "\\ud800", budget: "\\0"}}',
        "calendar: 5",
        "calendar: []",
        "calendar: {zone: {}}",
        "calendar: {zone: ../../etc/passwd}",
        "boards: {x: {cards: 5}}",
        "boards: {x: {cards: [5, [], {}]}}",
        "sources: {x: {connector: npm, streams: 5}}",
        "sources: {x: {connector: npm, streams: {downloads: []}}}",
        "sources: {x: {connector: npm, streams: {downloads: {start: 0001-01-01T00:00:00+05:00}}}}",
        "sources: {x: {connector: npm, budget: %s/1h}}" % ("9" * 5000),
        "\x00",
        "\ufeffcalendar: {zone: UTC}\nx: 1",
        "%YAML 9.9\n---\na: 1",
    ],
)
def test_no_text_is_more_than_a_problem(text: str, tmp_path: Path) -> None:
    assert problems(tmp_path, text)


def test_numbers_and_dates_that_stand_for_texts_are_texts(tmp_path: Path) -> None:
    text = changed("title: Overview", "title: 2026").replace("title: Stars", "title: 2026-13-45")
    found = read(tmp_path, text)
    assert found.boards["overview"].title == "2026"
    assert found.metrics["stars"].title == "2026-13-45"


def test_an_empty_value_is_as_good_as_none(tmp_path: Path) -> None:
    found = read(tmp_path, changed("every: 6h", "every:").replace("unit: stars", "unit:"))
    assert found.sources["github"].streams[0].every == "1d"
    assert found.metrics["stars"].unit == ""


def test_every_start_that_is_taken_can_be_worked_with(tmp_path: Path) -> None:
    for start in ("1980-01-01", "2099-12-31", "1980-01-01T00:00:00Z"):
        found = read(tmp_path, GOOD.replace("start: 2026-01-01\n", f"start: {start}\n", 1))
        at = found.sources["github"].streams[0].start_at
        assert at + timedelta(days=1) > at
