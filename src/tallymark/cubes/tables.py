"""A cube's table and the statements that roll its grains up: one text for SQLite and PostgreSQL.

One table holds all six grains: `(grain, start_us, dims…, measures…)`. Every generation of a cube
has a table of its own, so that a rebuild never stands in the way of a reader.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict
from functools import lru_cache
from typing import cast

from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Delete,
    Double,
    Insert,
    MetaData,
    Select,
    String,
    Table,
    Text,
    bindparam,
    case,
    delete,
    func,
    insert,
    literal,
    select,
)

from tallymark.calendar.periods import Calendar
from tallymark.calendar.zones import tzdata_version
from tallymark.model import CubeSpec, Grain, Measure, WeekStart

FORMAT = 2
"""Counts up when the tables change: all that an older one made is dropped on sight."""

PREFIX = "cube_"

metadata = MetaData()

cube_state = Table(
    f"{PREFIX}state_{FORMAT}",
    metadata,
    Column("cube", String(400), primary_key=True),
    # the one that is read; 0: none was built yet
    Column("generation", BigInteger, nullable=False),
    # the last one that anybody began to build
    Column("building", BigInteger, nullable=False),
    Column("table_uuid", String(40), nullable=False),
    # what of the lake table it holds: `heads.seq`
    Column("seq", BigInteger, nullable=False),
    Column("spec_digest", String(64), nullable=False),
    Column("calendar_digest", String(200), nullable=False),
)


def spec_digest(spec: CubeSpec) -> str:
    """What the columns are and mean; another one means a rebuild."""
    return hashlib.sha256(json.dumps(asdict(spec), sort_keys=True).encode()).hexdigest()


def calendar_digest(calendar: Calendar) -> str:
    """Which calendar a cube was cut with; `calendar_of` reads it back."""
    parts = (calendar.zone, calendar.week_start, str(calendar.fiscal_start), tzdata_version())
    return " ".join(parts)


def calendar_of(digest: str) -> Calendar | None:
    """The calendar of a digest; None for one of another release of the zones: it is not known."""
    zone, _, rest = digest.partition(" ")
    week_start, fiscal_start, release = rest.split(" ")
    if release != tzdata_version():
        return None
    return Calendar(zone, cast(WeekStart, week_start), int(fiscal_start))


def data_prefix(cube: str) -> str:
    """How the names of a cube's tables begin; short enough for PostgreSQL."""
    slug = re.sub(r"[^a-z0-9]+", "_", cube.lower())[:30]
    return f"{PREFIX}data_{slug}_{hashlib.sha256(cube.encode()).hexdigest()[:8]}_g"


def columns_of(measure: Measure) -> list[str]:
    """A measure's columns; `last` keeps the instant of its reading."""
    at = [f"{measure.name}_at"] if measure.aggregate == "last" else []
    return [measure.name, *at]


def value_columns(spec: CubeSpec) -> list[str]:
    """What a base bucket holds after its grain, in the order in which it is computed."""
    measures = [name for m in spec.measures for name in columns_of(m)]
    return ["start_us", *spec.dimensions, *measures]


@lru_cache(maxsize=200)
def data_table(spec: CubeSpec, generation: int) -> Table:
    # a dimension without a value is '': null could not stand in a key
    keys = [Column(name, Text, primary_key=True) for name in spec.dimensions]
    measures: list[Column[int] | Column[float]] = []
    for measure in spec.measures:
        kind = Double if measure.type == "double" else BigInteger
        measures.append(Column(measure.name, kind, nullable=True))
        if measure.aggregate == "last":
            measures.append(Column(f"{measure.name}_at", BigInteger, nullable=True))
    return Table(
        f"{data_prefix(spec.name)}{generation}",
        MetaData(),
        Column("grain", String(10), primary_key=True),
        Column("start_us", BigInteger, primary_key=True, autoincrement=False),
        *keys,
        *measures,
        sqlite_with_rowid=False,
    )


@lru_cache(maxsize=200)
def clear(spec: CubeSpec, generation: int, grain: Grain) -> Delete:
    """Binds `from_us` and `to_us`."""
    table = data_table(spec, generation)
    return delete(table).where(table.c.grain == grain, *_between(table))


@lru_cache(maxsize=1000)
def roll_up(spec: CubeSpec, generation: int, finer: Grain, grain: Grain) -> Insert:
    """One bucket from those of a finer grain. Binds `from_us` and `to_us`."""
    table = data_table(spec, generation)
    rows = _ranked(table, spec, finer).subquery("finer")
    dimensions = [rows.c[name] for name in spec.dimensions]
    measures = [column for m in spec.measures for column in _rolled(rows.c, m)]
    start = bindparam("from_us", type_=BigInteger)
    bucket = select(literal(grain), start, *dimensions, *measures).group_by(*dimensions)
    return insert(table).from_select(["grain", *value_columns(spec)], bucket)


def _between(table: Table) -> list[ColumnElement[bool]]:
    return [
        table.c.start_us >= bindparam("from_us", type_=BigInteger),
        table.c.start_us < bindparam("to_us", type_=BigInteger),
    ]


def _ranked(table: Table, spec: CubeSpec, finer: Grain) -> Select[tuple[object, ...]]:
    """The finer buckets; of each `last`, the newest reading ranks 1."""
    ranks = [
        func.row_number()
        .over(
            partition_by=[table.c[name] for name in spec.dimensions],
            order_by=table.c[f"{m.name}_at"].desc().nulls_last(),
        )
        .label(_rank(m))
        for m in spec.measures
        if m.aggregate == "last"
    ]
    columns = [table.c[name] for name in value_columns(spec)]
    return select(*columns, *ranks).where(table.c.grain == finer, *_between(table))


def _rolled(rows: object, measure: Measure) -> list[ColumnElement[object]]:
    column = rows[measure.name]  # type: ignore[index]
    match measure.aggregate:
        case "sum" | "count":
            # PostgreSQL sums integers to numeric
            return [func.sum(column).cast(column.type)]
        case "min":
            return [func.min(column)]
        case "max":
            return [func.max(column)]
        case "last":
            newest = case((rows[_rank(measure)] == 1, column))  # type: ignore[index]
            return [func.max(newest), func.max(rows[f"{measure.name}_at"])]  # type: ignore[index]


def _rank(measure: Measure) -> str:
    return f"{measure.name}_rank"
