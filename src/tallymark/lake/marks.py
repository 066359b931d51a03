"""Which hours a commit touched, and what the table's newest commit is.

A cube's refresh asks for the hours marked above the number that it has consumed. Compaction and
expiry mark nothing, but move the head. A snapshot that is not the head's is a foreign commit: its
hours are not marked, so it must stay visible. Our own commits on top of it leave the head's
snapshot where it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc
from pyiceberg.table.metadata import TableMetadata, TableMetadataV1
from sqlalchemy import Connection, case, delete, text, update

from tallymark.lake.catalog import Step
from tallymark.state.schema import heads, objects, to_us, touched

HOUR_US = 3_600_000_000

_HEAD = text(
    "INSERT INTO heads (lake_table, table_uuid, snapshot_id, seq)"
    " VALUES (:lake_table, :table_uuid, :snapshot_id, :seq)"
    " ON CONFLICT (lake_table) DO UPDATE SET table_uuid = excluded.table_uuid,"
    " snapshot_id = excluded.snapshot_id, seq = excluded.seq,"
    " kept_up_at = NULL, kept_up_seq = NULL"
)
_MARK = text(
    "INSERT INTO touched (lake_table, hour, seq, marked_at)"
    " VALUES (:lake_table, :hour, :seq, :marked_at)"
    " ON CONFLICT (lake_table, hour) DO UPDATE SET seq = excluded.seq,"
    " marked_at = excluded.marked_at"
)


def hours(*tables: pa.Table) -> set[int]:
    """The hours since 1970 UTC in which the tables' `ts` lie."""
    return {
        hour
        for table in tables
        for hour in pc.unique(pc.divide(table["ts"].cast(pa.int64()), HOUR_US)).to_pylist()
        if hour is not None
    }


def seq_of(metadata: TableMetadata) -> int:
    """The number of the table's newest commit; it only grows."""
    return 0 if isinstance(metadata, TableMetadataV1) else metadata.last_sequence_number


def write(
    tx: Connection,
    lake_table: str,
    step: Step,
    touched_hours: Mapping[int, datetime],
    now: datetime,
) -> None:
    """Move the table's head and mark the hours, in the transaction of the commit.

    Each hour is marked with when its rows came.
    """
    seq = seq_of(step.after)
    # the head first: its row lock lets one commit of a table at a time reach the marks
    _write_head(tx, lake_table, step)
    rows = [
        {"lake_table": lake_table, "hour": hour, "seq": seq, "marked_at": to_us(came_at)}
        for hour, came_at in sorted(touched_hours.items())
    ]
    if rows:
        tx.execute(_MARK, rows)
        _wake_cube(tx, lake_table, now)


def _write_head(tx: Connection, lake_table: str, step: Step) -> None:
    uuid, seq = str(step.after.table_uuid), seq_of(step.after)
    before, after = step.before.current_snapshot_id, step.after.current_snapshot_id
    known = (
        update(heads)
        .where(heads.c.lake_table == lake_table, heads.c.table_uuid == uuid)
        .values(
            seq=seq,
            snapshot_id=case(
                (heads.c.snapshot_id.is_not_distinct_from(before), after),
                else_=heads.c.snapshot_id,
            ),
        )
    )
    if tx.execute(known).rowcount == 1:
        return
    # a table that was made anew counts from one: the old one's marks mean nothing any more
    tx.execute(delete(touched).where(touched.c.lake_table == lake_table))
    ours = after if before is None else None
    tx.execute(
        _HEAD, {"lake_table": lake_table, "table_uuid": uuid, "snapshot_id": ours, "seq": seq}
    )


def _wake_cube(tx: Connection, lake_table: str, now: datetime) -> None:
    """Let the cube's object be looked at now; it need not ask every second."""
    source, _, stream = lake_table.partition(".")
    tx.execute(
        update(objects)
        .where(
            objects.c.kind == "cube",
            objects.c.source == source,
            objects.c.stream == stream,
            objects.c.attempts == 0,
        )
        .values(check_at=now, checked_at=now, version=objects.c.version + 1)
    )
