from __future__ import annotations

import pytest
from obstore import exceptions as theirs

from tallymark.errors import BadRequest, ConfigError, NotFound, RetryableError
from tallymark.files.mishaps import PresentAlready, mapped

MEANS: dict[str, type[Exception]] = {
    "AlreadyExistsError": PresentAlready,
    "PreconditionError": PresentAlready,
    "InvalidPathError": BadRequest,
    "NotSupportedError": ConfigError,
    "UnknownConfigurationKeyError": ConfigError,
    "BaseError": RetryableError,
    "GenericError": RetryableError,
    "JoinError": RetryableError,
    "NotModifiedError": RetryableError,
    "PermissionDeniedError": RetryableError,
    "UnauthenticatedError": RetryableError,
}


def test_every_exception_of_the_client_has_its_meaning() -> None:
    known = {name for name in dir(theirs) if name.endswith("Error")}
    # the client says so itself: it raises FileNotFoundError instead
    assert known - {"NotFoundError"} == set(MEANS)
    for name, meaning in MEANS.items():
        with pytest.raises(meaning), mapped("s3://bucket", "a/x"):
            raise getattr(theirs, name)("told\n\nDebug source:\nGeneric { … }")


def test_a_missing_key_is_not_found_and_a_missing_bucket_is_waited_for() -> None:
    with pytest.raises(NotFound, match="there is no file a/x in s3://bucket"):
        with mapped("s3://bucket", "a/x"):
            raise FileNotFoundError
    with pytest.raises(RetryableError, match="s3://bucket is not there"):
        with mapped("s3://bucket", "a/x", put=True):
            raise FileNotFoundError


def test_what_is_told_is_one_short_line() -> None:
    with pytest.raises(RetryableError) as told, mapped("s3://bucket", "a/x"):
        raise theirs.GenericError("one\n  two" + "x" * 5000 + "\n\nDebug source:\nsecret")
    assert str(told.value).startswith("s3://bucket does not do its work: one twox")
    assert len(str(told.value)) < 400
