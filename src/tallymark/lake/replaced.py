"""The rows that a batch replaces: its object's own earlier ones, of the span that was read again.

A filter of time alone would take other objects' rows of the same period: hence `_batch`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa
import pyarrow.compute as pc
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


@dataclass(frozen=True)
class Difference:
    """What a batch changes: rows that only the table has, and rows that only the batch has."""

    gone: pa.Table
    """Without system columns."""
    added: pa.Table

    @property
    def nothing(self) -> bool:
        return bool(self.gone.num_rows == self.added.num_rows == 0)


def difference(old: pa.Table, new: pa.Table) -> Difference:
    """Compare row by row, in any order, system columns aside; rows may stand there twice."""
    if old.num_rows == 0 or new.num_rows == 0:
        return Difference(old, new)
    names = old.schema.names
    both = pa.concat_tables(
        [
            rows.select(names)
            .append_column("_side", pa.repeat(side, rows.num_rows))
            .append_column("_row", pa.array(range(rows.num_rows)))
            for rows, side in ((old, -1), (new, 1))
        ]
    )
    counted = both.group_by(names, use_threads=False).aggregate(
        [("_side", "sum"), ("_side", "count"), ("_row", "list")]
    )
    if pc.all(pc.equal(counted["_side_sum"], 0)).as_py():
        return Difference(old.slice(0, 0), new.slice(0, 0))
    if pc.max(counted["_side_count"]).as_py() > 2 or _twice(counted):
        # rows that stand there twice: they are not told apart, so all of them change
        return Difference(old, new)
    only = [counted.filter(pc.equal(counted["_side_sum"], side)) for side in (-1, 1)]
    gone, added = (pc.list_flatten(rows["_row_list"]) for rows in only)
    return Difference(old.take(gone), new.take(added))


def _twice(counted: pa.Table) -> bool:
    return bool(pc.any(pc.greater(pc.abs(counted["_side_sum"]), 1)).as_py())


def own(columns: pa.Schema) -> pa.Schema:
    return pa.schema([column for column in columns if column.name not in SYSTEM_COLUMNS])
