"""Alembic's entry: runs the revisions on the connection that inventory.store.migrate hands over.

`inventory db upgrade` is the way in; the transaction is the caller's, so that all steps are one.
"""

from alembic import context

context.configure(connection=context.config.attributes["connection"], transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
