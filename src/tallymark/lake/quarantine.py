"""Records that cannot be read, with their reason, for a person to look at; never dropped."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Connection, insert

from tallymark.model import Rejected
from tallymark.state import schema

TEXT_BYTES = 4096


def write(
    tx: Connection, object_id: int, batch_id: int, rejected: Sequence[Rejected], now: datetime
) -> None:
    """Write them in the transaction of their batch."""
    if rejected:
        tx.execute(
            insert(schema.quarantine),
            [
                {
                    "object_id": object_id,
                    "batch_id": batch_id,
                    "call_id": record.page.call_id,
                    "reason": clean(record.reason),
                    "text": clean(record.text),
                    "at": now,
                }
                for record in rejected
            ],
        )


def clean(text: str) -> str:
    """The first 4 KB, of characters that both databases can hold."""
    cut = text[:TEXT_BYTES].replace("\0", "\N{REPLACEMENT CHARACTER}")
    return cut.encode("utf-8", "replace")[:TEXT_BYTES].decode("utf-8", "ignore")
