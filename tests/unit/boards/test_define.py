"""A board that cannot be drawn is refused with the fix."""

from __future__ import annotations

from typing import Any

import pytest

from tallymark.boards.define import BoardSpec, CardSpec, check_board
from tallymark.errors import ConfigError

DIMENSIONS = {"stars": ("repo",), "views": ("site", "path")}


def board(**card: Any) -> BoardSpec:
    return BoardSpec(name="b", title="B", cards=(CardSpec(**{"kind": "line", **card}),))


def test_a_right_board_passes() -> None:
    check_board(board(metric="views", by="path", width=12), DIMENSIONS)


@pytest.mark.parametrize(
    ("card", "said"),
    [
        ({"metric": "stras"}, "did you mean 'stars'"),
        ({"metric": "stars", "kind": "pie"}, "one of: number, line, bar"),
        ({"metric": "stars", "by": "path"}, "one of: repo"),
        ({"metric": "stars", "kind": "number", "by": "repo"}, "remove `by`"),
        ({"metric": "stars", "width": 13}, "between 2 and 12"),
    ],
)
def test_a_wrong_card_is_named_with_the_fix(card: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said) as refused:
        check_board(board(**card), DIMENSIONS)
    assert "board 'b', card 1" in str(refused.value)


def test_a_wrong_range_or_grain_of_a_board_is_named() -> None:
    with pytest.raises(ConfigError, match="range '5d'"):
        check_board(BoardSpec(name="b", title="B", cards=(), range="5d"), {})  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="grain 'days' does not exist; did you mean 'day'"):
        check_board(BoardSpec(name="b", title="B", cards=(), grain="days"), {})  # type: ignore[arg-type]


def test_a_card_has_the_width_of_its_kind_unless_it_says_another() -> None:
    assert CardSpec(kind="number", metric="m").columns == 3
    assert CardSpec(kind="bar", metric="m").columns == 6
    assert CardSpec(kind="bar", metric="m", width=4).columns == 4
