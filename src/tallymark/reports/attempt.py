"""One attempt at one run: is the data there; ask, spool, publish, note."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from pathlib import Path

from sqlalchemy import Connection

from tallymark.engines import Around, Engine, Memory, Window
from tallymark.errors import RetryableError, TallymarkError
from tallymark.files import Files
from tallymark.ledger import claim
from tallymark.ledger.task import Task
from tallymark.model import Period
from tallymark.reports import made, runs
from tallymark.reports.due import calendar_of
from tallymark.reports.parts import Parts
from tallymark.reports.pattern import naming
from tallymark.reports.publish import Publication, Published, backup_path, publish
from tallymark.reports.runs import Run
from tallymark.reports.scratch import own_folder
from tallymark.reports.spool import Spooled, spool
from tallymark.reports.standing import standing
from tallymark.reports.store import Report
from tallymark.state.database import reading, writing

ASKED_AT_MOST = 3
"""So often a query is asked in one attempt while what it reads does not stand still."""


class NotReady(TallymarkError):
    """The data is not there yet."""


@dataclass
class Attempt:
    """Its errors are noted by whoever made it."""

    parts: Parts
    task: Task
    report: Report
    run: Run
    memory: Memory = field(default_factory=Memory)
    attempts: int = 0
    """Those before this one."""
    began_s: float | None = None

    def make(self) -> None:
        """Raises: NotReady, EngineAway; RetryableError, FatalError; ClaimLost."""
        self.memory.update(self.run.memory)
        # a run that is taken over goes on with the attempt that was begun
        self.attempts = self.run.attempts - (self.run.state == "PROCESSING")
        engine, store = self._engine(), self._store()
        before, warnings = self._look(engine, store)
        self._begin()
        self.parts.reached("report.begun")
        claimed = f"{self.task.id}-{self.task.claim_no}"
        with own_folder(self.parts.scratch / str(self.run.id), claimed) as folder:
            spooled = self._ask(engine, store, folder, before)
            self.parts.reached("report.spooled")
            job = self._publication(store)
            if newer := self._newer():
                warnings = (*warnings, f"the file of {newer} is there already: nothing is written")
            done = [] if newer else publish(job, spooled)
        self._note(job, done, spooled, warnings)
        self.parts.reached("report.noted")

    @property
    def seconds(self) -> float | None:
        """How long it has taken so far; None: it has not begun."""
        return None if self.began_s is None else self.parts.clock.monotonic() - self.began_s

    def _engine(self) -> Engine:
        kind = self.report.spec.engine
        if kind not in self.parts.engines:
            raise NotReady(f"the workspace names no engine {kind!r} any more")
        return self.parts.engines[kind]

    def _store(self) -> Files:
        name = self.report.spec.store
        if name not in self.parts.stores:
            raise NotReady(f"the workspace names no store {name!r} any more")
        return self.parts.stores[name]

    def _window(self) -> Window:
        return Window(
            first_on=date.fromisoformat(self.run.first_on),
            end_on=date.fromisoformat(self.run.end_on),
            period=Period(self.run.start_at, self.run.end_at),
            calendar=calendar_of(self.report.spec, self.parts.calendar),
        )

    def _look(self, engine: Engine, store: Files) -> tuple[str, tuple[str, ...]]:
        """The state as it is before the look: what is lost after it differs, what was lost before
        is seen. Raises: NotReady, also where it cannot be seen now: that is no attempt."""
        if self.parts.clock.now() < self._window().period.end_at:
            # the clock was set back since it came due
            raise NotReady(f"{self.run.end_on} has not ended yet")
        try:
            return self._state(engine), self._ready(engine, store)
        except RetryableError as error:
            raise NotReady(str(error)) from error

    def _ready(self, engine: Engine, store: Files) -> tuple[str, ...]:
        spec = self.report.spec
        if spec.availability_files:
            prefix = spec.availability_files.replace("{end_date}", self.run.end_on)
            if not any(store.list(prefix)):
                raise NotReady(f"there is no file below {prefix}")
            return ()
        found = engine.ready(spec.query, spec.availability, self._window(), self._around())
        if found.waits_for:
            raise NotReady(found.waits_for)
        return found.warnings

    def _around(self) -> Around:
        return replace(self.parts.around, memory=self.memory)

    def _begin(self) -> None:
        """Raises: NotReady where it is not to be made any more, or not like this."""
        now = self.parts.clock.now()
        self.began_s = self.parts.clock.monotonic()
        attempts = self.attempts + 1
        with writing(self.parts.database) as tx:
            found = standing(tx, self.report, self.run)
            claim.check(tx, self.task)
            if not found.lets_begin(self.run):
                raise NotReady("the report was changed meanwhile")
            runs.change(
                tx, self.run.id, state="PROCESSING", attempts=attempts, begun_at=now,
                waits_for=None, waiting_since_at=None, memory=dict(self.memory),
            )  # fmt: skip
        self.run = replace(self.run, attempts=attempts, state="PROCESSING")

    def _state(self, engine: Engine) -> str:
        return engine.state(self.report.spec.query, self._window(), self._around())

    def _ask(self, engine: Engine, store: Files, folder: Path, before: str) -> Spooled:
        """`before`: the state that was looked at. Raises: NotReady; RetryableError where what is
        read changes under each of the queries."""
        spec, window, around = self.report.spec, self._window(), self._around()
        named = naming(
            self.run.report_id, spec, first_on=window.first_on, end_on=window.end_on,
            made_at=self.run.made_at,
        )  # fmt: skip
        for n in range(ASKED_AT_MOST):
            if n > 0:
                before, _ = self._look(engine, store)
            answer = engine.ask(spec.query, window, around)
            into = folder / str(n)
            into.mkdir()
            found = spool(answer, spec, named, into)
            if self._state(engine) == before:
                return found
            shutil.rmtree(into)
        raise RetryableError(
            f"what the query reads changed while it ran, {ASKED_AT_MOST} times in a row"
        )

    def _newer(self) -> str | None:
        """The newer end date that has the object already, where all dates share one."""
        if not self.report.spec.one_name:
            return None
        with reading(self.parts.database) as conn:
            newest = runs.newest_success(conn, self.run.report_id)
        return newest if newest is not None and newest > self.run.end_on else None

    def _publication(self, store: Files) -> Publication:
        run, spec = self.run, self.report.spec
        with reading(self.parts.database) as conn:
            revision, before = made.present_before(conn, run)
            begun = made.intended(conn, run)
            if spec.one_name:
                # what only an earlier date had goes
                begun |= made.of_other_dates(conn, run)
        return Publication(
            store=store,
            prefix=spec.prefix,
            report_id=run.report_id,
            end_on=run.end_on,
            revision=run.revision,
            grouped=bool(spec.group_by),
            made_at=run.made_at,
            before=before,
            before_revision=revision,
            begun=begun,
            intend=self._intend,
            still_ours=partial(self.parts.still_ours, self.task),
            reached=self.parts.reached,
        )

    def _intend(self, paths: Sequence[str]) -> None:
        with writing(self.parts.database) as tx:
            self._check_as_read(tx)
            claim.check(tx, self.task)
            made.intend(tx, self.run.id, paths)

    def _check_as_read(self, tx: Connection) -> None:
        """Raises: RetryableError: what was asked is not what the report asks now."""
        if not standing(tx, self.report, self.run).as_read:
            raise RetryableError("the report was changed meanwhile: it is made as it is now")

    def _note(
        self,
        job: Publication,
        done: Sequence[Published],
        spooled: Spooled,
        warnings: Sequence[str],
    ) -> None:
        now = self.parts.clock.now()
        # of a grouped run the manifest, else the one file
        shown = next((one for one in done if one.kind == "manifest"), done[0] if done else None)
        with writing(self.parts.database) as tx:
            self._check_as_read(tx)
            claim.end(tx, self.task, now)
            backups = {one.path: backup_path(job, one.path) for one in job.before if done}
            swept = job.begun if done and self.report.spec.one_name else ()
            made.published(tx, self.run, done, backups, swept)
            runs.change(
                tx,
                self.run.id,
                state="SUCCESS",
                open=0,
                ended_at=now,
                seconds=self.seconds,
                rows=spooled.rows,
                bytes=sum(one.bytes for one in done if one.kind == "file"),
                location=shown and f"{self.report.location}/{shown.path}",
                sha256=shown and shown.sha256,
                error=None,
                advice=None,
                waits_for=None,
                warnings=list(warnings),
            )
