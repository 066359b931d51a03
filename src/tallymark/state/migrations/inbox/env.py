"""How Alembic runs the inbox line: on the connection that it is handed."""

from __future__ import annotations

from alembic import context

from tallymark.state.schema import inbox_metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=inbox_metadata,
    version_table="alembic_version_inbox",
)
with context.begin_transaction():
    context.run_migrations()
