from __future__ import annotations

import json
from typing import Any

import pytest

from tallymark.engines.druid.server import authorization, meaning
from tallymark.errors import EngineAway, FatalError, Refused, RetryableError
from tallymark.model import Secret

JACKSON = "com.fasterxml.jackson.databind.exc.InvalidTypeIdException"
TOP = "Unhandled exception made it to the top"


def refused(status: int, body: Any) -> Refused:
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Refused("druid:8082 answered", status=status, headers={}, body=text)


@pytest.mark.parametrize(
    ("status", "body", "kind", "said"),
    [
        # as a real Druid 33 says them
        (500, {"errorMessage": TOP, "errorClass": JACKSON}, FatalError, "InvalidTypeIdException"),
        (
            400,
            {"category": "INVALID_INPUT", "errorMessage": "no 'x' in y"},
            FatalError,
            "no 'x' in y",
        ),
        (500, {"category": "UNCATEGORIZED", "persona": "USER"}, FatalError, ""),
        (501, {"error": "Unsupported operation", "errorMessage": "no"}, FatalError, "no"),
        (400, {"error": "Resource limit exceeded", "errorMessage": "m"}, FatalError, "m"),
        (500, {"errorClass": "org.apache.druid.java.util.common.IAE"}, FatalError, "IAE"),
        (
            500,
            {"category": "RUNTIME_FAILURE", "persona": "USER", "errorClass": JACKSON},
            RetryableError,
            "",
        ),
        (504, {"category": "TIMEOUT", "persona": "USER", "errorMessage": "t"}, RetryableError, "t"),
        (500, {"category": "UNCATEGORIZED", "persona": "ADMIN"}, RetryableError, ""),
        (500, {"errorClass": "java.lang.NullPointerException"}, RetryableError, "NullPointer"),
        (500, b"<html>", RetryableError, "answered"),
        (500, b"[1]", RetryableError, "answered"),
        (429, {"error": "Query capacity exceeded"}, RetryableError, "capacity"),
        (503, b"", EngineAway, ""),
        (502, b"", EngineAway, ""),
        (401, b"", EngineAway, "`auth` of the engine"),
        (403, b"", EngineAway, "`auth` of the engine"),
    ],
)
def test_a_users_mistake_is_fatal_whatever_its_status(
    status: int, body: Any, kind: type[Exception], said: str
) -> None:
    error = meaning(refused(status, body))
    assert type(error) is kind
    assert said in str(error)


@pytest.mark.parametrize(
    ("auth", "sent"),
    [
        (None, {}),
        (Secret("Bearer abc"), {"authorization": "Bearer abc"}),
        (Secret("basic eDp5"), {"authorization": "basic eDp5"}),
        (Secret("reader:pass word"), {"authorization": "Basic cmVhZGVyOnBhc3Mgd29yZA=="}),
    ],
)
def test_credentials_are_a_header_or_a_user_and_a_password(
    auth: Secret | None, sent: dict[str, str]
) -> None:
    assert authorization(auth) == sent
