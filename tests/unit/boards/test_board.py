"""Reading a board: each question once, and a failing card alone."""

from __future__ import annotations

from datetime import UTC, datetime

from tallymark.boards.define import BoardSpec
from tallymark.boards.health import Health
from tallymark.boards.view import Asked, View, view
from tests.web_world import BROKEN, MUCH, TWENTY, World, world


def shown(here: World, board: BoardSpec, **asked: str) -> View:
    reader, clock = here.services.board_reader, here.clock
    return view(board, Asked(**asked), reader.finests(board), reader.calendar(board), clock.now())


def test_each_question_is_asked_once_however_many_cards_ask_it() -> None:
    here = world()
    seen = shown(here, TWENTY, grain="month")
    here.services.board_reader.page(TWENTY, seen, here.clock.now())
    assert len(here.numbers.asked) == len(set(here.numbers.asked))
    here.numbers.asked.clear()
    here.services.board_reader.data(TWENTY, seen, here.clock.now())
    assert len(here.numbers.asked) == len(set(here.numbers.asked)) == 5


def test_a_card_that_cannot_be_read_fails_alone() -> None:
    here = world()
    seen = shown(here, BROKEN)
    broken, stars, chart, _ = here.services.board_reader.page(BROKEN, seen, here.clock.now())
    assert broken.trouble is not None
    assert "the database is away" in broken.trouble.what
    assert not broken.readable
    assert not chart.readable
    assert stars.number is not None
    failed, drawn = here.services.board_reader.data(BROKEN, seen, here.clock.now())["cards"]
    assert "the database is away" in failed["error"]
    assert drawn["error"] is None


def test_a_number_is_of_exactly_the_days_of_the_range_at_every_grain() -> None:
    here = world()
    reader = here.services.board_reader
    texts = set()
    for grain in ("day", "week", "month", "quarter"):
        seen = shown(here, MUCH, range="91d", grain=grain)
        downloads = reader.page(MUCH, seen, here.clock.now())[2]
        assert downloads.number is not None
        texts.add(downloads.number.exact)
    assert len(texts) == 1


def test_a_metric_keeps_its_own_grain_and_says_so() -> None:
    here = world()
    seen = shown(here, MUCH, range="7d", grain="hour")
    cards = here.services.board_reader.page(MUCH, seen, here.clock.now())
    assert cards[6].note == "by day: counted by whole days (UTC)"
    assert cards[7].note == ""
    data = here.services.board_reader.data(MUCH, seen, here.clock.now())
    assert {card["axis"] for card in data["cards"]} == {"hour", "day"}
    assert data["axes"]["hour"]["day_starts"] == [0, 24, 48, 72, 96, 120, 144]
    assert len(data["axes"]["hour"]["keys"]) == 7 * 24


def test_a_board_without_numbers_says_when_they_come() -> None:
    here = world()
    here.numbers.since_at = datetime(2027, 1, 1, tzinfo=UTC)
    next_at = datetime(2026, 11, 24, 15, tzinfo=UTC)
    here.healths["stars"] = Health(collected=False, next_run_at=next_at)
    here.healths["views"] = Health(collected=False)
    cards = here.services.board_reader.page(MUCH, shown(here, MUCH), here.clock.now())
    assert cards[0].empty == "Nothing collected yet: next run 16:00."
    assert cards[3].empty == "Nothing collected yet."
    assert cards[2].empty == "Nothing up to yesterday, where this range ends; mtd has today."
    today = here.services.board_reader.page(MUCH, shown(here, MUCH, range="mtd"), here.clock.now())
    assert today[2].empty == "Nothing in this range."


def test_a_failing_stream_says_what_happened_since_when_and_what_to_do() -> None:
    here = world()
    here.healths["stars"] = Health(
        failing_since_at=datetime(2026, 11, 23, 7, tzinfo=UTC),
        last_error="GitHub answered 401",
        advice="Make a new token",
    )
    stars = here.services.board_reader.page(MUCH, shown(here, MUCH), here.clock.now())[0]
    assert stars.trouble is not None
    assert stars.number is not None
    told = stars.trouble
    assert (told.what, told.since, told.todo) == (
        "GitHub answered 401", "Mon 23 Nov 08:00", "Make a new token",
    )  # fmt: skip
