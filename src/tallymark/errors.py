"""Every error of Tallymark, grouped by what the caller must do.

    TallymarkError
      x ConfigError       start-up stops; the message names the setting and the fix
      x RetryableError    the same call may work later; carries retry_after_s
        + CommitConflict    somebody committed first: reload, decide again
        + EngineAway        who answers a report's query is not there: wait, it is no attempt
      x UnknownOutcome    it may have happened: look before retrying
      x FatalError        it will fail again; a person must act
        + Refused           the vendor answered 4xx; carries status, headers, body
        + CursorGone        the vendor forgot where we were: start the span again
        + AddressRefused    the address may not be called from here
      x ClaimLost         somebody else owns the task now: drop everything, write nothing
      x BadRequest        the caller's input is wrong; the message says what is right
        + NotFound          the thing that was named is not there
        + Conflict          it would take what another one has
        + WrongFields       several fields are wrong; carries each, and what is right

A class's docstring is its default message.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


class TallymarkError(Exception):
    """Something went wrong in Tallymark."""

    def __init__(self, message: str | None = None) -> None:
        super().__init__(message or (type(self).__doc__ or "").strip())


class ConfigError(TallymarkError):
    """A setting is wrong."""


class RetryableError(TallymarkError):
    """The same call may work later."""

    def __init__(self, message: str | None = None, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class CommitConflict(RetryableError):
    """Somebody else committed first: reload and decide again."""


class EngineAway(RetryableError):
    """The engine does not answer."""


class UnknownOutcome(TallymarkError):
    """It may have happened: look before retrying."""


class FatalError(TallymarkError):
    """This will fail again: a person must act."""


class Refused(FatalError):
    """The vendor refused the request."""

    def __init__(
        self, message: str, *, status: int, headers: Mapping[str, str], body: bytes
    ) -> None:
        super().__init__(message)
        self.status = status
        self.headers = headers
        self.body = body


class CursorGone(FatalError):
    """The vendor no longer knows this cursor: the span starts again."""


class AddressRefused(FatalError):
    """This address may not be called from here."""


class ClaimLost(TallymarkError):
    """Somebody else owns this task now."""


class BadRequest(TallymarkError):
    """The request is wrong."""


class NotFound(BadRequest):
    """There is no such thing."""


class Conflict(BadRequest):
    """Another one has this already."""


@dataclass(frozen=True, slots=True)
class WrongField:
    """One wrong field of a request, and what is right."""

    field: str
    text: str


class WrongFields(BadRequest):
    """Every wrong field of a request at once."""

    def __init__(self, found: Sequence[WrongField], warnings: Sequence[str] = ()) -> None:
        super().__init__("; ".join(f"{one.field}: {one.text}" for one in found))
        self.found = tuple(found)
        self.warnings = tuple(warnings)
