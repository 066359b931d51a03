"""Bearer tokens: who may call the API. A page never holds one."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from starlette.exceptions import HTTPException

from tallymark.web.services import Services

# From weak to strong: each allows what stands before it.
SCOPES = ("read", "write", "admin")

_bearer = HTTPBearer(auto_error=False, description="`tallymark token create NAME --scope read`")


def services(request: Request) -> Services:
    found: Services = request.app.state.services
    return found


ServicesOf = Annotated[Services, Depends(services)]


def scope_of(
    here: ServicesOf,
    given: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
) -> str:
    """Raises: HTTPException 401 without a known token."""
    if given is None:
        raise _unauthorized("A token is needed: send `Authorization: Bearer tmk_…`.")
    scope = here.check_token(given.credentials)
    if scope is None:
        raise _unauthorized("This token is not known here: `tallymark token create` makes one.")
    return scope


Scope = Annotated[str, Depends(scope_of)]


def may_read(scope: Scope) -> None:
    """Raises: HTTPException 403 for a token that may not read."""
    if scope not in SCOPES:
        raise HTTPException(403, f"This token's scope {scope!r} does not allow reading.")


def may_write(scope: Scope) -> None:
    """Raises: HTTPException 403 for a token that may only read."""
    if scope not in SCOPES[SCOPES.index("write") :]:
        raise HTTPException(
            403,
            f"This token's scope {scope!r} does not allow changes: "
            "`tallymark token create NAME --scope write` makes one that does.",
        )


def _unauthorized(detail: str) -> HTTPException:
    return HTTPException(401, detail, {"WWW-Authenticate": 'Bearer realm="tallymark"'})
