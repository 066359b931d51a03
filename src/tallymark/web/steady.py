"""An answer is of one calendar, also while a changed one is rolled up."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from starlette.responses import Response

from tallymark.calendar.periods import Calendar
from tallymark.web.services import Services

TRIES = 3


def steady(answer: Callable[..., Response]) -> Callable[..., Response]:
    """A route of a `metric`, or of a board's `name`, answers again where a rebuild swapped a cube
    meanwhile: its range would be cut by one calendar, and its numbers by another."""

    @wraps(answer)
    def steadily(**given: Any) -> Response:
        for _ in range(TRIES):
            before = _calendars(given["here"], given)
            found = answer(**given)
            if _calendars(given["here"], given) == before:
                break
        return found

    return steadily


def _calendars(here: Services, given: Mapping[str, Any]) -> dict[str, Calendar]:
    board = here.boards.get(given.get("name", ""))
    names = [card.metric for card in board.cards] if board else [given.get("metric", "")]
    return {name: here.reads.calendar(name) for name in names if name in here.metrics}
