"""Doing what is due: take over, resume, start; run; note how it ended.

    next task  = a dead owner's, else a waiting one whose time has come, else a span that is due
    run        -> done            the handler ended it with its results, in one transaction
               -> waiting         a RetryableError, and pages or a note are kept
               -> released        a RetryableError, and nothing is kept: what is due then is taken
               -> failed          a FatalError; or its process died too often (`claim.py`)
               -> dropped         the claim is lost
               -> run again       the database was away, and the claim is still ours

It knows no kind of work: handlers by kind are handed in. Here alone any exception is caught.
"""

from __future__ import annotations

import logging
import random
import threading
from collections.abc import Callable, Collection, Mapping
from datetime import datetime

from sqlalchemy.exc import SQLAlchemyError

from tallymark.clock import Clock
from tallymark.errors import ClaimLost
from tallymark.ledger import claim
from tallymark.ledger.beats import beating
from tallymark.ledger.claim import Claims
from tallymark.ledger.failing import record
from tallymark.ledger.failure import describe, is_expected, is_fatal
from tallymark.ledger.handler import Due as Due
from tallymark.ledger.handler import Handler as Handler
from tallymark.ledger.objects import Object, get, set_check_at, to_check
from tallymark.ledger.task import Task, has_pages
from tallymark.state.database import database_gone, reading, writing

log = logging.getLogger(__name__)

LOOKED_AT_ONCE = 50
BETWEEN_TRIES_S, LONGEST_BETWEEN_S = 0.5, 8.0


class Worker:
    """Runs tasks until it is told to stop, or until nothing is left.

    One at a time in a boot: what is ours and not in its work is taken for a claim that got lost.
    """

    def __init__(
        self,
        claims: Claims,
        handlers: Mapping[str, Handler],
        clock: Clock,
        threads: int = 4,
        *,
        beat_s: float = 5.0,
        poll_s: float = 1.0,
        jitter: Callable[[], float] = random.random,
        starts: Collection[str] | None = None,
        ahead: Collection[str] = (),
    ) -> None:
        """`starts`: of which kinds it starts what is due; by default all that it can end.

        `ahead`: what of these kinds is due has one more thread, and waits for no long work.
        """
        self._claims = claims
        self.handlers = handlers  # may be exchanged by others of the same kinds, at any time
        self._starts = handlers if starts is None else starts
        self._lanes = [self._starts] * threads + [ahead] * bool(ahead)
        self._clock = clock
        self._beat_s = beat_s
        self._poll_s = poll_s
        self._jitter = jitter
        self._choosing = threading.Lock()
        self._in_work: set[int] = set()
        self._stop = threading.Event()

    def run(self, stop: threading.Event) -> None:
        """Work until `stop` is set; a task that runs then has ten seconds to end."""
        self._stop = stop
        threads = [
            threading.Thread(target=self._loop, args=[starts], daemon=True)
            for starts in self._lanes
        ]
        with beating(self._claims, self._beat_s):
            for thread in threads:
                thread.start()
            stop.wait()
            for thread in threads:
                thread.join(10)

    def run_until_idle(self, deadline_s: float = 600.0) -> bool:
        """Work in this thread until nothing is left to do now; False: the deadline came first.

        It waits for the judgement on owners of whom it is not known whether they live.
        """
        end_s = self._clock.monotonic() + deadline_s
        waits = int(deadline_s / BETWEEN_TRIES_S)
        with beating(self._claims, self._beat_s):
            while waits > 0 and self._clock.monotonic() < end_s:
                try:
                    if self._step(self._starts):
                        continue
                    if not self._claims.undecided():
                        return True
                except SQLAlchemyError as error:
                    if not database_gone(error):
                        raise
                    self._trouble(error)
                waits -= 1
                self._stop.wait(min(BETWEEN_TRIES_S, self._claims.timeout_s / 10))
        return False

    def _loop(self, starts: Collection[str]) -> None:
        while not self._stop.is_set():
            try:
                busy = self._step(starts)
            except Exception as error:  # noqa: BLE001 - a worker's thread outlives its errors
                self._trouble(error)
                busy = False
            if not busy:
                self._stop.wait(self._poll_s)

    def _step(self, starts: Collection[str]) -> bool:
        task = self._next(starts)
        if task is not None:
            try:
                self._run(task)
            finally:
                self._in_work.discard(task.id)
        return task is not None

    def _next(self, starts: Collection[str]) -> Task | None:
        # one thread at a time, so that two do not look at the same objects
        with self._choosing:
            now = self._clock.now()
            # whoever goes ahead must not get into what others began, which may be long
            old = self._begun(now) if starts is self._starts else None
            task = old or self._start_due(now, starts)
            if task is not None:
                self._in_work.add(task.id)
            return task

    def _begun(self, now: datetime) -> Task | None:
        lost = self._claims.claim_lost(self._in_work.copy())
        return lost or self._claims.take_over() or self._claims.resume(now)

    def _start_due(self, now: datetime, starts: Collection[str]) -> Task | None:
        with reading(self._claims.engine) as conn:
            found = to_check(conn, now, LOOKED_AT_ONCE, starts)
        for object in found:
            try:
                task = self._start(object, now)
            except Exception as error:
                if database_gone(error):
                    raise
                self._cannot_look(object, error)
                continue
            if task is not None:
                return task
        # the next ones may be due where all of these were not
        return self._start_due(now, starts) if len(found) == LOOKED_AT_ONCE else None

    def _start(self, object: Object, now: datetime) -> Task | None:
        # a claim is refused where the coverage has moved since it was read, as it does when the
        # handler writes down what is missing: then it is looked at once more
        for _ in range(2):
            due = self.handlers[object.kind].due(object, now)
            if not due.spans:
                with writing(self._claims.engine) as tx:
                    set_check_at(tx, object, due.check_at, now)
                return None
            task = self._claims.start(object, *due.spans[0], due.revision)
            if task is not None:
                return task
            with reading(self._claims.engine) as conn:
                object = get(conn, object.id)
        return None

    def _run(self, task: Task | None) -> None:
        wait_s = BETWEEN_TRIES_S
        while task is not None:
            try:
                self.handlers[task.object.kind].run(task)
                self._claims.finish(task)
                return
            except ClaimLost as lost:
                log.info("dropped: %s", lost)
                return
            except Exception as error:  # noqa: BLE001 - whatever it is, it is noted
                if self._noted(task, error):
                    return
            task = self._when_back(task, wait_s)
            # on a full disk it can be read all the while: no use in trying without a pause
            wait_s = min(2 * wait_s, LONGEST_BETWEEN_S)

    def _noted(self, task: Task, error: Exception) -> bool:
        """Write down how a task failed; False: the database is gone."""
        if database_gone(error):
            log.warning("%s: the database is away: %s", _name(task.object), error)
            return False
        log.warning("%s: %r", _name(task.object), error, exc_info=not is_expected(error))
        try:
            with writing(self._claims.engine) as tx:
                now = self._clock.now()
                failure = describe(error, get(tx, task.object.id), now, self._jitter())
                if is_fatal(error):
                    # a gauge whose period still runs is tried again in the next
                    ended = task.end_at is not None and task.end_at <= now
                    claim.fail(tx, task, failure, settle=ended)
                elif task.note is not None or has_pages(tx, task.id):
                    claim.wait(tx, task, failure)
                else:
                    claim.release(tx, task, failure)
        except ClaimLost as lost:
            log.info("dropped: %s", lost)
        except Exception as again:
            if not database_gone(again):
                raise
            return self._noted(task, again)
        return True

    def _when_back(self, task: Task, wait_s: float) -> Task | None:
        """Wait for the database; the task if it is still ours, as it stands then."""
        while not self._stop.wait(wait_s):
            wait_s = BETWEEN_TRIES_S
            self._claims.lost_database()
            try:
                return self._claims.reload(task)
            except Exception as error:
                if not database_gone(error):
                    raise
        return None

    def _cannot_look(self, object: Object, error: Exception) -> None:
        log.warning("%s: %r", _name(object), error, exc_info=not is_expected(error))
        failure = describe(error, object, self._clock.now(), self._jitter())
        with writing(self._claims.engine) as tx:
            record(tx, object.id, failure)

    def _trouble(self, error: Exception) -> None:
        if database_gone(error):
            self._claims.lost_database()
            log.warning("the database is away: %s", error)
        else:
            log.error("the worker goes on after: %r", error, exc_info=error)


def _name(object: Object) -> str:
    return " ".join(filter(None, (object.kind, object.source, object.stream, object.subject)))
