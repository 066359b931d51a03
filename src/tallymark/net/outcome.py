"""What an answer means for the caller: the one map from statuses and exceptions to errors. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpcore

from tallymark.errors import FatalError, Refused, RetryableError, TallymarkError

LONGEST_WAIT_S = 86_400.0
"""No vendor's limit lasts longer; a nonsensical header must not silence a source for a year."""
UNKNOWN_WAIT_S = 60.0
"""A limit that names no time: the least that GitHub asks for, and npm names none."""

_ADVICE = {
    401: "the token is missing, wrong or expired",
    403: "the token may not read this",
    404: "there is no such thing, or the token may not see it",
    410: "it is gone",
    451: "it is blocked for legal reasons",
}


def limited(status: int, headers: Mapping[str, str], body: bytes) -> bool:
    """Whether the vendor says: too many requests. A 403 may mean quota, not permission."""
    return status == 429 or (
        status == 403
        and (
            "retry-after" in headers
            or "x-retry-after" in headers
            or quota_gone(headers)
            or b"secondary rate limit" in body.lower()
        )
    )


def quota_gone(headers: Mapping[str, str]) -> bool:
    """Whether this answer was the last that the vendor's quota allows."""
    return headers.get("x-ratelimit-remaining", "").strip() == "0"


def wait_s(headers: Mapping[str, str], now: datetime) -> float | None:
    """How long the vendor asks us to wait, in any form that is in use; None: it says nothing."""
    waits = [_after(headers.get("retry-after"), now), _until(headers.get("x-retry-after"), now)]
    if quota_gone(headers):
        waits.append(_until(headers.get("x-ratelimit-reset"), now))
    known = [wait for wait in waits if wait is not None]
    return min(max(*known, 0.0), LONGEST_WAIT_S) if known else None


def _after(value: str | None, now: datetime) -> float | None:
    """`Retry-After`: seconds or a date."""
    if value is None:
        return None
    seconds = _number(value)
    if seconds is not None:
        return seconds
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() - now.timestamp()


def _until(value: str | None, now: datetime) -> float | None:
    """A Unix time in seconds."""
    number = None if value is None else _number(value)
    return None if number is None else number - now.timestamp()


def _number(value: str) -> float | None:
    text = value.strip()
    return float(text) if text.isascii() and text.replace(".", "", 1).isdigit() else None


def failure(
    where: str, status: int, headers: Mapping[str, str], body: bytes, now: datetime
) -> TallymarkError | None:
    """The error that an answer stands for; None for 2xx and 304."""
    if 200 <= status < 300 or status == 304:
        return None
    wait = wait_s(headers, now)
    if limited(status, headers, body):
        wait = UNKNOWN_WAIT_S if wait is None else wait
        return RetryableError(f"{where} limits us ({status})", retry_after_s=wait)
    if status in (408, 425) or status >= 500:
        return RetryableError(f"{where} answered {status}", retry_after_s=wait)
    advice = f": {_ADVICE[status]}" if status in _ADVICE else ""
    message = f"{where} answered {status}{advice}"
    return Refused(message, status=status, headers=headers, body=body)


def broken(where: str, error: Exception) -> TallymarkError:
    """The error that a failed exchange stands for.

    The library's text is left out where it can hold a header's value: a token.
    """
    if isinstance(error, httpcore.LocalProtocolError):
        return FatalError(f"the request to {where} cannot be sent: a header is not valid")
    if isinstance(error, httpcore.TimeoutException):
        return RetryableError(f"{where} did not answer in time")
    if isinstance(error, (httpcore.NetworkError, httpcore.ProtocolError)):
        return RetryableError(f"the connection to {where} broke: {error}")
    return FatalError(f"the request to {where} cannot be sent")
