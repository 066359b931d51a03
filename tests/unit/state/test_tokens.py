from __future__ import annotations

from datetime import UTC, datetime

import pytest
from sqlalchemy import select

from tallymark.errors import BadRequest, NotFound
from tallymark.state import tokens
from tallymark.state.database import Databases, reading
from tallymark.state.schema import tokens as table

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def test_a_token_is_known_by_its_scope_and_kept_as_a_hash(databases: Databases) -> None:
    token = tokens.create(databases.control, "shipper", "write", NOW)
    assert token.startswith("tmk_")
    assert len(token) == 47
    assert tokens.check(databases.control, token) == "write"
    with reading(databases.control) as conn:
        row = conn.execute(select(table)).one()
    assert token not in str(row)
    assert token[4:] not in str(row)


def test_no_two_tokens_are_alike(databases: Databases) -> None:
    made = {tokens.create(databases.control, str(n), "read", NOW) for n in range(5)}
    assert len(made) == 5


@pytest.mark.parametrize("wrong", ["", "tmk_", "tmk_" + "a" * 43, "Bearer x", "x" * 10_000])
def test_anything_else_is_no_token(databases: Databases, wrong: str) -> None:
    tokens.create(databases.control, "shipper", "write", NOW)
    assert tokens.check(databases.control, wrong) is None


def test_a_removed_token_opens_nothing(databases: Databases) -> None:
    token = tokens.create(databases.control, "shipper", "write", NOW)
    tokens.remove(databases.control, "shipper")
    assert tokens.check(databases.control, token) is None
    with pytest.raises(NotFound, match="shipper"):
        tokens.remove(databases.control, "shipper")


def test_a_name_is_taken_once_and_a_scope_must_be_known(databases: Databases) -> None:
    tokens.create(databases.control, "shipper", "write", NOW)
    with pytest.raises(BadRequest, match="already"):
        tokens.create(databases.control, "shipper", "read", NOW)
    with pytest.raises(BadRequest, match="read, write, admin"):
        tokens.create(databases.control, "other", "root", NOW)
    assert tokens.names(databases.control) == [("shipper", "write", NOW)]


def test_a_scope_allows_what_lies_below_it() -> None:
    assert tokens.allows("admin", "write")
    assert tokens.allows("write", "read")
    assert tokens.allows("read", "read")
    assert not tokens.allows("read", "write")
    assert not tokens.allows("write", "admin")
