"""Reading for one question: the cube's cells in one snapshot, then what they are judged by."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from zoneinfo import ZoneInfo

from tallymark.calendar.periods import Calendar
from tallymark.calendar.schedule import Schedule
from tallymark.calendar.zones import zone
from tallymark.clock import Clock
from tallymark.connectors import PushedConnector
from tallymark.cubes.read import Cell, Slice, Strip, read_cells, read_strips
from tallymark.cubes.store import CubeState, CubeStore
from tallymark.cubes.tables import calendar_digest
from tallymark.ledger.objects import Object
from tallymark.metrics.completeness import Heard, Needs, Rules
from tallymark.metrics.define import MetricSpec, measure
from tallymark.metrics.elapsed import pieces, rolled
from tallymark.metrics.facts import load_coverage, load_heard, load_marks
from tallymark.metrics.judging import Facts
from tallymark.metrics.lines import Read
from tallymark.metrics.overlays import Beside, merged, reads
from tallymark.metrics.plan import Asked, Plan
from tallymark.metrics.words import Words
from tallymark.model import CubeSpec, Grain, Measure, Period, Stream
from tallymark.state.database import Databases, reading
from tallymark.state.schema import to_us


@dataclass(frozen=True)
class Asking:
    """A question with all that its names mean."""

    grain: Grain
    metric: MetricSpec
    stream: Stream
    cube: CubeSpec
    calendar: Calendar
    plan: Plan
    objects: Sequence[Object]
    """Those that it is about."""

    @property
    def column(self) -> Measure:
        return measure(self.metric, self.stream)

    def slice(self, grain: Grain, span: Period, by: tuple[str, ...]) -> Slice:
        return Slice(
            grain=grain,
            from_us=to_us(span.start_at),
            to_us=to_us(span.end_at),
            measure=self.column,
            by=by,
            filters=self.plan.filters,
        )


@dataclass(frozen=True)
class Gather:
    """Reads what a question takes, and nothing else."""

    databases: Databases
    store: CubeStore
    clock: Clock
    connectors: Mapping[str, PushedConnector]
    """Pushed ones, by their source."""

    def cells(self, asked: Asking, overlays: Sequence[Beside]) -> tuple[CubeState | None, Read]:
        """The buckets and their partners, and the parts of running ones."""
        ranges = reads(asked.plan, asked.calendar, asked.grain, overlays)
        parts = list(dict.fromkeys(part for one in overlays for part in one.parts))
        finer = [(part, *piece) for part in parts for piece in pieces(asked.calendar, part.bucket)]
        by = _finer_by(asked)
        slices = [asked.slice(asked.grain, span, asked.plan.cells_by) for span in ranges]
        slices += [asked.slice(grain, span, by) for _, grain, span in finer]
        digest = calendar_digest(asked.calendar)
        state, found = read_cells(self.store, asked.cube, digest, slices)
        of_parts: dict[Asked, list[Cell]] = {part: [] for part in parts}
        for (part, _, _), some in zip(finer, found[len(ranges) :], strict=True):
            of_parts[part] += some
        places = [by.index(name) for name in asked.plan.cells_by]
        whole = {
            part: rolled(some, asked.column.aggregate, to_us(part.bucket.start_at), places)
            for part, some in of_parts.items()
        }
        return state, Read([cell for some in found[: len(ranges)] for cell in some], whole)

    def strips(self, asked: Asking) -> tuple[CubeState | None, list[Strip]]:
        """The buckets alone, side by side; for what adds up by itself."""
        buckets = asked.plan.buckets
        span = Period(buckets[0].bucket.start_at, buckets[-1].bucket.end_at)
        wanted = asked.slice(asked.grain, span, asked.plan.by)
        return read_strips(self.store, asked.cube, calendar_digest(asked.calendar), wanted)

    def facts(
        self,
        asked: Asking,
        state: CubeState | None,
        spans: Sequence[Period],
        hours: Period | None = None,
    ) -> Facts:
        """What is known of some ranges of the stream; `hours`: of which range of a pushed one also
        when each hour was written."""
        metric, stream, now = asked.metric, asked.stream, self.clock.now()
        source = metric.stream.partition(".")[0]
        heard = Heard()
        if stream.kind == "push":
            since_at = min(span.start_at for span in spans)
            databases = self.databases
            heard = load_heard(databases.inbox, databases.control, source, since_at, now)
        else:
            hours = None
        before = 2 * max(step_of(asked.objects, stream), timedelta(days=1))
        covered = merged(Period(span.start_at - before, span.end_at) for span in spans)
        with reading(self.databases.control) as conn:
            subjects = load_coverage(conn, asked.objects, stream, covered)
            marks = load_marks(conn, asked.cube, asked.calendar, state, hours)
        rules = _rules(stream, asked.plan.needs, self.connectors.get(source))
        words = Words(now, zone(asked.calendar.zone), _days_in(stream))
        return Facts(now, asked.plan, metric, stream, rules, subjects, marks, heard, words)


def step_of(found: Iterable[Object], stream: Stream) -> timedelta:
    """The slowest schedule among the objects that are not removed."""
    texts = {o.every for o in found if o.state != "removed"} or {stream.every}
    return timedelta(seconds=max(Schedule.parse(text, stream.zone).step_s for text in texts))


def _finer_by(asked: Asking) -> tuple[str, ...]:
    """What was read last of a part is told apart by every dimension, as in the cube itself."""
    return asked.cube.dimensions if asked.column.aggregate == "last" else asked.plan.cells_by


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
