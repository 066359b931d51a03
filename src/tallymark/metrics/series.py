"""A metric over buckets, and how true each is.

    objects ─▶ cube: cells and its number, in one snapshot ─▶ inbox, listening
            ─▶ coverage and marks, in one snapshot, later  ─▶ judged, bucket by bucket

The order matters: a commit that lands between the reads leaves a mark that the cube has not
consumed, so that its buckets say so. Nothing of completeness is stored.

Overlays are read in the same go. Where a running bucket is compared, a first look at its own facts
says up to where; which cells that takes is not known before.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from typing import TypeVar

from tallymark.calendar.periods import Calendar
from tallymark.clock import Clock
from tallymark.connectors import PushedConnector
from tallymark.cubes.store import CubeStore
from tallymark.cubes.tables import calendar_of, spec_digest
from tallymark.errors import BadRequest
from tallymark.ledger.objects import Object
from tallymark.metrics.answer import Series, SeriesQuery
from tallymark.metrics.define import MetricSpec, cube_specs, dimensions
from tallymark.metrics.elapsed import cut_at, running
from tallymark.metrics.facts import load_objects
from tallymark.metrics.gather import Asking, Gather, step_of
from tallymark.metrics.judging import Facts
from tallymark.metrics.lines import complete_to, lines
from tallymark.metrics.overlays import Running, judges, lay
from tallymark.metrics.plan import Plan, among, grain_refusal, known, plan
from tallymark.metrics.sheet import Sheet, complete, of_series, of_strips, whole
from tallymark.model import CubeSpec, Grain, Stream
from tallymark.state.database import Databases, reading

TRIES = 3

Answer = TypeVar("Answer", Series, Sheet)


class SeriesReader:
    """Answers questions about the metrics of one workspace. Threads may share it."""

    def __init__(
        self,
        databases: Databases,
        store: CubeStore,
        calendar: Calendar,
        metrics: Mapping[str, MetricSpec],
        streams: Mapping[str, Stream],
        clock: Clock,
        *,
        connectors: Mapping[str, PushedConnector],
    ) -> None:
        """`streams` by full name (`github.repositories`), pushed `connectors` by their source."""
        self._databases = databases
        self._store = store
        self._calendar = calendar
        self._metrics = metrics
        self._streams = streams
        self._clock = clock
        self._gather = Gather(databases, store, clock, connectors)
        self._cubes: Mapping[str, CubeSpec] = cube_specs(metrics.values(), streams)

    def grain_refusal(self, metric_name: str, grain: Grain) -> str | None:
        """Why a metric has no such grain; None: it has. Raises: NotFound."""
        metric = self._metrics[known(metric_name, self._metrics, "metric")]
        stream = self._streams[metric.stream]
        with reading(self._databases.control) as conn:
            found = load_objects(conn, metric.stream, stream)
        return _refusal(metric, stream, found, grain)

    def calendar(self, metric_name: str) -> Calendar:
        """What a metric is cut by now: the calendar of its cube, until a rebuild swaps both.

        Raises: NotFound.
        """
        metric = self._metrics[known(metric_name, self._metrics, "metric")]
        cube = self._cubes[metric.stream]
        state = self._store.state(cube.name)
        if state is None or state.spec_digest != spec_digest(cube):
            return self._calendar
        return calendar_of(state.calendar_digest) or self._calendar

    @property
    def workspace(self) -> Calendar:
        """What every metric is cut by, once its cube is rebuilt."""
        return self._calendar

    @property
    def specs(self) -> Mapping[str, MetricSpec]:
        return self._metrics

    @cached_property
    def dimensions(self) -> Mapping[str, tuple[str, ...]]:
        """What each metric can be broken down and filtered by, its subject first."""
        return {m.name: dimensions(m, self._streams[m.stream]) for m in self._metrics.values()}

    def read(self, query: SeriesQuery) -> Series:
        """Answer.

        Raises: NotFound for an unknown metric; BadRequest for a dimension, value, grain or range
        that it does not have; the message says what is right.
        """
        return self._steady(query, lambda: self._read(self._asked(query), query)[1])

    def sheet(self, query: SeriesQuery) -> Sheet:
        """The same as plain numbers, many times faster where all is complete; no overlays.

        Raises: as `read`.
        """
        return self._steady(query, lambda: self._sheet(query))

    def _steady(self, query: SeriesQuery, read: Callable[[], Answer]) -> Answer:
        for _ in range(TRIES):
            answer = read()
            if answer.calendar == self.calendar(query.metric):
                break  # else a rebuild swapped the cube meanwhile: its cells were not to be seen
        return answer

    def _asked(self, query: SeriesQuery) -> Asking:
        metric = self._metrics[known(query.metric, self._metrics, "metric")]
        stream = self._streams[metric.stream]
        calendar = self.calendar(query.metric)
        wanted = plan(query, metric, stream, calendar)
        with reading(self._databases.control) as conn:
            found = load_objects(conn, metric.stream, stream)
        if refusal := _refusal(metric, stream, found, query.grain):
            raise BadRequest(refusal)
        about = _filtered(found, stream, wanted)
        cube = self._cubes[metric.stream]
        return Asking(query.grain, metric, stream, cube, calendar, wanted, about)

    def _sheet(self, query: SeriesQuery) -> Sheet:
        asked = self._asked(query)
        if asked.plan.needs == "all":
            state, strips = self._gather.strips(asked)
            facts = self._gather.facts(asked, state, [whole(asked.plan.buckets).span])
            if complete(facts):
                return of_strips(query, facts, strips, asked.calendar)
        return of_series(*self._read(asked, replace(query, compare=())))

    def _read(self, asked: Asking, query: SeriesQuery) -> tuple[Facts, Series]:
        wanted, calendar = asked.plan, asked.calendar
        running = self._running(query, asked)
        overlays = lay(query, asked.stream, calendar, wanted.buckets, running)
        state, read = self._gather.cells(asked, overlays)
        hours = whole(wanted.buckets).bucket
        facts = self._gather.facts(asked, state, judges(wanted, overlays), hours)
        answer = lines(replace(facts, overlays=overlays), read, calendar, query.grain)
        return facts, Series(
            metric=asked.metric.name,
            unit=asked.metric.unit,
            grain=query.grain,
            calendar=calendar,
            from_at=query.from_at,
            to_at=query.to_at,
            complete_to=complete_to(answer),
            series=answer,
            align=query.align,
        )

    def _running(self, query: SeriesQuery, asked: Asking) -> Running | None:
        """Up to where a bucket that holds the present instant is compared; None: there is none."""
        place = running(asked.plan.buckets, self._clock.now())
        if place is None or not query.compare:
            return None
        bucket = asked.plan.buckets[place]
        hours = _refusal(asked.metric, asked.stream, asked.objects, "hour") is None
        finest: Grain = "hour" if hours else "day"
        if query.grain in ("hour", finest):
            return Running(place, bucket.bucket.start_at, finest)
        state = self._store.state(asked.cube.name)
        facts = self._gather.facts(asked, state, [bucket.span])
        return Running(place, cut_at(facts, asked.calendar, bucket.bucket, finest), finest)


def _refusal(
    metric: MetricSpec, stream: Stream, found: Sequence[Object], grain: Grain
) -> str | None:
    return grain_refusal(metric.title, stream, step_of(found, stream).total_seconds(), grain)


def _filtered(found: Sequence[Object], stream: Stream, wanted: Plan) -> list[Object]:
    """The objects that the question is about. Raises: BadRequest for one that is not there."""
    values = wanted.filters.get(stream.subject)
    if values is None:
        return list(found)
    names_of = {o.subject for o in found}
    for value in values:
        if value not in names_of:
            raise BadRequest(f"there is no {stream.subject} {value!r}: {among(value, names_of)}")
    return [o for o in found if o.subject in values]
