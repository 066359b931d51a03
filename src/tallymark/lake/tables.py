"""How a stream's table is made, and how it takes on new columns. No rows here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import Any

import pyarrow as pa
from pyiceberg.catalog import Catalog
from pyiceberg.exceptions import (
    NamespaceAlreadyExistsError,
    NoSuchTableError,
    TableAlreadyExistsError,
)
from pyiceberg.partitioning import PartitionField, PartitionSpec
from pyiceberg.schema import Schema
from pyiceberg.table import Table, Transaction
from pyiceberg.transforms import DayTransform, MonthTransform, Transform
from pyiceberg.types import (
    BooleanType,
    DoubleType,
    FloatType,
    IntegerType,
    LongType,
    NestedField,
    PrimitiveType,
    StringType,
    TimestamptzType,
)
from sqlalchemy.exc import IntegrityError

from tallymark.errors import ConfigError, FatalError
from tallymark.lake import decode
from tallymark.model import Stream

PROPERTIES: Mapping[str, str] = MappingProxyType(
    {
        # no delete files: any reader of Parquet sees the rows as they are
        "write.delete.mode": "copy-on-write",
        "write.update.mode": "copy-on-write",
        "write.merge.mode": "copy-on-write",
        # an append beside a restatement or a compaction is no conflict: each takes away only rows
        # or files that it names, and that is checked
        "write.delete.isolation-level": "snapshot",
        "write.update.isolation-level": "snapshot",
        "commit.manifest-merge.enabled": "true",
        "commit.manifest.min-count-to-merge": "20",
        "commit.retry.num-retries": "50",
        "commit.retry.min-wait-ms": "10",
        "commit.retry.max-wait-ms": "200",
        "write.metadata.delete-after-commit.enabled": "true",
        # a reader holds a metadata path for as long as it reads
        "write.metadata.previous-versions-max": "100",
        # files are bounded by their rows: a batch, or what a compaction joins
        "write.target-file-size-bytes": str(2**32),
        # one hour of a large file is read without the rest of it
        "write.parquet.row-group-limit": "131072",
    }
)

_ICEBERG: Mapping[pa.DataType, PrimitiveType] = {
    pa.int64(): LongType(),
    pa.float64(): DoubleType(),
    pa.string(): StringType(),
    pa.bool_(): BooleanType(),
    decode.INSTANT: TimestamptzType(),
}
_WIDENS: Mapping[PrimitiveType, PrimitiveType] = {
    IntegerType(): LongType(),
    FloatType(): DoubleType(),
}
_NAME = re.compile(r"[A-Za-z0-9_-]+")


def identifier(table: str) -> tuple[str, str]:
    """`github.repositories` as namespace and name.

    Raises: ConfigError for a name that cannot be a folder's.
    """
    parts = table.split(".")
    if len(parts) != 2 or not all(_NAME.fullmatch(part) for part in parts):
        raise ConfigError(
            f"{table!r} cannot name a table: use <source>.<stream> of letters, digits, _ and -"
        )
    return parts[0], parts[1]


def load_or_create(catalog: Catalog, table: str, stream: Stream) -> Table:
    """The stream's table; made without rows where there is none."""
    namespace, name = identifier(table)
    try:
        return catalog.load_table((namespace, name))
    except NoSuchTableError:
        return _create(catalog, namespace, name, stream)


def _create(catalog: Catalog, namespace: str, name: str, stream: Stream) -> Table:
    # where another process is faster; PyIceberg maps only what it looked for beforehand
    with suppress(NamespaceAlreadyExistsError, IntegrityError):
        catalog.create_namespace_if_not_exists(namespace)
    try:
        return catalog.create_table(
            (namespace, name),
            schema=_schema(stream),
            partition_spec=_partitions(stream),
            location=f"{catalog.properties['warehouse']}/{namespace}/{name}",
            properties=dict(PROPERTIES),
        )
    except TableAlreadyExistsError:
        return catalog.load_table((namespace, name))


def _schema(stream: Stream) -> Schema:
    return Schema(
        *(
            NestedField(n, field.name, _ICEBERG[field.type], required=False)
            for n, field in enumerate(decode.schema(stream), 1)
        )
    )


def _partitions(stream: Stream) -> PartitionSpec:
    transform: Transform[Any, Any] = (
        DayTransform() if stream.partition == "day" else MonthTransform()
    )
    return PartitionSpec(PartitionField(1, 1000, transform, f"ts_{stream.partition}"))


def lacks(table: Table, columns: pa.Schema) -> bool:
    """Whether the table must take on a column, or a wider type, before it takes such rows.

    Raises: FatalError where a type changed in a way that no reader could follow.
    """
    known = {field.name: field.field_type for field in table.schema().fields}
    lacking = False
    for column in columns:
        there, wanted = known.get(column.name), _ICEBERG[column.type]
        if there == wanted:
            continue
        if there is not None and _WIDENS.get(there) != wanted:  # type: ignore[call-overload]
            raise FatalError(
                f"the column {column.name} of {'.'.join(table.name())} holds {there}, and cannot "
                f"become {wanted}: give the new field a name of its own, then replay"
            )
        lacking = True
    return lacking


def take_on(tx: Transaction, columns: pa.Schema) -> None:
    """Add the columns that are new and widen those that must be, in the commit of `tx`."""
    with tx.update_schema() as change:
        change.union_by_name(columns)
