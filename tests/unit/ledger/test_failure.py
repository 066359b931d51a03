from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tallymark.errors import (
    AddressRefused,
    ConfigError,
    CursorGone,
    FatalError,
    Refused,
    RetryableError,
)
from tallymark.ledger.failure import describe
from tallymark.ledger.objects import Object

NOW = datetime(2026, 3, 1, 10, 30, tzinfo=UTC)


def an_object(every: str = "1d", attempts: int = 0) -> Object:
    return Object(
        id=1, kind="collect", source="s", stream="t", subject="u", state="active", every=every,
        catch_up="all", start_at=NOW, settled_at=NOW, check_at=NOW, attempts=attempts,
        last_error=None, advice=None, failing_since_at=None, version=0,
    )  # fmt: skip


def test_a_retryable_error_is_tried_again_soon_and_asks_nothing_of_a_person() -> None:
    failure = describe(RetryableError("503"), an_object(), NOW, 1)
    assert (failure.error, failure.advice) == ("503", None)
    assert failure.next_try_at == NOW + timedelta(seconds=2)
    later = describe(RetryableError("503"), an_object(attempts=3), NOW, 1)
    assert later.next_try_at == NOW + timedelta(seconds=16)


def test_retry_after_is_obeyed() -> None:
    failure = describe(RetryableError("429", retry_after_s=99), an_object(), NOW, 1)
    assert failure.next_try_at == NOW + timedelta(seconds=99)


def test_an_unexpected_error_is_named_by_its_type() -> None:
    failure = describe(KeyError("x\0y"), an_object(), NOW, 1)
    assert failure.error == "KeyError: 'x\\x00y'"
    assert describe(ValueError("a\0b"), an_object(), NOW, 1).error == "ValueError: ab"
    assert describe(ValueError("a\udcffb"), an_object(), NOW, 1).error == "ValueError: a?b"
    assert failure.advice is None


def test_a_full_disk_is_tried_again_soon_and_says_where_to_make_room() -> None:
    failure = describe(OSError(28, "No space left on device", "/lake/x"), an_object(), NOW, 1)
    assert "'/lake/x'" in failure.error
    assert "room" in (failure.advice or "")
    assert failure.next_try_at == NOW + timedelta(seconds=2)
    assert describe(OSError(5, "Input/output error"), an_object(), NOW, 1).advice is None


def test_a_fatal_error_waits_for_the_next_step_of_the_schedule() -> None:
    failure = describe(FatalError("no"), an_object("1h"), NOW, 1)
    assert failure.next_try_at == NOW.replace(hour=11, minute=0)
    assert failure.advice
    without = describe(FatalError("no"), an_object("always"), NOW, 1)
    assert without.next_try_at == NOW + timedelta(seconds=2)


@pytest.mark.parametrize(
    ("error", "word"),
    [
        (Refused("401", status=401, headers={}, body=b""), "credentials"),
        (Refused("404", status=404, headers={}, body=b""), "name"),
        (Refused("422", status=422, headers={}, body=b""), "asks again"),
        (AddressRefused(), "TALLYMARK_ALLOW_ADDRESSES"),
        (ConfigError("X is not set"), "setting"),
        (CursorGone(), "asks again"),
    ],
)
def test_the_advice_says_what_to_do(error: Exception, word: str) -> None:
    assert word in str(describe(error, an_object(), NOW, 1).advice)
