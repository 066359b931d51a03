"""Whether JSON that came has the form of Druid's answers: else another program gave it. Pure.

A wrong address, or what stands before Druid, can well answer 200 with JSON of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from tallymark.errors import RetryableError

_TOLD = 80


def listed(came: Any) -> Sequence[Any]:
    """A list: an object of another program's is no empty one. Raises: as `understood`."""
    if not isinstance(came, list):
        raise _strange(came)
    return came


def rows(came: Any, *kinds: type) -> Sequence[Sequence[Any]]:
    """The rows of a small answer, each with a value of each kind. Raises: as `understood`."""
    found = listed(came)
    if not all(_fits(row, kinds) for row in found):
        raise _strange(came)
    return found


def _fits(row: Any, kinds: Sequence[type]) -> bool:
    return isinstance(row, list) and len(row) == len(kinds) and all(map(isinstance, row, kinds))


@contextmanager
def understood(came: Any) -> Iterator[None]:
    """What came is read within.

    Raises: RetryableError, in whatever way the reading fails; the operator must act, no report's
    author.
    """
    try:
        yield
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise _strange(came) from error


def _strange(came: Any) -> RetryableError:
    text = repr(came)
    told = text if len(text) <= _TOLD else f"{text[:_TOLD]} …"
    return RetryableError(
        f"Druid answered {told}, which is no answer to what was asked:"
        " look at the addresses of the engine druid in the workspace"
    )
