"""The SQL of an upgrade, for a DBA who runs it: what `migrate.upgrade` would run."""

from collections.abc import Iterator
from io import StringIO

from sqlalchemy import text

from inventory.schema import REVISION
from inventory.schema.dictionary import comments, statements
from inventory.schema.filled import filling, view_comments
from inventory.schema.internal import SUFFIX, move_tables
from inventory.schema.triggers import triggers
from inventory.schema.views import views, with_readers
from inventory.store import derived
from inventory.store.engine import Store
from inventory.store.migrate import alembic_config, current, differs, refuse_existing_names, refuse_unknown

__all__ = ["script", "script_from"]


def script(store: Store) -> Iterator[str]:
    """Yield the SQL that `upgrade` would run, in one transaction; change nothing.

    Raises:
        StoreError: the database cannot be upgraded.
    """
    dialect, place = store.engine.dialect.name, ""
    at = current(store)
    with store.reading() as connection:
        if at is None:
            refuse_existing_names(connection, store)
        if not store.is_sqlite:
            quote = connection.dialect.identifier_preparer.quote_identifier
            if (schema := connection.scalar(text("SELECT current_schema()"))) is not None:
                place = f"SET LOCAL search_path TO {quote(schema)}, {quote(schema + SUFFIX)};"
    if at is not None:
        refuse_unknown(store, at)
    if at == REVISION and not differs(store):
        yield f"-- The database is at revision {REVISION} already, and its views and triggers are as declared."
        return
    yield from script_from(at, dialect, place)


def script_from(at: str | None, dialect: str, place: str = "") -> Iterator[str]:
    """Yield the SQL that leads from a revision, or from an empty database, to this version's revision.

    Args:
        dialect: sqlite or postgresql.
        place: a statement that comes first in the transaction.
    """
    run = "sqlite3 -bail DATABASE < FILE"
    if dialect == "postgresql":
        run = "psql -v ON_ERROR_STOP=1 -f FILE, as the owner of the tables"
    yield f"-- inventory: from {f'revision {at}' if at else 'an empty database'} to revision {REVISION}."
    yield f"-- Make a backup, then run it whole: {run}"
    yield "BEGIN;"
    if place:
        yield place
    if at is None:
        yield from statements(dialect)
    else:
        if dialect == "postgresql":
            yield _REFUSE_OTHER_REVISION.format(at=at)
        else:
            yield from (f"{sql};" for sql in derived.drop_statements(dialect))
        yield _migrations_sql(at, dialect)
        if dialect == "postgresql":
            yield f"{move_tables()};"
        yield from (f"{sql};" for sql in _derived_statements(dialect))
    yield "COMMIT;"


_REFUSE_OTHER_REVISION = """\
SET LOCAL lock_timeout = '60s';
DO $do$
BEGIN
IF (SELECT version_num FROM alembic_version) IS DISTINCT FROM '{at}' THEN
RAISE EXCEPTION 'the database is not at revision {at}';
END IF;
END
$do$;"""


def _migrations_sql(at: str, dialect: str) -> str:
    """Return the SQL of the migrations from a revision on; they keep alembic_version right."""
    from alembic import command

    config = alembic_config()
    config.output_buffer = StringIO()
    config.attributes["dialect"] = dialect
    command.upgrade(config, f"{at}:head", sql=True)
    return config.output_buffer.getvalue().strip()


def _derived_statements(dialect: str) -> Iterator[str]:
    """Yield statements that do what `derived.create` does, without a connection. All comments are written."""
    if dialect == "sqlite":
        yield from derived.drop_statements(dialect)
        yield from (*views(dialect).values(), *triggers(dialect).values())
        yield from (sql.removesuffix(";") for sql in filling())
        return
    for name, sql in views(dialect).items():  # as `derived.create` does it
        replaced = sql.replace("CREATE VIEW", "CREATE OR REPLACE VIEW", 1)
        yield (
            f"DO $do$\nBEGIN\n{replaced};\n"
            f"EXCEPTION WHEN others THEN -- a column left, or has another place\n{_drops(name)}{sql};\nEND\n$do$"
        )
    for name, sql in triggers(dialect).items():
        if (table := derived.trigger_table(name)) is not None:
            yield f"DROP TRIGGER IF EXISTS {name} ON {table}"
        yield sql.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION", 1)
    yield from (sql.removesuffix(";") for sql in (*comments(), *view_comments(), *filling()))


def _drops(name: str) -> str:
    """Return the statements that drop a view, and those of ours that read it: they are created after it."""
    return "".join(f"DROP VIEW IF EXISTS {each};\n" for each in with_readers(name))
