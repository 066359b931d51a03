"""How Alembic runs the control line: on the connection that it is handed."""

from __future__ import annotations

from alembic import context

from tallymark.state.schema import control

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=control,
    version_table="alembic_version_control",
)
with context.begin_transaction():
    context.run_migrations()
