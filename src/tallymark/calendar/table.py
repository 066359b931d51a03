"""The calendar table: the only date arithmetic that an engine ever sees.

One row a slot of 15 minutes, with the starts of the hour, day, week, month, quarter and year that
it falls in. Raw rows are joined to it on `epoch_ms // 900000`.
"""

from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.compute as pc

from tallymark.calendar.edges import edges
from tallymark.calendar.periods import Calendar, ceil_s, floor_s
from tallymark.model import GRAINS, Grain

FIRST_AT = datetime(1980, 1, 1, tzinfo=UTC)
"""Before it not every zone's hours start at a slot's start."""

SLOT_S = 900
SLOT_MS = SLOT_S * 1000

SCHEMA = pa.schema([("slot", pa.int64()), *((grain, pa.int64()) for grain in GRAINS)])


def calendar_table(calendar: Calendar, start_at: datetime, end_at: datetime) -> pa.Table:
    """Every slot that meets `[start_at, end_at)`.

    Shape: a row a slot, ascending; columns slot, hour, day, week, month, quarter, year.
    Units: slot counts 15 minutes from 1970; the others are microseconds from 1970, UTC.
    Raises: ValueError for a range that begins before FIRST_AT.
    """
    if start_at < FIRST_AT:
        raise ValueError(f"the calendar table begins at {FIRST_AT}, not at {start_at}")
    first, end = floor_s(start_at) // SLOT_S, -(-ceil_s(end_at) // SLOT_S)
    if end_at <= start_at:
        return SCHEMA.empty_table()
    columns = [_starts(calendar, grain, first, end) for grain in GRAINS]
    return pa.table([pa.arange(first, end), *columns], schema=SCHEMA)


def _starts(calendar: Calendar, grain: Grain, first: int, end: int) -> pa.Array:
    """For each slot, when its period of this grain starts."""
    found = edges(calendar.offsets, grain, first * SLOT_S, end * SLOT_S, calendar.cut)
    starts = pa.array([edge * 1_000_000 for edge in found[:-1]], pa.int64())
    run_ends = pa.array([min(edge // SLOT_S, end) - first for edge in found[1:]], pa.int64())
    return pc.run_end_decode(pa.RunEndEncodedArray.from_arrays(run_ends, starts))
