"""API tokens: shown once, kept as a hash."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime
from typing import Literal, cast

from sqlalchemy import Engine, delete, insert, select
from sqlalchemy.exc import IntegrityError

from tallymark.errors import BadRequest, NotFound
from tallymark.state.database import reading, writing
from tallymark.state.schema import tokens

Scope = Literal["read", "write", "admin"]
SCOPES: tuple[Scope, ...] = ("read", "write", "admin")
"""Each allows what the ones before it allow."""

PREFIX = "tmk_"


def create(engine: Engine, name: str, scope: str, now: datetime) -> str:
    """Make a token and return it, for the only time.

    Raises: BadRequest for an unknown scope, or a name that is taken.
    """
    if scope not in SCOPES:
        raise BadRequest(f"there is no scope {scope!r}: use {', '.join(SCOPES)}")
    token = PREFIX + secrets.token_urlsafe(32)
    values = {"name": name, "scope": scope, "hash": _hash(token), "created_at": now}
    try:
        with writing(engine) as tx:
            tx.execute(insert(tokens).values(**values))
    except IntegrityError as error:
        raise BadRequest(f"there is already a token called {name!r}") from error
    return token


def check(engine: Engine, token: str) -> Scope | None:
    """The scope of a token; None: it is not one of ours."""
    if not token.startswith(PREFIX):
        return None
    # the hash of 32 random bytes can be looked up: timing tells nothing about the token
    wanted = select(tokens.c.scope).where(tokens.c.hash == _hash(token))
    with reading(engine) as conn:
        return cast(Scope | None, conn.execute(wanted).scalar_one_or_none())


def allows(scope: Scope, needed: Scope) -> bool:
    return SCOPES.index(scope) >= SCOPES.index(needed)


def names(engine: Engine) -> list[tuple[str, Scope, datetime]]:
    """Name, scope and age of every token, by name."""
    columns = (tokens.c.name, tokens.c.scope, tokens.c.created_at)
    with reading(engine) as conn:
        rows = conn.execute(select(*columns).order_by(tokens.c.name)).all()
    return [(row.name, row.scope, row.created_at) for row in rows]


def remove(engine: Engine, name: str) -> None:
    """Raises: NotFound."""
    with writing(engine) as tx:
        if tx.execute(delete(tokens).where(tokens.c.name == name)).rowcount == 0:
            raise NotFound(f"there is no token called {name!r}")


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
