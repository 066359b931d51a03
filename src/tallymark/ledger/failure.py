"""What is noted when work fails: the words for people, and the next try. Pure."""

from __future__ import annotations

import errno
from dataclasses import dataclass
from datetime import datetime

from tallymark.calendar.schedule import Schedule
from tallymark.errors import (
    AddressRefused,
    ConfigError,
    FatalError,
    Refused,
    RetryableError,
    TallymarkError,
)
from tallymark.ledger.backoff import LONGEST_S, next_try
from tallymark.ledger.objects import Object

ASK_AGAIN = "`tallymark backfill` asks again for what failed."
"""How a span that failed for good is asked for once its cause is mended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """What went wrong with a task, when it is tried again, and what a person should do."""

    error: str
    at: datetime
    next_try_at: datetime
    advice: str | None = None


def describe(error: Exception, object: Object, at: datetime, jitter: float) -> Failure:
    """How an error of this object's work is noted."""
    text = str(error) if is_expected(error) else f"{type(error).__name__}: {error}"
    fatal = is_fatal(error)
    retry_after_s = error.retry_after_s if isinstance(error, RetryableError) else None
    schedule = schedule_of(object)
    tried_at = next_try(object.attempts + 1, _step_s(schedule), at, retry_after_s, jitter)
    return Failure(
        error=storable(text),
        at=at,
        next_try_at=schedule.next_after(at) if fatal and schedule is not None else tried_at,
        advice=_advice(error) if fatal else _hint(error),
    )


def storable(text: str) -> str:
    """The text as every database takes it, and no longer than people read."""
    # PostgreSQL takes neither a NUL nor half a character, and the note of a failure must not fail
    return text.replace("\0", "").encode("utf-8", "replace").decode()[:2000]


def is_fatal(error: Exception) -> bool:
    """Whether it fails again until a person acts."""
    return isinstance(error, FatalError | ConfigError)


def is_expected(error: Exception) -> bool:
    """Whether it says what happened by itself, without its traceback."""
    return isinstance(error, TallymarkError)


def schedule_of(object: Object) -> Schedule | None:
    """Its schedule in UTC, which is near enough for a wait; None where the text is no schedule."""
    try:
        return Schedule.parse(object.every)
    except ConfigError:
        return None


def _step_s(schedule: Schedule | None) -> float:
    return LONGEST_S if schedule is None else schedule.step_s


def _advice(error: Exception) -> str:
    match error:
        case Refused(status=401 | 403):
            return "Check the credentials in the source's settings: the vendor refuses them."
        case Refused(status=404 | 410):
            return "Check the subject's name: the vendor does not know it, or no longer."
        case AddressRefused():
            allow = "Allow its host:port in TALLYMARK_ALLOW_ADDRESSES if it is meant to be called;"
            return f"{allow} {ASK_AGAIN}"
        case ConfigError():
            return "Correct the setting that the error names."
        case _:
            return f"Look at the error and mend its cause; {ASK_AGAIN}"


def _hint(error: Exception) -> str | None:
    """What ends a failure that ends by itself otherwise."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "Make room on the disk of the file that the error names: then it goes on by itself."
    return None
