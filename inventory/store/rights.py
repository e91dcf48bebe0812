"""The rights that each role needs on PostgreSQL: as GRANT statements, and which of them a user lacks.

owner: makes and upgrades the tables. writer: exports, prunes, retires. reader: shows and compares. viewer: reads views.
"""

import shlex
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, text

from inventory.schema import ENTITIES, JOB_DIGESTS
from inventory.schema.internal import SUFFIX
from inventory.schema.ledger import (
    CALENDAR,
    CHECK_TABLES,
    DICTIONARY,
    ENUM_VALUES,
    INTERNAL,
    MAINTENANCE,
    METADATA,
    REPORT_SETTINGS,
    SERVED,
    SIGNATURES,
    SNAPSHOT_COUNTS,
    SNAPSHOTS,
    SOURCES,
    VERSION,
)
from inventory.schema.triggers import triggers
from inventory.schema.views import views

__all__ = ["ROLES", "VIEWER", "explain", "grants", "hidden_schema", "missing"]

ROLES = ("reader", "writer", "owner")  # each may do what those before it may, and is what a command needs
VIEWER = "viewer"  # of dashboards; no command needs it

_SEQUENCES = tuple(f"{table.name}_id_seq" for table in (SOURCES, SNAPSHOTS, *CHECK_TABLES))
_WRITTEN = {  # what a writer needs besides SELECT; all of it on the tables of the current state
    **dict.fromkeys((SOURCES.name, SNAPSHOTS.name), ("INSERT", "UPDATE")),
    **{entity.history.name: ("INSERT", "DELETE") for entity in (*ENTITIES, JOB_DIGESTS)},
    SIGNATURES.name: ("INSERT",),
    SERVED.name: ("INSERT", "DELETE"),
    MAINTENANCE.name: ("UPDATE",),
    CALENDAR.name: ("INSERT",),
    SNAPSHOT_COUNTS.name: ("INSERT", "DELETE"),
    REPORT_SETTINGS.name: ("INSERT", "UPDATE"),
    **{table.name: ("INSERT",) for table in CHECK_TABLES},
    ENUM_VALUES.name: (),
    DICTIONARY.name: (),
    VERSION.name: (),
}
_UNREAD = (SERVED.name,)  # a cache of the writer
_VIEWED = (
    SNAPSHOT_COUNTS,
    CALENDAR,
    ENUM_VALUES,
    DICTIONARY,
)  # tables to join views with, or that explain them

_MISSING = text(
    "SELECT n AS name, string_agg(r, ', ' ORDER BY nth) AS rights"
    " FROM unnest(CAST(:names AS text[]), CAST(:rights AS text[])) WITH ORDINALITY AS w(n, r, nth)"
    " WHERE to_regclass(n) IS NOT NULL AND CASE WHEN n LIKE '%\\_id\\_seq'"
    " THEN NOT has_sequence_privilege(CAST(to_regclass(n) AS oid), r)"
    " ELSE NOT has_table_privilege(CAST(to_regclass(n) AS oid), r) END GROUP BY n ORDER BY min(nth)"
)
_NOT_OWNED = text(
    "SELECT c.oid::regclass::text FROM unnest(CAST(:names AS text[])) WITH ORDINALITY AS w(n, nth)"
    " JOIN pg_class c ON c.oid = to_regclass(n) WHERE NOT pg_has_role(c.relowner, 'USAGE') ORDER BY nth"
)
_PLACES = text(
    "SELECT current_database() AS database, current_schema() AS schema, current_user AS me,"  # noqa: S608  # no user input
    " has_database_privilege(current_database(), 'TEMP') AS temporary,"
    " coalesce(has_schema_privilege(current_schema(), 'CREATE'), false) AS may_create,"
    " has_database_privilege(current_database(), 'CREATE') AS may_create_schemas,"
    " i.place AS internal, i.id IS NOT NULL AS has_internal, coalesce(has_schema_privilege(i.id, 'USAGE'), false)"
    " AS may_use_internal, coalesce(has_schema_privilege(i.id, 'CREATE'), false) AS may_create_internal"
    " FROM (SELECT place, CAST(to_regnamespace(quote_ident(place)) AS oid) AS id"
    f" FROM (SELECT current_schema() || '{SUFFIX}') AS p(place)) AS i"
)
_HIDDEN = text(
    "SELECT nspname FROM pg_namespace WHERE current_schema() IS NULL AND NOT has_schema_privilege(oid, 'USAGE')"
    " AND nspname IN (SELECT btrim(s, ' \"') FROM unnest(string_to_array(current_setting('search_path'), ',')) s)"
)
_RELATIONS = text(  # those that exist
    "SELECT n AS name, c.relkind AS kind FROM unnest(CAST(:names AS text[])) WITH ORDINALITY AS w(n, nth)"
    " JOIN pg_class c ON c.oid = to_regclass(n) ORDER BY nth"
)
_FUNCTIONS = text(
    "SELECT proname FROM pg_proc WHERE proname = ANY(:names) AND pg_function_is_visible(oid) ORDER BY proname"
)


def _tables() -> list[str]:
    return [VERSION.name, *(table.name for table in METADATA.sorted_tables)]


def _relation_rights(role: str) -> dict[str, tuple[str, ...]]:
    """Return the rights of a writer, reader or viewer on each table and view."""
    if role == VIEWER:
        return dict.fromkeys([*(table.name for table in _VIEWED), *views("postgresql")], ("SELECT",))
    found: dict[str, tuple[str, ...]] = dict.fromkeys([*_tables(), *views("postgresql")], ("SELECT",))
    if role == "reader":
        return {name: rights for name, rights in found.items() if name not in _UNREAD}
    for table in _tables():
        found[table] += _WRITTEN.get(table, ("INSERT", "UPDATE", "DELETE"))
    return found


def missing(connection: Connection, role: str) -> list[str]:
    """Return the rights of a role that the user of a connection lacks, such as "SELECT on table jobs"."""
    places = connection.execute(_PLACES).one()
    if role == "owner":
        names = {"names": [*_tables(), *views("postgresql")]}
        found = [f"ownership of {name}" for name in connection.execute(_NOT_OWNED, names).scalars()]
        return [*_missing_of_schemas(places), *found]
    wanted = _relation_rights(role)
    if role == "writer":
        wanted |= dict.fromkeys(_SEQUENCES, ("USAGE",))
    pairs = [(name, right) for name, rights in wanted.items() for right in rights]
    lists = {"names": [name for name, _ in pairs], "rights": [right for _, right in pairs]}
    found = [f"{row.rights} on {_kind(row.name)} {row.name}" for row in connection.execute(_MISSING, lists)]
    if places.has_internal and not places.may_use_internal:  # its tables cannot be seen
        found.insert(0, f"USAGE on schema {places.internal}")
    if role == "writer" and not places.temporary:
        found.append(f"TEMP on the database {places.database}")
    return found


def _missing_of_schemas(places: Any) -> Iterator[str]:
    """Yield the rights that an owner lacks on the schemas of the tables."""
    if not places.may_create:
        yield f"CREATE on schema {places.schema}"
    if not places.has_internal:
        if not places.may_create_schemas:
            yield f"CREATE on database {places.database}"
    elif not (places.may_use_internal and places.may_create_internal):
        yield f"USAGE, CREATE on schema {places.internal}"


def _kind(name: str) -> str:
    return "sequence" if name in _SEQUENCES else "view" if name in views("postgresql") else "table"


def hidden_schema(connection: Connection) -> str | None:
    """Return why no table can be seen: the user may not use the schema that the URL names. None: that is not so."""
    schema = connection.scalar(_HIDDEN)
    return None if schema is None else f"the user {_user(connection)} lacks USAGE on schema {schema}"


def _user(connection: Connection) -> str:
    return str(connection.scalar(text("SELECT current_user")))


def explain(connection: Connection, role: str, said: str) -> tuple[str, str] | None:
    """Name the rights for whose lack the server refused a statement, and how to get them.

    Args:
        role: what the user was to do; a higher role is tried where nothing of it is missing.
        said: the server's message, which names the table, in whatever language.

    Returns:
        What is missing, and a hint; None if no right is known to be missing.
    """
    for each in ROLES[ROLES.index(role) :]:
        if found := missing(connection, each):
            words = {word.strip("\"„“«»'.,:") for word in said.split()}
            named = [right for right in found if right.split()[-1] in words] or found[:1]
            others = len(found) - len(named)
            more = f" and {others} more right{'' if others == 1 else 's'}" if others else ""
            user = _user(connection)
            summary = f"the user {user} lacks rights: missing {'; '.join(named)}{more}"
            return summary, f"Grants needed: `inventory db grants --role {each} --to {shlex.quote(user)}`"
    return None


def grants(connection: Connection, role: str, to: str) -> Iterator[str]:
    """Yield the statements that give a role's rights to a user or group; run nothing."""
    quote: Any = connection.dialect.identifier_preparer.quote_identifier
    places = connection.execute(_PLACES).one()
    schema, internal, who = quote(places.schema), quote(places.internal), quote(to)

    def placed(name: str) -> str:
        return f"{internal if name in INTERNAL else schema}.{quote(name)}"

    on_database = "CONNECT" if role in {"reader", VIEWER} else "CONNECT, TEMPORARY"
    yield f"GRANT {on_database} ON DATABASE {quote(places.database)} TO {who};"
    if role == "owner":  # who owns the schema can grant rights on it; CREATE on the database would allow more
        verb = "ALTER SCHEMA {} OWNER TO {};" if places.has_internal else "CREATE SCHEMA {} AUTHORIZATION {};"
        yield verb.format(internal, who)
    schemas = schema if role == VIEWER else f"{schema}, {internal}"
    yield f"GRANT {'USAGE, CREATE' if role == 'owner' else 'USAGE'} ON SCHEMA {schemas} TO {who};"
    if role == "owner":
        names = {"names": [*_tables(), *views("postgresql")]}
        for row in connection.execute(_RELATIONS, names):
            yield f"ALTER {'VIEW' if row.kind == 'v' else 'TABLE'} {placed(row.name)} OWNER TO {who};"
        for name in connection.execute(_FUNCTIONS, {"names": list(triggers("postgresql"))}).scalars():
            yield f"ALTER FUNCTION {schema}.{quote(name)}() OWNER TO {who};"
        return
    by_rights: dict[tuple[str, ...], list[str]] = {}
    for name, rights in _relation_rights(role).items():
        by_rights.setdefault(rights, []).append(name)
    for rights, names_of in by_rights.items():
        listed = ",\n    ".join(map(placed, names_of))
        yield f"GRANT {', '.join(rights)} ON TABLE\n    {listed}\n    TO {who};"
    if role == "writer":
        listed = ", ".join(f"{schema}.{quote(name)}" for name in _SEQUENCES)
        yield f"GRANT USAGE ON SEQUENCE {listed} TO {who};"
