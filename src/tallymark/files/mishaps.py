"""What obstore's exceptions mean for the caller: the one map from them to our errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from obstore import exceptions as theirs

from tallymark.errors import BadRequest, ConfigError, NotFound, RetryableError

_TOLD_CHARACTERS = 300


class PresentAlready(Exception):
    """The key is not as it was seen. Never leaves `files/`."""


@contextmanager
def mapped(where: str, key: str, *, put: bool = False) -> Iterator[None]:
    """Raises: NotFound, PresentAlready, BadRequest, ConfigError, RetryableError."""
    try:
        yield
    except FileNotFoundError as error:
        if put:
            raise RetryableError(f"{where} is not there: {_told(error)}") from error
        raise NotFound(f"there is no file {key} in {where}") from error
    except (theirs.AlreadyExistsError, theirs.PreconditionError) as error:
        raise PresentAlready(key) from error
    except (theirs.BaseError, ValueError) as error:
        raise meaning(error, where, key) from error


def meaning(error: Exception, where: str, key: str) -> Exception:
    """Of everything but an answer about the key itself."""
    told = _told(error)
    match error:
        case theirs.InvalidPathError() | ValueError():
            return BadRequest(f"{where} takes no key {key!r}: {told}")
        case theirs.NotSupportedError() | theirs.UnknownConfigurationKeyError():
            return ConfigError(f"{where}: {told}")
        case theirs.PermissionDeniedError() | theirs.UnauthenticatedError():
            # no report is at fault: all of them go on by themselves when it is mended
            return RetryableError(f"{where} refuses the credentials, or what they may do: {told}")
        case _:
            return RetryableError(f"{where} does not do its work: {told}")


def _told(error: Exception) -> str:
    # what follows are the client's own structures, over many lines
    text = " ".join(str(error).partition("Debug source")[0].split())
    return text[:_TOLD_CHARACTERS]
