"""The rows that a batch replaces: its object's own earlier ones, of the span that was read again.

A filter of time alone would take other objects' rows of the same period: hence `_batch`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import pyarrow as pa
from pyiceberg.expressions import (
    AlwaysFalse,
    AlwaysTrue,
    And,
    BooleanExpression,
    GreaterThanOrEqual,
    In,
    LessThan,
)
from pyiceberg.table import Table

from tallymark.lake.decode import SYSTEM_COLUMNS


def where(
    batch_ids: Sequence[int], start_at: datetime | None, end_at: datetime | None
) -> BooleanExpression:
    """Rows of these batches; with a span, only those inside it."""
    if not batch_ids:
        return AlwaysFalse()
    # PyIceberg hides the positional arguments of its expressions from type checkers
    mine = In("_batch", set(batch_ids))  # type: ignore[call-arg, arg-type]
    # the time lets files be skipped, the batch makes it exact
    return And(span(start_at, end_at), mine)


def span(start_at: datetime | None, end_at: datetime | None) -> BooleanExpression:
    inside: BooleanExpression = AlwaysTrue()
    if start_at is not None:
        since = GreaterThanOrEqual("ts", start_at.isoformat())  # type: ignore[call-arg, arg-type]
        inside = And(inside, since)
    if end_at is not None:
        before = LessThan("ts", end_at.isoformat())  # type: ignore[call-arg, arg-type]
        inside = And(inside, before)
    return inside


def read(table: Table, columns: pa.Schema, row_filter: BooleanExpression) -> pa.Table:
    """The rows without their system columns; a column that the table lacks is null.

    Reads no file that cannot hold such rows.
    """
    wanted = own(columns)
    if isinstance(row_filter, AlwaysFalse):
        return wanted.empty_table()
    known = {field.name for field in table.schema().fields}
    fields = tuple(name for name in wanted.names if name in known)
    rows = table.scan(row_filter=row_filter, selected_fields=fields).to_arrow()
    return pa.table(
        [
            rows[column.name].cast(column.type)
            if column.name in known
            else pa.nulls(rows.num_rows, column.type)
            for column in wanted
        ],
        schema=wanted,
    )


def same(old: pa.Table, new: pa.Table) -> bool:
    """Whether both hold the same rows, in any order, system columns aside."""
    if old.num_rows != new.num_rows:
        return False
    order = [(name, "ascending") for name in old.schema.names]
    mine = new.select(old.schema.names).sort_by(order)
    return bool(old.sort_by(order).combine_chunks().equals(mine.combine_chunks()))


def own(columns: pa.Schema) -> pa.Schema:
    return pa.schema([column for column in columns if column.name not in SYSTEM_COLUMNS])
