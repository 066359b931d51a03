"""The tables of the control database and of the inbox, for SQLite and PostgreSQL alike.

Instants are stored as microseconds since 1970 UTC (`Instant`), so that both databases compare
them alike. `cubes.db` has no schema here: `cubes/store.py` makes it on sight.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Dialect,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    text,
)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def to_us(at: datetime) -> int:
    """Microseconds since 1970 UTC. Raises: ValueError for a naive instant."""
    if at.tzinfo is None:
        raise ValueError(f"{at!r} has no time zone")
    return (at - EPOCH) // MICROSECOND


def from_us(us: int) -> datetime:
    return EPOCH + us * MICROSECOND


class Instant(TypeDecorator[datetime]):
    """An aware instant, kept as microseconds since 1970 UTC."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        return None if value is None else to_us(value)

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        return None if value is None else from_us(value)


# SQLite counts up only an INTEGER PRIMARY KEY
Id = BigInteger().with_variant(Integer, "sqlite")

control = MetaData()

revisions = Table(
    "revisions",
    control,
    Column("revision", Id, primary_key=True),
    Column("at", Instant, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("workspace", JSON, nullable=False),
)

tokens = Table(
    "tokens",
    control,
    Column("id", Id, primary_key=True),
    Column("name", String(200), nullable=False, unique=True),
    Column("scope", String(20), nullable=False),
    Column("hash", String(64), nullable=False, unique=True),
    Column("created_at", Instant, nullable=False),
)

counters = Table(
    "counters",
    control,
    Column("name", String(50), primary_key=True),
    Column("value", BigInteger, nullable=False),
)

boots = Table(
    "boots",
    control,
    Column("boot", String(40), primary_key=True),
    Column("node", String(200), nullable=False),
    Column("lock_path", Text, nullable=True),
    Column("beat_no", BigInteger, nullable=False),
    Column("started_at", Instant, nullable=False),
    Column("beat_at", Instant, nullable=False),
    # set by a clean stop: what it left open may be taken at once
    Column("ended_at", Instant, nullable=True),
)

objects = Table(
    "objects",
    control,
    Column("id", Id, primary_key=True),
    # collect | flush | cube | maintain | report
    Column("kind", String(20), nullable=False),
    Column("source", String(200), nullable=False),
    Column("stream", String(200), nullable=False),
    Column("subject", String(500), nullable=False),
    # active | paused | removed
    Column("state", String(20), nullable=False),
    Column("every", String(100), nullable=False),
    Column("catch_up", String(20), nullable=False, server_default="all"),
    Column("start_at", Instant, nullable=False),
    # all before this instant is settled (final, missing or failed): what is due lies after it
    Column("settled_at", Instant, nullable=False),
    # not looked at before this instant; set by whoever looked last
    Column("check_at", Instant, nullable=False),
    # when `check_at` was set: in the future, the clock has stepped back and it no longer counts
    Column("checked_at", Instant, nullable=False),
    # failure is data; all null and 0 while all is well
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("last_error", Text, nullable=True),
    Column("advice", Text, nullable=True),
    Column("failing_since_at", Instant, nullable=True),
    # bumped first in every transaction that rewrites the object's coverage: the row lock
    Column("version", BigInteger, nullable=False, server_default="0"),
    UniqueConstraint("kind", "source", "stream", "subject"),
    Index("objects_to_check", "state", "check_at"),
)

coverage = Table(
    "coverage",
    control,
    Column("object_id", ForeignKey("objects.id"), primary_key=True),
    Column("start_at", Instant, primary_key=True),
    Column("end_at", Instant, nullable=False),
    # read | final | waiting | missing | failed
    Column("state", String(20), nullable=False),
    Column("read_at", Instant, nullable=True),
    Column("note", Text, nullable=False, server_default=""),
)

tasks = Table(
    "tasks",
    control,
    Column("id", Id, primary_key=True),
    Column("object_id", ForeignKey("objects.id"), nullable=False),
    # null where the work has no span (a flush, a cube's refresh)
    Column("start_at", Instant, nullable=True),
    Column("end_at", Instant, nullable=True),
    Column("revision", Integer, nullable=False, server_default="1"),
    # running | waiting | done | released | failed
    Column("state", String(20), nullable=False),
    Column("owner", ForeignKey("boots.boot"), nullable=True),
    Column("claim_no", Integer, nullable=False),
    # how often its process died under it
    Column("deaths", Integer, nullable=False, server_default="0"),
    Column("next_try_at", Instant, nullable=True),
    # when `next_try_at` was set, as an object's `checked_at`
    Column("parked_at", Instant, nullable=True),
    Column("created_at", Instant, nullable=False),
    Column("ended_at", Instant, nullable=True),
    Column("error", Text, nullable=True),
    # what a kind of work keeps between claims (a flush: its stamp)
    Column("note", Text, nullable=True),
    Index("tasks_open", "state", "owner"),
    Index("tasks_of_an_object", "object_id", "id"),
    Index(
        "tasks_one_open_an_object",
        "object_id",
        unique=True,
        sqlite_where=text("state IN ('running', 'waiting')"),
        postgresql_where=text("state IN ('running', 'waiting')"),
    ),
)

calls = Table(
    "calls",
    control,
    Column("id", Id, primary_key=True),
    Column("object_id", ForeignKey("objects.id"), nullable=False),
    Column("task_id", ForeignKey("tasks.id"), nullable=False),
    Column("claim_no", Integer, nullable=False),
    Column("n", Integer, nullable=False),
    Column("url", Text, nullable=False),
    Column("status", Integer, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("quota_left", BigInteger, nullable=True),
    Column("cursor", Text, nullable=True),
    Column("archive_key", Text, nullable=False),
    Column("etag", Text, nullable=True),
    Column("repeats", Text, nullable=True),
    Column("received_at", Instant, nullable=False),
    # the pages of an attempt whose cursor died stay on record, but are not used
    Column("superseded", Integer, nullable=False, server_default="0"),
    UniqueConstraint("task_id", "claim_no", "n"),
    Index("calls_by_url", "object_id", "url", "id"),
)

batches = Table(
    "batches",
    control,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("object_id", ForeignKey("objects.id"), nullable=False),
    Column("task_id", ForeignKey("tasks.id"), nullable=False),
    Column("lake_table", String(400), nullable=False),
    Column("start_at", Instant, nullable=True),
    Column("end_at", Instant, nullable=True),
    # the pages [first_page, end_page) of the task
    Column("first_page", Integer, nullable=False),
    Column("end_page", Integer, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("snapshot_id", BigInteger, nullable=True),
    Column("committed_at", Instant, nullable=False),
    Index("batches_of_an_object", "object_id", "id"),
    Index("batches_by_end", "object_id", "end_at"),
    Index("batches_of_a_task", "task_id", "first_page"),
)

quarantine = Table(
    "quarantine",
    control,
    Column("id", Id, primary_key=True),
    Column("object_id", ForeignKey("objects.id"), nullable=False),
    Column("batch_id", BigInteger, nullable=False),
    Column("call_id", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    # the record's first 4 KB
    Column("text", Text, nullable=False),
    Column("at", Instant, nullable=False),
    Index("quarantine_by_batch", "batch_id"),
)

heads = Table(
    "heads",
    control,
    Column("lake_table", String(400), primary_key=True),
    Column("table_uuid", String(40), nullable=False),
    Column("snapshot_id", BigInteger, nullable=True),
    Column("seq", BigInteger, nullable=False),
    # when upkeep was done last, and at which number
    Column("kept_up_at", Instant, nullable=True),
    Column("kept_up_seq", BigInteger, nullable=True),
)

touched = Table(
    "touched",
    control,
    Column("lake_table", String(400), primary_key=True),
    # hours since 1970 UTC
    Column("hour", BigInteger, primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("marked_at", Instant, nullable=False),
    Index("touched_since", "lake_table", "seq"),
)

listening = Table(
    "listening",
    control,
    # one row a stretch: while a receiver listens it moves `to_at` forward
    Column("boot", String(40), primary_key=True),
    Column("source", String(200), primary_key=True),
    Column("from_at", Instant, primary_key=True),
    Column("to_at", Instant, nullable=False),
    Index("listening_by_source", "source", "to_at"),
)

budgets = Table(
    "budgets",
    control,
    Column("name", String(300), primary_key=True),
    Column("tokens", Double, nullable=False),
    Column("at", Instant, nullable=False),
    Column("blocked_until_at", Instant, nullable=True),
)

reports = Table(
    "reports",
    control,
    Column("report_id", String(100), primary_key=True),
    Column("object_id", ForeignKey("objects.id"), nullable=False, unique=True),
    Column("report_name", Text, nullable=False),
    # ENABLED | DISABLED
    Column("status", String(20), nullable=False),
    # the request as it was received
    Column("report_config", Text, nullable=False),
    Column("spec", JSON, nullable=False),
    # counts its changes; the object with the query was written for `query_version`
    Column("version", Integer, nullable=False),
    Column("query_version", Integer, nullable=False, server_default="0"),
    Column("unchecked", Integer, nullable=False, server_default="0"),
    Column("warnings", JSON, nullable=False),
    # where its files go: the store's address and the prefix
    Column("location", Text, nullable=False),
    Column("created_at", Instant, nullable=False),
    Column("changed_at", Instant, nullable=False),
    # all dates that were due up to this instant have their run
    Column("planned_to_at", Instant, nullable=False),
    # when the files of its last runs were looked at in the store
    Column("looked_at", Instant, nullable=True),
)

report_runs = Table(
    "report_runs",
    control,
    Column("id", Id, primary_key=True),
    Column("report_id", ForeignKey("reports.report_id"), nullable=False),
    # dates of the report's calendar, both included
    Column("first_on", String(10), nullable=False),
    Column("end_on", String(10), nullable=False),
    # the same as instants, half-open
    Column("start_at", Instant, nullable=False),
    Column("end_at", Instant, nullable=False),
    Column("revision", Integer, nullable=False),
    # SUBMITTED | PROCESSING | RETRY | SUCCESS | FAILED
    Column("state", String(20), nullable=False),
    # 1: it is asked for again by itself (also a late FAILED one, until 30 days after it was due)
    Column("open", Integer, nullable=False),
    Column("due_at", Instant, nullable=False),
    # when this revision was made: `timestamp` in its file's name
    Column("made_at", Instant, nullable=False),
    Column("deadline_at", Instant, nullable=False),
    # not looked at before; with `checked_at` as an object's
    Column("check_at", Instant, nullable=False),
    Column("checked_at", Instant, nullable=False),
    Column("waits_for", Text, nullable=True),
    Column("waiting_since_at", Instant, nullable=True),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("begun_at", Instant, nullable=True),
    Column("ended_at", Instant, nullable=True),
    Column("seconds", Double, nullable=True),
    Column("rows", BigInteger, nullable=True),
    Column("bytes", BigInteger, nullable=True),
    Column("error", Text, nullable=True),
    Column("advice", Text, nullable=True),
    Column("location", Text, nullable=True),
    Column("sha256", String(64), nullable=True),
    Column("warnings", JSON, nullable=False),
    # why a person made this revision
    Column("reason", Text, nullable=True),
    # what the engine noted at earlier looks
    Column("memory", JSON, nullable=False),
    UniqueConstraint("report_id", "end_on", "revision"),
    Index("report_runs_open", "report_id", "open", "end_on"),
)

report_files = Table(
    "report_files",
    control,
    Column("run_id", ForeignKey("report_runs.id"), primary_key=True),
    # below the report's prefix
    Column("path", String(1024), primary_key=True),
    # file | manifest
    Column("kind", String(20), nullable=False),
    # absent: it was replaced or deleted since
    Column("present", Integer, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("etag", Text, nullable=False),
    # where it was copied to before it was replaced
    Column("backup", Text, nullable=True),
)

# PyIceberg's SqlCatalog, schema V1; owned by our migrations
iceberg_tables = Table(
    "iceberg_tables",
    control,
    Column("catalog_name", String(255), primary_key=True),
    Column("table_namespace", String(255), primary_key=True),
    Column("table_name", String(255), primary_key=True),
    Column("metadata_location", String(1000), nullable=True),
    Column("previous_metadata_location", String(1000), nullable=True),
    Column("iceberg_type", String(5), nullable=True),
)

iceberg_namespace_properties = Table(
    "iceberg_namespace_properties",
    control,
    Column("catalog_name", String(255), primary_key=True),
    Column("namespace", String(255), primary_key=True),
    Column("property_key", String(255), primary_key=True),
    Column("property_value", String(1000), nullable=False),
)

inbox_metadata = MetaData()

inbox = Table(
    "inbox",
    inbox_metadata,
    Column("id", Id, primary_key=True),
    Column("source", String(200), nullable=False),
    Column("received_at", Instant, nullable=False),
    Column("dedupe_id", Text, nullable=True),
    Column("headers", JSON, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("stamp", BigInteger, nullable=True),
    Index("inbox_waiting", "source", "stamp", "received_at"),
)

seen = Table(
    "seen",
    inbox_metadata,
    Column("source", String(200), primary_key=True),
    Column("dedupe_id", String(300), primary_key=True),
    Column("accepted_at", Instant, nullable=False),
    Index("seen_by_age", "source", "accepted_at"),
)

accepted = Table(
    "accepted",
    inbox_metadata,
    Column("source", String(200), primary_key=True),
    # the last accepted request before the one at hand is what `seen` is forgotten from
    Column("at", Instant, nullable=False),
)
