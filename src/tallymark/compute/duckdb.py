"""DuckDB in the process. No date arithmetic stands in its SQL: rows are joined to the calendar."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

import duckdb
import pyarrow as pa

from tallymark.calendar.table import SLOT_MS
from tallymark.errors import FatalError, RetryableError
from tallymark.lake.views import Reader, scan
from tallymark.model import CubeSpec, Measure, Period
from tallymark.state.schema import to_us

KEY_BYTES = 300
"""PostgreSQL refuses a key of more than 2,704 bytes; the lake keeps the whole text."""

_TYPES = {"long": "BIGINT", "double": "DOUBLE"}


class DuckDBCompute:
    """Computes on the lake's own reader; threads may share it."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def buckets(
        self,
        metadata_location: str,
        spec: CubeSpec,
        base: pa.Table,
        scans: Sequence[Period],
    ) -> pa.Table:
        try:
            with self._reader.cursor() as cursor:
                cursor.register("base", base)
                return _run(cursor, metadata_location, spec, scans)
        except (duckdb.IOException, duckdb.OutOfMemoryException) as error:
            # a compaction took a file away, or memory is short: the next try reads the new pointer
            raise RetryableError(f"{spec.name} could not be read: {error}") from error
        except duckdb.Error as error:
            raise FatalError(f"{spec.name} cannot be computed: {error}") from error


def _run(
    cursor: duckdb.DuckDBPyConnection,
    metadata_location: str,
    spec: CubeSpec,
    scans: Sequence[Period],
) -> pa.Table:
    table = scan(metadata_location)
    try:
        return _fetch(cursor, buckets_sql(spec, table, scans))
    except duckdb.BinderException:
        # a measure of a new field, and no commit since that added its column
        cursor.execute(f"SELECT * FROM {table} LIMIT 0")
        known = {column[0] for column in cursor.description or ()}
        return _fetch(cursor, buckets_sql(spec, table, scans, lacking=_fields(spec) - known))


def _fetch(cursor: duckdb.DuckDBPyConnection, sql: str) -> pa.Table:
    return cursor.execute(sql).to_arrow_table()


def buckets_sql(
    spec: CubeSpec, table: str, scans: Sequence[Period], *, lacking: Collection[str] = ()
) -> str:
    """The query of `buckets`; columns in `lacking` are read as nulls."""
    dimensions = ", ".join(f"{_key(d)} AS {_name(d)}" for d in spec.dimensions)
    measures = ", ".join(column for m in spec.measures for column in _columns(m))
    nulls = "".join(f", {_null(spec, field)} AS {_name(field)}" for field in sorted(lacking))
    reads = " UNION ALL ".join(
        f"SELECT *{nulls} FROM {table}"
        f" WHERE ts >= {_instant(s.start_at)} AND ts < {_instant(s.end_at)}"
        for s in scans
    )
    return (
        f"SELECT base.start_us, {dimensions}, {measures} FROM ({reads or _NOTHING}) AS raw"
        f" JOIN base ON base.slot = epoch_ms(raw.ts) // {SLOT_MS} GROUP BY ALL ORDER BY ALL"
    )


def _null(spec: CubeSpec, field: str) -> str:
    measured = any(field == measure.field for measure in spec.measures)
    return "NULL::BIGINT" if measured else "NULL::VARCHAR"


def _key(dimension: str) -> str:
    """A dimension as a text that is a key in every database: not too long, and without NUL."""
    value = f"CAST(raw.{_name(dimension)} AS VARCHAR)"
    short = f"left(replace({value}, chr(0), '\ufffd'), 60) || '…' || md5({value})"
    odd = f"strlen({value}) > {KEY_BYTES} OR contains({value}, chr(0))"
    return f"coalesce(CASE WHEN {odd} THEN {short} ELSE {value} END, '')"


_NOTHING = "SELECT NULL::TIMESTAMPTZ AS ts WHERE false"


def _columns(measure: Measure) -> list[str]:
    where = " AND ".join(
        f"{_name(field)} IN ({', '.join(map(_value, values))})" for field, values in measure.where
    )
    only = f" FILTER (WHERE {where})" if where else ""
    field, name = _name(measure.field or ""), _name(measure.name)
    kind = _TYPES[measure.type]
    match measure.aggregate:
        case "count":
            # a bucket without a row that counts has no value; whether it is 0 is judged at read
            counted = f"count({field if measure.field else '*'}){only}"
            return [f"nullif({counted}, 0) AS {name}"]
        case "last":
            known = " AND ".join(filter(None, [f"{field} IS NOT NULL", where]))
            return [
                f"CAST(max_by({field}, raw.ts){only} AS {kind}) AS {name}",
                f"epoch_us(max(raw.ts) FILTER (WHERE {known})) AS {_name(measure.name + '_at')}",
            ]
        case "sum" | "min" | "max":
            return [f"CAST({measure.aggregate}({field}){only} AS {kind}) AS {name}"]


def _fields(spec: CubeSpec) -> set[str]:
    found = set(spec.dimensions)
    for measure in spec.measures:
        found.update(field for field, _ in measure.where)
        if measure.field:
            found.add(measure.field)
    return found


def _instant(at: datetime) -> str:
    return f"make_timestamptz({to_us(at)})"


def _name(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'


def _value(value: str | int | float | bool) -> str:
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return str(value)
