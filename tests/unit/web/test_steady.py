"""A rebuild swaps a cube while a request is answered."""

from __future__ import annotations

from typing import Any

import pytest

from tallymark.calendar.periods import Calendar
from tallymark.metrics.answer import Series, SeriesQuery
from tests.asgi import Client
from tests.web_world import World

READ = "/api/v1/series?metric=stars&grain=day&from=2026-10-01&to=2026-10-02"


@pytest.mark.parametrize("path", ["/boards/project", "/boards/project/data", READ])
def test_an_answer_that_a_swap_cut_in_two_is_given_again(
    client: Client, here: World, reader: dict[str, str], path: str
) -> None:
    kathmandu = Calendar("Asia/Kathmandu")
    read, asked = here.numbers.read, here.numbers.asked
    client.get(path, headers=reader)
    quiet = len(asked)
    asked.clear()

    def swapping(query: SeriesQuery) -> Series:
        if len(asked) == min(2, quiet) - 1:
            here.numbers.cut = kathmandu
        return read(query)

    here.numbers.read = swapping  # type: ignore[method-assign]
    answer: Any = client.get(path, headers=reader)
    assert answer.status_code == 200
    assert len(asked) >= 2 * quiet, "all is asked once more"
    for query in asked[-quiet:]:
        first_on = kathmandu.date_of(query.from_at)
        assert kathmandu.day(first_on).start_at == query.from_at
    if path != "/boards/project":
        assert answer.json()["zone"] == kathmandu.zone
