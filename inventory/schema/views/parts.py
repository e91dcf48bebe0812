"""What all views are made of: their declaration, and the SQL that differs between the databases.

SQLite's text is also read by DuckDB, which attaches the file and runs the views itself. So it has no `CROSS JOIN … ON`,
no `likely`, no `IS` between columns, and only functions that both have; what DuckDB cannot run, it shows as text.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from inventory.schema.entities import Entity
from inventory.schema.fields import Field

__all__ = ["DIALECTS", "Dialect", "View", "ViewColumn", "bookkeeping", "column", "of_entity", "same"]


@dataclass(frozen=True)
class ViewColumn:
    """A column of a view. kind: text, integer, boolean, time, date or json. field: the table's column that it shows."""

    name: str
    kind: str
    comment: str
    unit: str = ""
    field: Field | None = None


@dataclass(frozen=True)
class View:
    """A view of one database. query: its SELECT, with the columns in the order of `columns`."""

    name: str
    comment: str
    columns: tuple[ViewColumn, ...]
    query: str

    @property
    def sql(self) -> str:
        return f"CREATE VIEW {self.name} AS\n{self.query}"


@dataclass(frozen=True)
class Dialect:
    """The SQL that differs. Each text is a format with the expression for {0}.

    day: its UTC day. day_number: days since 1970-01-01. time_text: RFC 3339 to the millisecond. age: seconds until now.
    position: where the text {1} begins in {0}, 0 for nowhere. equal: equal, or both NULL; {0} and {1} are columns.
    plus: prevents the use of an index for the column after it. every: a condition that is true of every row.
    """

    name: str
    day: str
    day_number: str
    time_text: str
    age: str
    position: str
    equal: str
    plus: str = ""
    every: str = ""

    def key(self, pairs: Iterable[tuple[str, str, bool]]) -> str:
        """Return the expression of a JSON object, spelled as PostgreSQL spells `jsonb`.

        Args:
            pairs: member, column, and whether it is text. Keys hold no control characters (`keys.key_text`).
        """
        if self.name == "postgresql":
            members = (f"'{member}', {value}" for member, value, _ in pairs)
            return f"jsonb_build_object({', '.join(members)})"
        parts = []
        for member, value, is_text in sorted(pairs, key=lambda pair: (len(pair[0]), pair[0])):
            escaped = f"replace(replace({value}, '\\', '\\\\'), '\"', '\\\"')"
            spelled = f"'\"' || {escaped} || '\"'" if is_text else f"CAST({value} AS VARCHAR)"
            parts.append(f"'\"{member}\": ' || {spelled}")
        return "'{' || " + " || ', ' || ".join(parts) + " || '}'"


def _days_since_1970() -> str:
    """Return SQLite's and DuckDB's common way to count days: neither has the other's functions for it."""
    year, before = "CAST(strftime('%Y', {0}) AS BIGINT)", "(CAST(strftime('%Y', {0}) AS BIGINT) - 1)"
    leaps = " ".join(f"{sign} ({before} - {before} % {n}) / {n}" for sign, n in (("+", 4), ("-", 100), ("+", 400)))
    passed = 1969 * 365 + 1969 // 4 - 1969 // 100 + 1969 // 400
    days = f"({year} - 1) * 365 {leaps} + CAST(strftime('%j', {{0}}) AS BIGINT) - {passed + 1}"
    return f"CAST({days} AS BIGINT)"


_SECONDS = "substr(CAST({0} AS VARCHAR), 1, 19)"
_MILLISECONDS = "substr(substr(CAST({0} AS VARCHAR), 21, 3) || '000', 1, 3)"

DIALECTS = {
    "sqlite": Dialect(
        "sqlite",
        "date({0})",
        _days_since_1970(),
        f"replace({_SECONDS}, ' ', 'T') || '.' || {_MILLISECONDS} || 'Z'",
        "CAST(round((julianday('now') - julianday({0})) * 86400) AS INTEGER)",
        "instr({0}, {1})",
        "({0} = {1} OR ({0} IS NULL AND {1} IS NULL))",
        "+",
        " WHERE source_id IN (SELECT id FROM sources)",
    ),
    "postgresql": Dialect(
        "postgresql",
        "CAST({0} AT TIME ZONE 'UTC' AS date)",
        "(CAST({0} AT TIME ZONE 'UTC' AS date) - DATE '1970-01-01')",
        """to_char({0} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')""",
        "CAST(round(extract(epoch FROM now() - {0})) AS bigint)",
        "strpos({0}, {1})",
        "{0} IS NOT DISTINCT FROM {1}",
    ),
}


def same(names: Sequence[str], row: str, other: str) -> str:
    """Return the condition that two rows are equal in some columns, NULL to NULL too."""
    first, second = (", ".join(f"{each}.{name}" for name in names) for each in (row, other))
    return f"EXISTS (SELECT {first} INTERSECT SELECT {second})" if names else "1 = 1"


def column(name: str, kind: str, comment: str, unit: str = "") -> ViewColumn:
    """Declare a column that is computed."""
    return ViewColumn(name, kind, comment, unit)


def of_entity(entity: Entity) -> tuple[ViewColumn, ...]:
    """Return the columns of an entity's table, as a view shows them."""
    fields = {field.name: field for field in entity.fields}
    return tuple(
        _of_field(fields[each.name]) if each.name in fields else bookkeeping(each.name)
        for each in entity.current.columns
    )


def _of_field(field: Field) -> ViewColumn:
    return ViewColumn(field.name, field.api.kind.sql, field.comment, field.api.unit, field)


_BOOKKEEPING = {
    each.name: each
    for each in (
        column("source_id", "integer", "The source: sources.id"),
        column("source", "text", "The source's name"),
        column("snapshot_id", "integer", "The snapshot: snapshots.id"),
        column("valid_from", "integer", "The snapshot that first saw the row so: snapshots.id"),
        column("valid_to", "integer", "The first snapshot that no longer saw the row so: snapshots.id"),
        column("observed_to", "time", "When the snapshot's last answer was observed, UTC; NULL where there was none"),
        column("job_id", "text", "The job: jobs.id"),
    )
}


def bookkeeping(name: str, comment: str = "") -> ViewColumn:
    """Return a column that many views have, with their common comment or another one."""
    found = _BOOKKEEPING[name]
    return replace(found, comment=comment) if comment else found
