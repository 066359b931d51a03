"""Where a Druid is, and what its refusals mean.

A query that Druid cannot read is answered 500, as if the server had failed; so the text decides.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from tallymark.engines import Http
from tallymark.engines.druid.strangers import druids_own, stranger
from tallymark.errors import EngineAway, FatalError, Refused, RetryableError, TallymarkError
from tallymark.model import Secret

CREDENTIALS = "Druid refuses us, see `auth` of the engine druid in the workspace"

_USERS_CATEGORIES = {"INVALID_INPUT", "UNSUPPORTED", "NOT_FOUND"}
_SERVERS_CATEGORIES = {"TIMEOUT", "CAPACITY_EXCEEDED", "CANCELED", "RUNTIME_FAILURE"}
_USERS_ERRORS = {
    "Json parse failed",
    "SQL parse failed",
    "Plan validation failed",
    "Unsupported operation",
    "Resource limit exceeded",
}
_EXPRESSION = "org.apache.druid.math.expr."
"""A wrong expression is found while it is worked out, and looks like a fault of Druid's own."""
_USERS_CLASSES = ("IAE", "UOE", "IllegalArgumentException", "UnsupportedOperationException")


Meaning = Callable[[Refused], TallymarkError]


@dataclass(frozen=True, kw_only=True)
class Server:
    """The two addresses of a Druid, and how it is asked."""

    broker: str
    coordinator: str
    secret_headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    def post(self, http: Http, path: str, body: Any) -> Any:
        """What the broker answers. Raises: as `meaning` says; EngineAway; RetryableError."""
        return self._ask(http, self.broker + path, body, meaning)

    def get(self, http: Http, path: str) -> Any:
        """What the coordinator answers. Raises: as `unsaid` says; EngineAway; RetryableError."""
        return self._ask(http, self.coordinator + path, None, unsaid)

    def sql(self, http: Http, query: str, *texts: str) -> list[list[Any]]:
        """The rows of a small answer; each `?` of the query is one of the texts.

        Raises: as `get`.
        """
        bound = [{"type": "VARCHAR", "value": text} for text in texts]
        body = {"query": query, "parameters": bound, "resultFormat": "array"}
        rows: list[list[Any]] = self._ask(http, f"{self.broker}/druid/v2/sql", body, unsaid)
        return rows

    def _ask(self, http: Http, url: str, body: Any, meant: Meaning) -> Any:
        try:
            answer = http.ask(url, body=body, secret_headers=self.secret_headers)
        except Refused as error:
            raise meant(error) from None
        try:
            return orjson.loads(answer)
        except orjson.JSONDecodeError as error:
            raise RetryableError(f"Druid answered no JSON at {url}") from error


def authorization(auth: Secret | None) -> dict[str, str]:
    """The header of `Basic …`, `Bearer …`, or `user:password`."""
    if auth is None:
        return {}
    text = auth.reveal()
    if text.partition(" ")[0].lower() in ("basic", "bearer"):
        return {"authorization": text}
    return {"authorization": f"Basic {base64.b64encode(text.encode()).decode('ascii')}"}


def meaning(error: Refused) -> TallymarkError:
    """The error that a refusal stands for: a user's mistake is fatal, whatever its status."""
    told = _told(error.body)
    message = said(told) or str(error)
    if error.status in (401, 403):
        # no report's fault: all go on when it is mended
        return EngineAway(f"{CREDENTIALS}: {message}")
    if error.status in (502, 503):
        return EngineAway(f"Druid is not there: {message}")
    if error.status == 429:
        return RetryableError(f"Druid has no room for the query: {message}")
    if error.status < 500 and not druids_own(error.status, told):
        return stranger(error)
    if error.status < 500 or users_mistake(told):
        return FatalError(f"Druid refuses the query: {message}")
    return RetryableError(f"Druid failed: {message}")


def unsaid(error: Refused) -> RetryableError:
    """The error that a refused look stands for, never a fatal one: it is no report's question.
    A supervisor that was listed may have ended since; the next look does not ask for it."""
    meant, told = meaning(error), said(_told(error.body))
    if isinstance(meant, RetryableError) and not (error.status == 404 and told):
        return meant
    return RetryableError(f"Druid refuses a look ({error}): {told}")


def users_mistake(told: Mapping[str, Any]) -> bool:
    # a stranger's `error` may be anything
    category, kind = str(told.get("category")), str(told.get("errorClass") or "")
    if category in _USERS_CATEGORIES or str(told.get("error")) in _USERS_ERRORS:
        return True
    if _EXPRESSION in str(told.get("errorMessage")):
        return True
    if category in _SERVERS_CATEGORIES:
        return False
    return (
        told.get("persona") == "USER"
        or kind.startswith("com.fasterxml.jackson.")
        or kind.rpartition(".")[2] in _USERS_CLASSES
    )


def said(told: Mapping[str, Any]) -> str:
    """What Druid says of it; of a query that it cannot read it tells no more than a Java class."""
    message, _, _ = str(told.get("errorMessage") or told.get("error") or "").partition("\n")
    if "made it to the top" in message:
        message = "it cannot read it"
    kind = str(told.get("errorClass") or "").rpartition(".")[2]
    return " ".join([message, *([f"({kind})"] if kind else [])]).strip()


def _told(body: bytes) -> Mapping[str, Any]:
    try:
        told = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return told if isinstance(told, dict) else {}
