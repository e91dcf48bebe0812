"""The schema of the internal tables on PostgreSQL: named after that of the other tables, with `_internal` added.

Analysts' sessions do not see it. Our own have it at the end of search_path (`store.postgresql`), so that statements
name all tables alike; only here does it matter where a table is. On SQLite there are no schemas.
"""

__all__ = ["SUFFIX", "drop_schema", "move_tables"]

SUFFIX = "_internal"
_COMMENT = "Tables that inventory needs for itself: digests, signatures, a cache"
_MAX_NAME = 63  # bytes; PostgreSQL cuts a longer name


def move_tables() -> str:
    """Return the statement that creates the schema if there is none, and moves the internal tables into it.

    Migrations create all tables in one schema; this follows the last of them. It also puts the schema on search_path,
    until the transaction ends.
    """
    from inventory.schema.ledger import INTERNAL  # each connection imports this module; few need the tables

    names = ", ".join(f"'{name}'" for name in INTERNAL)
    return f"""\
DO $do$
DECLARE
  home text := current_schema();
  place text := current_schema() || '{SUFFIX}';
  name text;
BEGIN
  IF octet_length(place) > {_MAX_NAME} THEN
    RAISE EXCEPTION 'the name of the schema is longer than {_MAX_NAME - len(SUFFIX)} bytes: %', home;
  END IF;
  IF to_regnamespace(quote_ident(place)) IS NULL THEN
    EXECUTE format('CREATE SCHEMA %I', place);
    EXECUTE format('COMMENT ON SCHEMA %I IS %L', place, '{_COMMENT}');
  END IF;
  FOR name IN
    SELECT tablename FROM pg_tables WHERE schemaname = home
    AND tablename IN ({names})
  LOOP
    EXECUTE format('ALTER TABLE %I.%I SET SCHEMA %I', home, name, place);
  END LOOP;
  PERFORM set_config('search_path', format('%I, %I', home, place), true);
END
$do$"""  # noqa: S608  # no user input


def drop_schema() -> str:
    """Return the statement that drops the schema, unless it is not empty or another user's."""
    return f"""\
DO $do$
BEGIN
  EXECUTE format('DROP SCHEMA IF EXISTS %I', current_schema() || '{SUFFIX}');
EXCEPTION WHEN dependent_objects_still_exist OR insufficient_privilege THEN
END
$do$"""
