"""Alembic's entry point: run the revisions on the connection that inventory.store.migrate passes, or print their SQL.

Use `inventory db upgrade`. The caller owns the transaction, so that all steps share one; it prints BEGIN and COMMIT too.
"""

from alembic import context

if context.is_offline_mode():
    name = context.config.attributes["dialect"]
    context.configure(dialect_name=name, dialect_opts={"paramstyle": "named"}, transactional_ddl=False)
else:
    context.configure(connection=context.config.attributes["connection"], transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
