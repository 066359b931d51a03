from __future__ import annotations

import pytest

from tallymark.errors import BadRequest
from tallymark.files import check_key


@pytest.mark.parametrize("key", ["a", "archive/git hub/ä/7/1-0.json.zst", "x" * 255, "...", "a/b~"])
def test_a_key_of_named_parts_is_taken(key: str) -> None:
    assert check_key(key) == key


@pytest.mark.parametrize(
    "key",
    [
        "",
        "/etc/passwd",
        "a/../b",
        "..",
        "a/./b",
        "a//b",
        "a/",
        "a\0b",
        "a\\b",
        "x" * 256,
        "ä" * 128,
        "a/" * 600 + "b",
        "\ud800",
    ],
)
def test_a_key_that_could_lead_elsewhere_is_refused(key: str) -> None:
    with pytest.raises(BadRequest):
        check_key(key)
