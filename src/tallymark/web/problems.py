"""RFC 9457 problems: what is wrong, what is right, and what the caller may have meant.

Source: https://www.rfc-editor.org/rfc/rfc9457
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from typing import Any

import orjson
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from tallymark.errors import (
    BadRequest,
    Conflict,
    NotFound,
    RetryableError,
    TallymarkError,
    WrongFields,
)

MEDIA_TYPE = "application/problem+json"


class Unknown(BadRequest):
    """A name that does not exist, with those that the caller may have meant."""

    def __init__(self, what: str, name: str, known: Iterable[str]) -> None:
        names = list(known)
        near = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
        self.suggestions = near or names[:20]
        hint = "did you mean" if near else "there are"
        said = ", ".join(self.suggestions) or "none"
        super().__init__(f"{what} {name!r} does not exist; {hint}: {said}")


def problem(
    status: int,
    detail: str,
    *,
    headers: Mapping[str, str] | None = None,
    suggestions: Sequence[str] = (),
    errors: Sequence[Mapping[str, str]] = (),
    warnings: Sequence[str] = (),
) -> Response:
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
    }
    if suggestions:
        body["suggestions"] = list(suggestions)
    if errors:
        body["errors"] = list(errors)
    if warnings:
        body["warnings"] = list(warnings)
    return Response(orjson.dumps(body), status, headers, MEDIA_TYPE)


def status_of(error: TallymarkError) -> int:
    if isinstance(error, NotFound):
        return 404
    if isinstance(error, Conflict):
        return 409
    if isinstance(error, BadRequest):
        return 400
    return 503 if isinstance(error, RetryableError) else 500


def of_error(error: TallymarkError) -> Response:
    headers: dict[str, str] = {}
    if isinstance(error, RetryableError):
        headers["Retry-After"] = str(round(error.retry_after_s or 5))
    suggestions = error.suggestions if isinstance(error, Unknown) else ()
    wrong = error if isinstance(error, WrongFields) else WrongFields(())
    return problem(
        status_of(error),
        str(error),
        headers=headers,
        suggestions=suggestions,
        errors=[{"field": one.field, "detail": one.text} for one in wrong.found],
        warnings=wrong.warnings,
    )


def of_http(error: HTTPException) -> Response:
    return problem(error.status_code, error.detail, headers=error.headers)


def of_validation(error: RequestValidationError) -> Response:
    errors = [
        {"parameter": str(one["loc"][-1]), "detail": str(one["msg"])} for one in error.errors()
    ]
    said = "; ".join(f"{one['parameter']}: {one['detail']}" for one in errors)
    return problem(400, said, errors=errors)
