"""What obstore's exceptions mean for the caller: the one map from them to our errors."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager

from obstore import exceptions as theirs

from tallymark.errors import BadRequest, ConfigError, FatalError, NotFound, RetryableError

_STATUS = re.compile(r"status code: (\d{3})")
_NO_BUCKET = re.compile(r"NoSuchBucket|ContainerNotFound|bucket does not exist")
_TOLD_CHARACTERS = 300


class PresentAlready(Exception):
    """The key is not as it was seen. Never leaves `files/`."""


@contextmanager
def mapped(where: str, key: str, *, put: bool = False) -> Iterator[None]:
    """Raises: NotFound, PresentAlready, BadRequest, RetryableError, FatalError, ConfigError."""
    try:
        yield
    except FileNotFoundError as error:
        if put:
            raise _nowhere_to_put(error, where) from error
        raise NotFound(f"there is no file {key} in {where}") from error
    except (theirs.AlreadyExistsError, theirs.PreconditionError) as error:
        raise PresentAlready(key) from error
    except (theirs.BaseError, ValueError) as error:
        raise meaning(error, where, key) from error


def _nowhere_to_put(error: Exception, where: str) -> Exception:
    told = _told(error)
    if _NO_BUCKET.search(str(error)):
        return FatalError(f"there is no {where}: {told}")
    # an upload that has ended already, or was given up
    return RetryableError(f"{where} lost what was being put: {told}")


def meaning(error: Exception, where: str, key: str) -> Exception:
    """Of everything but an answer about the key itself."""
    told = _told(error)
    match error:
        case theirs.PermissionDeniedError() | theirs.UnauthenticatedError():
            return FatalError(f"{where} refuses the credentials, or what they may do: {told}")
        case theirs.InvalidPathError() | ValueError():
            return BadRequest(f"{where} takes no key {key!r}: {told}")
        case theirs.NotSupportedError() | theirs.UnknownConfigurationKeyError():
            return ConfigError(f"{where}: {told}")
        case _ if _refused(told):
            return FatalError(f"{where} refuses the request: {told}")
        case _:
            return RetryableError(f"{where} does not do its work: {told}")


def _refused(told: str) -> bool:
    """Whether it will be refused again: a missing bucket, a wrong region, a name too long."""
    found = _STATUS.search(told)
    return found is not None and 400 <= int(found[1]) < 500 and int(found[1]) not in (408, 429)


def _told(error: Exception) -> str:
    # what follows are the client's own structures, over many lines
    text = " ".join(str(error).partition("Debug source")[0].split())
    return text[:_TOLD_CHARACTERS]
