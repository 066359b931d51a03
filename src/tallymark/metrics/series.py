"""A metric over buckets, and how true each is.

    objects ─▶ cube: cells and its number, in one snapshot ─▶ inbox, listening
            ─▶ coverage and marks, in one snapshot, later  ─▶ judged, bucket by bucket

The order matters: a commit that lands between the reads leaves a mark that the cube has not
consumed, so that its buckets say so. Nothing of completeness is stored.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from zoneinfo import ZoneInfo

from tallymark.calendar.periods import Calendar
from tallymark.calendar.schedule import Schedule
from tallymark.calendar.zones import zone
from tallymark.clock import Clock
from tallymark.connectors import PushedConnector
from tallymark.cubes.read import Cell, Slice, read_cells
from tallymark.cubes.store import CubeState, CubeStore
from tallymark.cubes.tables import calendar_digest, calendar_of, spec_digest
from tallymark.errors import BadRequest
from tallymark.ledger.objects import Object
from tallymark.metrics.answer import Series, SeriesQuery
from tallymark.metrics.completeness import Heard, Needs, Rules
from tallymark.metrics.define import MetricSpec, cube_specs, measure
from tallymark.metrics.facts import load_coverage, load_heard, load_marks, load_objects
from tallymark.metrics.lines import Facts, complete_to, lines
from tallymark.metrics.plan import Plan, among, grain_refusal, known, plan
from tallymark.metrics.words import Words
from tallymark.model import CubeSpec, Grain, Period, Stream
from tallymark.state.database import Databases, reading
from tallymark.state.schema import to_us

TRIES = 3


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
        self._connectors = connectors
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

    def read(self, query: SeriesQuery) -> Series:
        """Answer.

        Raises: NotFound for an unknown metric; BadRequest for a dimension, value, grain or range
        that it does not have; the message says what is right.
        """
        for _ in range(TRIES):
            answer = self._read(query)
            if answer.calendar == self.calendar(query.metric):
                break  # else a rebuild swapped the cube meanwhile: its cells were not to be seen
        return answer

    def _read(self, query: SeriesQuery) -> Series:
        metric = self._metrics[known(query.metric, self._metrics, "metric")]
        stream = self._streams[metric.stream]
        calendar = self.calendar(query.metric)
        wanted = plan(query, metric, stream, calendar)
        with reading(self._databases.control) as conn:
            found = load_objects(conn, metric.stream, stream)
        if refusal := _refusal(metric, stream, found, query.grain):
            raise BadRequest(refusal)
        asked = _filtered(found, stream, wanted)
        state, cells = self._cells(query.grain, metric, stream, wanted, calendar)
        facts = self._facts(metric, stream, wanted, asked, state, calendar)
        answer = lines(facts, cells, calendar, query.grain)
        return Series(
            metric=metric.name,
            unit=metric.unit,
            grain=query.grain,
            calendar=calendar,
            from_at=query.from_at,
            to_at=query.to_at,
            complete_to=complete_to(answer),
            series=answer,
        )

    def _cells(
        self, grain: Grain, metric: MetricSpec, stream: Stream, wanted: Plan, calendar: Calendar
    ) -> tuple[CubeState | None, list[Cell]]:
        cube = self._cubes[metric.stream]
        piece = Slice(
            grain=grain,
            from_us=to_us(wanted.read_from_at),
            to_us=to_us(wanted.buckets[-1].bucket.end_at),
            measure=measure(metric, stream),
            by=wanted.cells_by,
            filters=wanted.filters,
        )
        return read_cells(self._store, cube, calendar_digest(calendar), piece)

    def _facts(
        self,
        metric: MetricSpec,
        stream: Stream,
        wanted: Plan,
        found: Sequence[Object],
        state: CubeState | None,
        calendar: Calendar,
    ) -> Facts:
        now = self._clock.now()
        first, last = wanted.buckets[0], wanted.buckets[-1]
        source = metric.stream.partition(".")[0]
        heard = Heard()
        if stream.kind == "push":
            since_at = first.span.start_at
            databases = self._databases
            heard = load_heard(databases.inbox, databases.control, source, since_at, now)
        before = 2 * max(_step(found, stream), timedelta(days=1))
        whole = Period(first.bucket.start_at, last.bucket.end_at)
        with reading(self._databases.control) as conn:
            subjects = load_coverage(
                conn, found, stream, first.span.start_at - before, last.span.end_at
            )
            marks = load_marks(
                conn,
                self._cubes[metric.stream],
                calendar,
                state,
                whole if stream.kind == "push" else None,
            )
        rules = _rules(stream, wanted.needs, self._connectors.get(source))
        words = Words(now, zone(calendar.zone), _days_in(stream))
        return Facts(now, wanted, metric, stream, rules, subjects, marks, heard, words)


def _rules(stream: Stream, needs: Needs, sender: PushedConnector | None) -> Rules:
    return Rules(
        kind=stream.kind,
        needs=needs,
        delay=timedelta(seconds=stream.delay_s),
        lag=timedelta(seconds=stream.lag_s),
        allowance=timedelta(seconds=sender.allowance_s if sender else 0),
        retries=sender is None or sender.retries,
    )


def _days_in(stream: Stream) -> ZoneInfo:
    return zone("UTC" if stream.label == "day" else stream.zone)


def _step(found: Iterable[Object], stream: Stream) -> timedelta:
    """The slowest schedule among the objects that are not removed."""
    steps = [
        Schedule.parse(o.every, stream.zone).step_s for o in found if o.state != "removed"
    ] or [Schedule.parse(stream.every, stream.zone).step_s]
    return timedelta(seconds=max(steps))


def _refusal(
    metric: MetricSpec, stream: Stream, found: Sequence[Object], grain: Grain
) -> str | None:
    return grain_refusal(metric.title, stream, _step(found, stream).total_seconds(), grain)


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
