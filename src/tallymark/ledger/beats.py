"""Showing that this process lives, and looking at whether the others do."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import SQLAlchemyError

from tallymark.ledger.claim import Claims

log = logging.getLogger(__name__)


@contextmanager
def beating(claims: Claims, beat_s: float) -> Iterator[None]:
    """Beat and observe every `beat_s` in a thread of its own."""
    stop = threading.Event()
    thread = threading.Thread(target=_beat, args=(claims, beat_s, stop), daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _beat(claims: Claims, beat_s: float, stop: threading.Event) -> None:
    while not stop.wait(beat_s):
        try:
            claims.boot.beat()
            claims.observe()
        except SQLAlchemyError as error:
            claims.lost_database()
            log.warning("no beat: %s", error)
