"""What a board's cards are like where the workspace says nothing."""

from __future__ import annotations

from tallymark.boards.define import CardSpec


def test_a_card_has_the_width_of_its_kind_unless_it_says_another() -> None:
    assert CardSpec(kind="number", metric="m").columns == 3
    assert CardSpec(kind="bar", metric="m").columns == 6
    assert CardSpec(kind="bar", metric="m", width=4).columns == 4
