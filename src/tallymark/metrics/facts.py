"""What completeness is judged from: objects, coverage, listening and marks of the ledger."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache

from sqlalchemy import Connection, Engine, and_, func, or_, select

from tallymark.calendar.periods import Calendar
from tallymark.calendar.schedule import Schedule
from tallymark.cubes.store import CubeState
from tallymark.cubes.touched import HOUR, touched
from tallymark.ledger import objects
from tallymark.ledger.due import periods_of
from tallymark.ledger.objects import Object
from tallymark.metrics.completeness import Heard, Subject
from tallymark.model import Covered, CubeSpec, Period, Stream
from tallymark.receive.inbox import first_waiting_at
from tallymark.receive.listening import stretches
from tallymark.state.database import reading
from tallymark.state.schema import EPOCH, coverage, heads
from tallymark.state.schema import touched as marks


@dataclass(frozen=True)
class Marks:
    """Which buckets the lake is ahead of the cube in, and when each hour was written to last."""

    newer: Sequence[Period]
    """Sorted and disjoint base buckets."""
    all_newer: bool
    """There is no cube of this table, specification and calendar."""
    hours: Sequence[tuple[int, datetime]] = ()

    def ahead(self, bucket: Period) -> bool:
        i = bisect_right(self.newer, bucket.start_at, key=lambda p: p.end_at)
        return self.all_newer or (i < len(self.newer) and self.newer[i].start_at < bucket.end_at)

    def newest(self, bucket: Period) -> datetime | None:
        """When a commit last touched an hour of the bucket."""
        first = (bucket.start_at - EPOCH) // HOUR
        end = -((EPOCH - bucket.end_at) // HOUR)
        i = bisect_left(self.hours, first, key=lambda pair: pair[0])
        j = bisect_left(self.hours, end, key=lambda pair: pair[0])
        return max((at for _, at in self.hours[i:j]), default=None)


def load_objects(conn: Connection, stream_name: str, stream: Stream) -> list[Object]:
    """The objects that bring a stream's rows: one a subject, of a pushed one its source."""
    source, _, name = stream_name.partition(".")
    kind = "flush" if stream.kind == "push" else "collect"
    return objects.load(conn, kind=kind, source=source, stream=name)


Periods = Callable[[datetime], Period]


def subject_of(object: Object, stream: Stream, schedules: dict[str, Periods]) -> Subject:
    """An object as it is judged, without its coverage; `schedules` are those known so far."""
    if object.every not in schedules:
        schedule = Schedule.parse(object.every, stream.zone)
        if stream.kind == "series":
            schedule = periods_of(stream, schedule)
        # all subjects ask for the same periods
        schedules[object.every] = lru_cache(maxsize=100_000)(schedule.period)
    trouble = "it is paused" if object.state == "paused" else object.last_error or ""
    return Subject(
        name=object.subject,
        start_at=object.start_at,
        period=schedules[object.every],
        trouble=trouble,
    )


def load_coverage(
    conn: Connection, found: Sequence[Object], stream: Stream, spans: Iterable[Period]
) -> list[Subject]:
    """The subjects with what is covered in some ranges that do not overlap."""
    ids = [o.id for o in found]
    meets = [and_(coverage.c.start_at < s.end_at, coverage.c.end_at > s.start_at) for s in spans]
    rows = conn.execute(
        select(coverage)
        .where(coverage.c.object_id.in_(ids), or_(*meets))
        .order_by(coverage.c.object_id, coverage.c.start_at)
    )
    by_object: dict[int, list[Covered]] = {o.id: [] for o in found}
    for r in rows:
        by_object[r.object_id].append(Covered(r.start_at, r.end_at, r.state, r.read_at, r.note))
    schedules: dict[str, Periods] = {}
    return [
        replace(
            subject_of(o, stream, schedules),
            coverage=tuple(by_object[o.id]),
            until_at=_until(conn, o) if o.state == "removed" else None,
        )
        for o in found
    ]


def _until(conn: Connection, removed: Object) -> datetime:
    """Nothing is expected of a removed object after what it last covered."""
    query = select(func.max(coverage.c.end_at)).where(coverage.c.object_id == removed.id)
    end_at: datetime | None = conn.execute(query).scalar()
    return end_at or removed.start_at


def load_heard(
    inbox: Engine, control: Engine, source: str, since_at: datetime, now: datetime
) -> Heard:
    """The inbox first: a flush between the two reads then leaves a mark that is seen later."""
    with reading(inbox) as conn:
        waiting_at = first_waiting_at(conn, source)
    with reading(control) as conn:
        found = stretches(conn, source, since_at)
    return Heard(tuple(Period(a, min(b, now)) for a, b in found if a <= now), waiting_at)


def load_marks(
    conn: Connection,
    spec: CubeSpec,
    calendar: Calendar,
    state: CubeState | None,
    whole: Period | None,
) -> Marks:
    """`state`: what the cube held when it was read, before this. `whole`: of which range to tell
    when its hours were touched."""
    head = conn.execute(select(heads).where(heads.c.lake_table == spec.name)).one_or_none()
    if head is None:
        return Marks((), False)
    if state is None or state.table_uuid != head.table_uuid:
        return Marks((), True)
    of_table = marks.c.lake_table == spec.name
    newer = conn.execute(select(marks.c.hour).where(of_table, marks.c.seq > state.seq)).scalars()
    spans = [span.buckets for span in touched(spec, calendar, newer)]
    return Marks(spans, False, _hours(conn, spec, whole) if whole else ())


def _hours(conn: Connection, spec: CubeSpec, whole: Period) -> list[tuple[int, datetime]]:
    first, end = (whole.start_at - EPOCH) // HOUR, (whole.end_at - EPOCH) // HOUR + 1
    query = (
        select(marks.c.hour, marks.c.marked_at)
        .where(marks.c.lake_table == spec.name, marks.c.hour >= first, marks.c.hour < end)
        .order_by(marks.c.hour)
    )
    return [(hour, at) for hour, at in conn.execute(query)]
