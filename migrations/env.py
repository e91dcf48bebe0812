"""Alembic's entry point: run the revisions on the connection that inventory.store.migrate passes.

Use `inventory db upgrade`. The caller owns the transaction, so that all steps share one.
"""

from alembic import context

context.configure(connection=context.config.attributes["connection"], transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
