"""Reports, their runs and files, and the founding tables as views."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "control_0002"
down_revision = "control_0001"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

# an instant as people read it: SQLite has no type for one
SHOWN = {
    "sqlite": "strftime('%Y-%m-%dT%H:%M:%SZ', {} / 1000000, 'unixepoch')",
    "postgresql": "to_timestamp({} / 1000000)",
}
CONFIGURATION = """
CREATE VIEW reports_configuration AS
SELECT r.report_id, r.report_config, r.status, r.location AS report_output_location,
  (SELECT {generated} FROM report_runs g
   WHERE g.report_id = r.report_id AND g.state = 'SUCCESS') AS report_last_generated
FROM reports r
"""
REQUEST = """
CREATE VIEW job_request AS
SELECT 'druid-reports-' || report_id AS job_name,
  report_id || ':' || end_on || ':' || revision AS request_id,
  state AS status, report_id, first_on AS start_date, end_on AS end_date, revision,
  attempts AS iteration, waits_for, error AS err_message, location,
  {submitted} AS dt_job_submitted, {processing} AS dt_job_processing,
  {completed} AS dt_job_completed, rows AS output_rows, bytes AS file_size, seconds AS execution_s
FROM report_runs
"""


def upgrade() -> None:
    op.create_table(
        "reports",
        sa.Column("report_id", sa.String(length=100), nullable=False),
        sa.Column("object_id", ID, nullable=False),
        sa.Column("report_name", sa.Text(), nullable=False),
        sa.Column("status", sa.String(length=20), nullable=False),
        sa.Column("report_config", sa.Text(), nullable=False),
        sa.Column("spec", sa.JSON(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("query_version", sa.Integer(), server_default="0", nullable=False),
        sa.Column("unchecked", sa.Integer(), server_default="0", nullable=False),
        sa.Column("warnings", sa.JSON(), nullable=False),
        sa.Column("location", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.Column("planned_to_at", sa.BigInteger(), nullable=False),
        sa.Column("looked_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["object_id"], ["objects.id"]),
        sa.PrimaryKeyConstraint("report_id"),
        sa.UniqueConstraint("object_id"),
    )
    op.create_table(
        "report_runs",
        sa.Column("id", ID, nullable=False),
        sa.Column("report_id", sa.String(length=100), nullable=False),
        sa.Column("first_on", sa.String(length=10), nullable=False),
        sa.Column("end_on", sa.String(length=10), nullable=False),
        sa.Column("start_at", sa.BigInteger(), nullable=False),
        sa.Column("end_at", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=20), nullable=False),
        sa.Column("open", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("deadline_at", sa.BigInteger(), nullable=False),
        sa.Column("check_at", sa.BigInteger(), nullable=False),
        sa.Column("checked_at", sa.BigInteger(), nullable=False),
        sa.Column("waits_for", sa.Text(), nullable=True),
        sa.Column("waiting_since_at", sa.BigInteger(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("begun_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("seconds", sa.Double(), nullable=True),
        sa.Column("rows", sa.BigInteger(), nullable=True),
        sa.Column("bytes", sa.BigInteger(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("advice", sa.Text(), nullable=True),
        sa.Column("location", sa.Text(), nullable=True),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.Column("warnings", sa.JSON(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("memory", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["report_id"], ["reports.report_id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("report_id", "end_on", "revision"),
    )
    op.create_index("report_runs_open", "report_runs", ["report_id", "open", "end_on"])
    op.create_table(
        "report_files",
        sa.Column("run_id", ID, nullable=False),
        sa.Column("path", sa.String(length=1024), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("present", sa.Integer(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("etag", sa.Text(), nullable=False),
        sa.Column("backup", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["run_id"], ["report_runs.id"]),
        sa.PrimaryKeyConstraint("run_id", "path"),
    )
    shown = SHOWN[op.get_bind().dialect.name]
    op.execute(CONFIGURATION.format(generated=shown.format("max(g.ended_at)")))
    op.execute(
        REQUEST.format(
            submitted=shown.format("made_at"),
            processing=shown.format("begun_at"),
            completed=shown.format("ended_at"),
        )
    )
