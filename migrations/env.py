"""Alembic's entry: runs the migrations on the connection that agentvoice.storage.schema opened.

There is no alembic.ini: `agentvoice db upgrade` is the way in. The caller holds the lock and the
transaction, so a migration that fails half-way leaves nothing behind, on SQLite too.
"""

from alembic import context

from agentvoice.storage.publication_models import EventRow

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=EventRow.metadata,
    transactional_ddl=True,
    render_as_batch=True,  # SQLite alters a table by copying it
)
with context.begin_transaction():
    context.run_migrations()
