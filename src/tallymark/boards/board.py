"""A board read: each question once, however many cards ask it; a card that fails fails alone."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from tallymark.boards.charts import axis, axis_name, chart
from tallymark.boards.define import BoardSpec, CardSpec, Metric
from tallymark.boards.health import Health
from tallymark.boards.number import ADDS_UP
from tallymark.boards.offer import Finest, at_least
from tallymark.boards.view import View
from tallymark.boards.widgets import Card, Facts, card
from tallymark.calendar.periods import Calendar
from tallymark.errors import TallymarkError
from tallymark.metrics.answer import Series, SeriesQuery
from tallymark.model import Grain

log = logging.getLogger(__name__)


class Reads(Protocol):
    """Who answers; `metrics.series.SeriesReader` is one."""

    def calendar(self, metric_name: str) -> Calendar:
        """What a metric is cut by now."""
        ...

    def read(self, query: SeriesQuery) -> Series:
        """Raises: BadRequest, NotFound; RetryableError while the database is away."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardReader:
    """All that boards are read from. `health` is asked once a board, for all of its metrics."""

    reads: Reads
    metrics: Mapping[str, Metric]
    finest: Callable[[str], Finest]
    health: Callable[[Sequence[str]], Mapping[str, Health]]

    def calendar(self, board: BoardSpec) -> Calendar:
        """What a board's range is cut by: the calendar of its first metric.

        While a changed calendar is rolled up, another card may have the other one.
        """
        return self.reads.calendar(board.cards[0].metric) if board.cards else Calendar()

    def finests(self, board: BoardSpec) -> list[Finest]:
        return [self.finest(name) for name in _metrics(board)]

    def page(self, board: BoardSpec, view: View, now: datetime) -> list[Card]:
        """What the first paint says: every card's number, words and state, without the charts."""
        answers = _Answers(self.reads)
        health = self.health(_metrics(board))
        return [
            card(
                place,
                spec,
                self.metrics[spec.metric],
                Facts(
                    calendar=self.reads.calendar(spec.metric),
                    now=now,
                    grain=view.grain,
                    finest=self.finest(spec.metric),
                    health=health.get(spec.metric, Health()),
                    days=answers(self._query(spec, view, now, _base(view.grain))),
                    trend=self._trend(answers, spec, view, now),
                ),
            )
            for place, spec in enumerate(board.cards)
        ]

    def data(self, board: BoardSpec, view: View, now: datetime) -> dict[str, Any]:
        """What the charts are drawn from; cards of one grain share an axis."""
        answers = _Answers(self.reads)
        calendar = self.calendar(board)
        axes: dict[str, dict[str, Any]] = {}
        cards: list[dict[str, Any]] = []
        for place, spec in enumerate(board.cards):
            if spec.kind == "number":
                continue
            series = answers(self._query(spec, view, now, view.grain, by=True))
            if isinstance(series, str):
                cards.append({"id": f"card-{place}", "error": series})
                continue
            axes.setdefault(axis_name(series, calendar), axis(series))
            adds_up = self.metrics[spec.metric].aggregate in ADDS_UP
            drawn = chart(series, axis_name(series, calendar), spec.by, from_zero=adds_up)
            cards.append({"id": f"card-{place}", "kind": spec.kind, "error": None, **drawn})
        return {"board": board.name, "zone": calendar.zone, "axes": axes, "cards": cards}

    def _trend(
        self, answers: _Answers, spec: CardSpec, view: View, now: datetime
    ) -> Series | str | None:
        return answers(self._query(spec, view, now, view.grain)) if spec.kind == "number" else None

    def _query(
        self, spec: CardSpec, view: View, now: datetime, grain: Grain, *, by: bool = False
    ) -> SeriesQuery:
        return SeriesQuery(
            spec.metric,
            at_least(grain, self.finest(spec.metric)),
            *view.between(self.reads.calendar(spec.metric), now),
            (spec.by,) if by and spec.by else (),
        )


class _Answers:
    """Each query once; a failure is what the card says in place of its numbers."""

    def __init__(self, reads: Reads) -> None:
        self._reads = reads
        self._known: dict[SeriesQuery, Series | str] = {}

    def __call__(self, query: SeriesQuery) -> Series | str:
        if query not in self._known:
            try:
                self._known[query] = self._reads.read(query)
            except TallymarkError as error:
                log.warning("metric %s could not be read: %s", query.metric, error)
                self._known[query] = str(error)
        return self._known[query]


def _metrics(board: BoardSpec) -> list[str]:
    return list(dict.fromkeys(card.metric for card in board.cards))


def _base(grain: Grain) -> Grain:
    """Numbers are of exactly the days of the range, so they add up days, or hours where shown."""
    return "hour" if grain == "hour" else "day"
