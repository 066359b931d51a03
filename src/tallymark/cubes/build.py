"""Keeping cubes level with the lake: the handler of the objects of kind `cube`.

    pointer, number and marks ─▶ the touched buckets ─▶ computed from that pointer
                              ─▶ buckets and number replaced in one transaction

A commit that lands meanwhile has a higher number: its marks are there for the next refresh. Another
table, specification or calendar means a rebuild into a new generation. It never calls a vendor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import chain, islice

from sqlalchemy import select

from tallymark.calendar.periods import Calendar
from tallymark.clock import Clock
from tallymark.compute import Compute
from tallymark.cubes.store import CubeState, CubeStore, Piece
from tallymark.cubes.tables import calendar_digest, spec_digest
from tallymark.cubes.touched import base, by_quarter, rollups, scans, touched
from tallymark.errors import FatalError, RetryableError
from tallymark.lake.views import Pointer, is_foreign, pointer
from tallymark.ledger import claim
from tallymark.ledger.objects import Object
from tallymark.ledger.task import Task
from tallymark.ledger.worker import Due
from tallymark.model import CubeSpec, Reached, nobody
from tallymark.state.database import Databases, reading, writing
from tallymark.state.schema import touched as marks

LOOK_EVERY = timedelta(seconds=5)
"""A commit that touches hours wakes the cube at once; this finds what moved without one."""

SCANS = 8
"""More ranges than this in one piece of work are joined: each costs a look through the metadata."""


def _unclaimed() -> None:
    """Of a refresh that is no task's."""


def _always() -> bool:
    return True


class Refresh:
    """The worker's handler of the kind `cube`: refreshes and rebuilds."""

    def __init__(
        self,
        databases: Databases,
        store: CubeStore,
        specs: Mapping[str, CubeSpec],
        calendar: Calendar,
        compute: Compute,
        clock: Clock,
        *,
        newest: Callable[[], bool] = _always,
        reached: Reached = nobody,
    ) -> None:
        """`newest`: whether specifications and calendar are those of the newest workspace. Who was
        not told of it yet rebuilds nothing: it would turn the cube back."""
        self._databases = databases
        self._store = store
        self._specs = specs
        self._calendar = calendar
        self._compute = compute
        self._clock = clock
        self._newest = newest
        self._reached = reached

    def due(self, object: Object, now: datetime) -> Due:
        """Due when the lake table is ahead of the cube."""
        spec = self._specs.get(_cube_of(object))
        behind = spec is not None and self.behind(spec)
        return Due([(None, None)] if behind else [], now + LOOK_EVERY)

    def behind(self, spec: CubeSpec) -> bool:
        """Whether the lake holds what the cube does not."""
        state = self._store.state(spec.name)
        with reading(self._databases.control) as conn:
            at = pointer(conn, spec.name)
        if at is None:
            return False
        level = self._fitting(spec, state, at)
        return level.seq < at.seq if level else self._newest()

    def run(self, task: Task) -> None:
        """Bring one cube level, and end its task.

        Raises: ClaimLost; CommitConflict when somebody else changed the cube meanwhile; FatalError
        for a foreign commit; what the compute raises.
        """

        def check() -> None:
            with writing(self._databases.control) as tx:
                claim.check(tx, task)

        spec = self._specs.get(_cube_of(task.object))
        if spec is not None:
            self.refresh(spec, check)
        with writing(self._databases.control) as tx:
            claim.end(tx, task, self._clock.now())

    def refresh(self, spec: CubeSpec, check: Callable[[], None] = _unclaimed) -> None:
        """Bring one cube level with what is committed now.

        Raises: what `check` raises, before each write. The cube's own fence would let one who was
        stopped and taken over be faster than the heir, who then had to begin anew.
        """
        seen = self._store.state(spec.name)
        with reading(self._databases.control) as conn:
            at = pointer(conn, spec.name)
            if at is None:
                return
            fitting = self._fitting(spec, seen, at)
            query = select(marks.c.hour).where(marks.c.lake_table == spec.name)
            if fitting:
                query = query.where(marks.c.seq > fitting.seq)
            hours = conn.execute(query).scalars().all()
        self._reached("cube.marks_read")
        _refuse_foreign(spec, at)
        pieces = self._pieces(spec, at, hours)
        if fitting:
            self._replace(spec, fitting, at, pieces, check)
        else:
            self._rebuild(spec, seen, at, pieces, check)
        self._reached("cube.replaced")

    def _fitting(self, spec: CubeSpec, state: CubeState | None, at: Pointer) -> CubeState | None:
        """The state, where the cube is one of this table, specification and calendar."""
        wanted = (at.table_uuid, spec_digest(spec), calendar_digest(self._calendar))
        if state and (state.table_uuid, state.spec_digest, state.calendar_digest) == wanted:
            return state
        return None

    def _pieces(self, spec: CubeSpec, at: Pointer, hours: Sequence[int]) -> Iterator[Piece]:
        spans = touched(spec, self._calendar, hours)
        for group in by_quarter(self._calendar, spec, spans):
            slots = base(spec, self._calendar, group)
            rows = self._compute.buckets(at.metadata_location, spec, slots, scans(group, SCANS))
            yield Piece(
                [span.buckets for span in group], rows, rollups(spec, self._calendar, group)
            )

    def _replace(
        self,
        spec: CubeSpec,
        seen: CubeState,
        at: Pointer,
        pieces: Iterator[Piece],
        check: Callable[[], None],
    ) -> None:
        # one quarter is computed before the transaction; only a change of several computes inside
        first = list(islice(pieces, 1))
        self._reached("cube.computed")
        check()
        self._store.replace(spec, seen, at.seq, chain(first, pieces))

    def _rebuild(
        self,
        spec: CubeSpec,
        seen: CubeState | None,
        at: Pointer,
        pieces: Iterator[Piece],
        check: Callable[[], None],
    ) -> None:
        if not self._newest():
            return
        check()
        building = self._store.begin_build(spec)
        for piece in pieces:
            if not self._newest():
                return  # what was begun is dropped by the rebuild that is wanted now
            self._store.fill(spec, building, piece)
        self._reached("cube.computed")
        digests = (spec_digest(spec), calendar_digest(self._calendar))
        new = CubeState(building, at.table_uuid, at.seq, *digests)
        check()
        self._store.finish_build(spec, seen, new)


def _cube_of(object: Object) -> str:
    return f"{object.source}.{object.stream}"


def _refuse_foreign(spec: CubeSpec, at: Pointer) -> None:
    try:
        foreign = is_foreign(at)
    except OSError as error:
        raise RetryableError(f"the metadata of {spec.name} could not be read: {error}") from error
    if foreign:
        raise FatalError(
            f"{spec.name} was written to by another program: its newest snapshot is not the one "
            "that Tallymark committed last, so which hours changed is not known. Roll the table "
            f"back to snapshot {at.snapshot_id}."
        )
