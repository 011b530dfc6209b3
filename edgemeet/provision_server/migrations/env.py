"""Run by alembic with a connection that `schema` made."""

from __future__ import annotations

from alembic import context

from edgemeet.provision_server.tables import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    render_as_batch=True,
    transaction_per_migration=False,
)
with context.begin_transaction():
    context.run_migrations()
