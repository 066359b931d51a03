"""Upkeep of one table: small files are joined, old snapshots cut, dead files removed.

compact ─▶ expire ─▶ sweep         each is right alone, and after any crash
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from pyiceberg.conversions import from_bytes
from pyiceberg.expressions import AlwaysTrue
from pyiceberg.io.pyarrow import ArrowScan, _dataframe_to_data_files
from pyiceberg.table import FileScanTask, Table
from pyiceberg.transforms import DayTransform, MonthTransform
from pyiceberg.types import PrimitiveType
from sqlalchemy import Connection

from tallymark.clock import Clock, SystemClock
from tallymark.lake import tables
from tallymark.lake.catalog import MOST_SNAPSHOTS, Step
from tallymark.lake.commit import Lake
from tallymark.lake.compact import DataFile, bins
from tallymark.lake.sweep import sweep

Check = Callable[[Connection], None]
"""The claim's check, first in every transaction; raises ClaimLost."""


@dataclass(frozen=True, slots=True)
class Maintained:
    """What was done: rewritten data files, snapshots cut, files removed."""

    n_compacted: int
    n_expired: int
    n_swept: int


def maintain(
    lake: Lake, table: str, now: datetime, check: Check, *, files_clock: Clock | None = None
) -> Maintained:
    """Do all that is due for a table; `files_clock` is the real one, whatever `now` says.

    Raises: ClaimLost; CommitConflict.
    """
    n_compacted = 0
    while done := lake.repeated(table, lambda: _compact_next(lake, table, now, check)):
        n_compacted += done
    n_expired = lake.repeated(table, lambda: _expire(lake, table, check))
    real_now = (files_clock or SystemClock()).now()
    identifier = tables.identifier(table)
    swept = sweep(lambda: lake.catalog.load_table(identifier), real_now)
    return Maintained(n_compacted, n_expired, len(swept))


def _compact_next(lake: Lake, name: str, now: datetime, check: Check) -> int:
    table = lake.catalog.load_table(tables.identifier(name))
    if (unit := _unit(table)) is None:
        return 0
    tasks = {task.file.file_path: task for task in table.scan().plan_files()}
    files = [_data_file(table, task) for task in tasks.values() if _is_ours(table, task)]
    found = next(bins(files, unit, now), None)
    if found is None:
        return 0
    taken = [tasks[path] for path in sorted(found)]
    written = _rewrite(lake, table, taken, check)
    if written >= len(taken) and not any(task.delete_files for task in taken):
        # rows so wide that they need as many files again: no use in going on
        return 0
    return len(taken)


def _unit(table: Table) -> Literal["day", "month"] | None:
    fields = table.spec().fields
    if len(fields) != 1:
        return None
    match fields[0].transform:
        case DayTransform():
            return "day"
        case MonthTransform():
            return "month"
    return None


def _is_ours(table: Table, task: FileScanTask) -> bool:
    # files of an older partitioning, or without a ts, stay as they are
    same_spec = task.file.spec_id == table.spec().spec_id
    return same_spec and task.file.partition[0] is not None


def _data_file(table: Table, task: FileScanTask) -> DataFile:
    ts = table.schema().find_field("ts")
    assert isinstance(ts.field_type, PrimitiveType)
    bound = (task.file.lower_bounds or {}).get(ts.field_id)
    return DataFile(
        path=task.file.file_path,
        partition=int(task.file.partition[0]),
        first_us=0 if bound is None else int(from_bytes(ts.field_type, bound)),
        n_rows=task.file.record_count,
        has_deletes=bool(task.delete_files),
    )


def _rewrite(lake: Lake, table: Table, tasks: list[FileScanTask], check: Check) -> int:
    """The same rows in fewer files: no hour is marked. Returns how many it wrote."""
    reader = ArrowScan(table.metadata, table.io, table.schema(), AlwaysTrue())
    rows = reader.to_table(tasks).sort_by("ts")
    change = lake.joined(table, lambda tx, _step: check(tx))
    properties = {"tallymark.kind": "compact"}
    with change.update_snapshot(snapshot_properties=properties).overwrite() as files:
        # no predicate: only somebody else's change of these very files is a conflict
        for task in tasks:
            files.delete_data_file(task.file)
        written = list(_dataframe_to_data_files(table.metadata, rows, table.io))
        for file in written:
            files.append_data_file(file)
    change.commit_transaction()
    return len(written)


def _expire(lake: Lake, name: str, check: Check) -> int:
    """Cut what other writers left: our own commits keep the number down by themselves."""
    table = lake.catalog.load_table(tables.identifier(name))
    before = len(table.metadata.snapshots)
    if before <= MOST_SNAPSHOTS:
        return 0

    def in_commit(tx: Connection, step: Step) -> None:
        check(tx)

    lake.joined(table, in_commit)
    # a commit of nothing: what is too much goes with it
    after = table.catalog.commit_table(table, (), ())
    return before - len(after.metadata.snapshots)
