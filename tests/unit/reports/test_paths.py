from __future__ import annotations

import re
from typing import Any
from urllib.parse import unquote

import pytest

from tallymark.files import check_key
from tallymark.reports.paths import GROUP_FIELDS, apart, encoded, group_path, value_text

NASTY = (
    *(
        "..",
        ".",
        "",
        "/",
        "../../etc/passwd",
        "a/b",
        "a\\b",
        "a\0b",
        "%2e%2e",
        "c:",
        "con",
        " x ",
        "~",
    ),
    *("é", "अ🙂", "a?b#c", "a&b=c", "(empty)", "unknown", "\ud800", "\r\n", "x" * 5000, "é" * 300),
)


@pytest.mark.parametrize(
    ("values", "path"),
    [
        (["in.ekstep", "0a-1_b~2"], "in.ekstep/0a-1_b~2"),
        (["a/b", "c d"], "a%2Fb/c%20d"),
        (["é", "100%"], "%C3%A9/100%25"),
        ([None], "unknown"),
        ([""], "(empty)"),
        (["(empty)"], "%28empty%29"),
        ([".", ".."], "%2E/%2E%2E"),
        (["...", ".a"], ".../.a"),
        ([5, 2.5, True, False, 2**60 + 1], "5/2.5/true/false/1152921504606846977"),
        ([["a", "b"]], "%5B%22a%22%2C%22b%22%5D"),
        (["backup", "backup"], "%62ackup/backup"),
        (["Backup"], "%42ackup"),
        (["x", "backup"], "x/backup"),
    ],
)
def test_a_value_is_a_folder(values: list[Any], path: str) -> None:
    assert group_path(values) == path


@pytest.mark.parametrize("value", NASTY)
def test_no_value_is_more_than_one_part(value: str) -> None:
    path = group_path([value])
    assert re.fullmatch(r"[A-Za-z0-9._~%()-]{1,200}", path)
    assert path not in (".", "..")
    assert check_key(f"reports/{path}/x.csv")
    if len(path) < 180 and value not in ("", "\ud800"):
        assert unquote(path) == value


def test_a_long_value_is_cut_and_told_apart() -> None:
    long = ["x" * 5000, "x" * 4999, "é" * 300, "x" + "é" * 300, "xxxx" + "é" * 300, "x" * 201]
    paths = [encoded(text) for text in long]
    assert len(set(paths)) == len(long)
    assert all(len(path) <= 200 for path in paths)
    assert not any(re.search(r"%(?![0-9A-F]{2})", path) for path in paths)
    assert encoded("x" * 200) == "x" * 200


def test_many_long_values_are_still_a_key() -> None:
    values = ["é" * 300 + str(n) for n in range(GROUP_FIELDS)]
    path = group_path(values)
    assert len(path.split("/")) == GROUP_FIELDS
    assert len(set(path.split("/"))) == GROUP_FIELDS
    assert len(path) <= 440
    # the folders of two values of 200 bytes are not cut
    assert group_path(["x" * 200, "y" * 200]) == f"{'x' * 200}/{'y' * 200}"


def test_the_types_of_one_text_share_a_folder() -> None:
    assert value_text(5) == value_text("5")
    assert value_text(None) == value_text("unknown")
    assert value_text(True) == value_text("true")


@pytest.mark.parametrize(
    ("path", "kept_apart"),
    [
        ("backup/a.json", "%62ackup/a.json"),
        ("backup", "backup"),
        ("a/backup/b.json", "a/backup/b.json"),
        ("a.query.json", "a%2Equery.json"),
        ("x/a.MANIFEST.json", "x/a%2EMANIFEST.json"),
        ("a-query.json", "a-query.json"),
    ],
)
def test_a_path_is_kept_apart_from_ours(path: str, kept_apart: str) -> None:
    assert apart(path) == kept_apart
    assert apart(kept_apart) == kept_apart
