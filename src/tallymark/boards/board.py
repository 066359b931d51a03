"""A board read: each question once, however many cards ask it; a card that fails fails alone."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

from tallymark.boards.charts import axis, axis_name, chart
from tallymark.boards.define import BoardSpec, CardSpec, Metric
from tallymark.boards.health import Health
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
        cards: list[Card] = []
        for place, spec in enumerate(board.cards):
            days, trend = self._queries(spec, view, now)
            facts = Facts(
                calendar=self.reads.calendar(spec.metric),
                now=now,
                grain=view.grain,
                last_on=view.last_on,
                finest=self.finest(spec.metric),
                health=health.get(spec.metric, Health()),
                days=answers(days),
                trend=answers(trend) if trend else None,
            )
            cards.append(card(place, spec, self.metrics[spec.metric], facts))
        return cards

    def data(self, board: BoardSpec, view: View, now: datetime) -> dict[str, Any]:
        """What the charts are drawn from; cards of one grain share an axis."""
        answers = _Answers(self.reads)
        calendar = self.calendar(board)
        axes: dict[str, dict[str, Any]] = {}
        cards: list[dict[str, Any]] = []
        for place, spec in enumerate(board.cards):
            if spec.kind == "number":
                continue
            query = self._query(spec, view, now, view.grain, by=True)
            series = answers(replace(query, compare=view.drawn(query.grain)))
            if isinstance(series, str):
                cards.append({"id": f"card-{place}", "error": series})
                continue
            axes.setdefault(axis_name(series, calendar), axis(series))
            aggregate = self.metrics[spec.metric].aggregate
            drawn = chart(series, axis_name(series, calendar), spec.by, aggregate, now)
            cards.append({"id": f"card-{place}", "kind": spec.kind, "error": None, **drawn})
        return {"board": board.name, "zone": calendar.zone, "axes": axes, "cards": cards}

    def _queries(
        self, spec: CardSpec, view: View, now: datetime
    ) -> tuple[SeriesQuery, SeriesQuery | None]:
        """A card's range by days and, of a number, at the shown grain; one has the overlay.

        Whole periods are compared as such, October with September; other ranges day by day.
        """
        days = self._query(spec, view, now, _base(view.grain))
        if spec.kind != "number":
            return days, None
        trend = self._query(spec, view, now, view.grain)
        whole = view.is_whole(self.reads.calendar(spec.metric), trend.grain, now)
        if self.metrics[spec.metric].aggregate == "increase" or whole:
            beside = replace(trend, compare=view.drawn(trend.grain)[:1])
            return (beside if days == trend else days), beside
        return replace(days, compare=view.drawn(days.grain)[:1]), trend

    def _query(
        self, spec: CardSpec, view: View, now: datetime, grain: Grain, *, by: bool = False
    ) -> SeriesQuery:
        return SeriesQuery(
            spec.metric,
            at_least(grain, self.finest(spec.metric)),
            *view.between(self.reads.calendar(spec.metric), now),
            (spec.by,) if by and spec.by else (),
            align=view.align,
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
