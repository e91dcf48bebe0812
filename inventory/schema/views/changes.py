"""The views of what changed: `changes`, a row a row, and `change_details`, a row a column.

A step is a snapshot that is not pruned, with the one before it. A row began in a step if only the later snapshot sees
it. Rows that only pruned snapshots saw are no changes, nor are findings and listings.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from inventory.schema import ESTATE
from inventory.schema.entities import Entity
from inventory.schema.fields import Field
from inventory.schema.views.parts import Dialect, View, bookkeeping, column, same

__all__ = ["change_details", "changes"]

_STEPS = (
    "WITH steps AS (\n"
    "  SELECT x.id, x.source_id, s.name AS source, x.observed_to, (\n"
    "    SELECT max(p.id) FROM snapshots p WHERE p.source_id = x.source_id AND p.id < x.id AND p.pruned_at IS NULL\n"
    "  ) AS before_id\n"
    "  FROM snapshots x JOIN sources s ON s.id = x.source_id WHERE x.pruned_at IS NULL\n"
    ")\n"
)
# CROSS JOIN keeps SQLite's order: steps first, so that a time or an id chooses them before any row is read. The plus
# makes it find the rows by valid_from or valid_to: a source has too many.
_OF_STEP = "FROM steps n CROSS JOIN {table} r WHERE {plus}r.source_id = n.source_id"

_COMMON = (
    bookkeeping("source"),
    bookkeeping("source_id"),
    bookkeeping("snapshot_id", "The snapshot that saw the change: snapshots.id"),
    bookkeeping("observed_to"),
    column("table_name", "text", "The table of the row that changed"),
    column("action", "text", "create, update or delete"),
    column("job_id", "text", "The job that the row belongs to"),
)


@dataclass(frozen=True)
class _Events:
    """The conditions for the events of one entity: `r` is the row, `o` the row of the same key at the step's start."""

    entity: Entity
    plus: str

    @property
    def key(self) -> str:
        return " AND ".join(f"o.{name} = r.{name}" for name in ("source_id", *self.entity.key))

    @property
    def was(self) -> str:
        """Whether the row `o` was there when the step began, and no longer at its end."""
        return "o.valid_from <= n.before_id AND o.valid_to > n.before_id AND o.valid_to <= n.id"

    @property
    def is_new(self) -> str:
        """Whether the row `r`, which began in the step, is not one that was removed and added again unchanged."""
        equal = same([each.name for each in self.entity.compared], "o", "r")
        history = f"{self.entity.name}_history"
        return f"NOT EXISTS (\n  SELECT 1 FROM {history} o WHERE {self.key} AND {self.was}\n    AND {equal}\n)"

    @property
    def began(self) -> Iterator[tuple[str, str]]:
        """The tables whose rows may have begun in a step, each with the condition for it."""
        # The literal lets SQLite use the partial index; no row of a later step began with the first snapshot.
        yield self.entity.name, "r.valid_from > 1 AND r.valid_from > n.before_id AND r.valid_from <= n.id"
        began = "r.valid_from > coalesce(n.before_id, 0) AND r.valid_from <= n.id"
        yield f"{self.entity.name}_history", f"{began} AND {self.plus}r.valid_to > n.id"

    @property
    def first(self) -> tuple[str, str]:
        """The table of current rows, for a source's first step: there is nothing to compare with."""
        return self.entity.name, "n.before_id IS NULL AND r.valid_from <= n.id"

    @property
    def ended(self) -> str:
        """The condition for a row of history that a step removed."""
        after = f"SELECT 1 FROM {self.entity.name}{{}} o WHERE {self.key} AND o.valid_from > n.before_id"
        return (
            f"{self.plus}r.valid_from <= n.before_id AND r.valid_to > n.before_id AND r.valid_to <= n.id\n"
            f"  AND NOT EXISTS ({after.format('')} AND o.valid_from <= n.id)\n"
            f"  AND NOT EXISTS ({after.format('_history')} AND o.valid_from <= n.id AND o.valid_to > n.id)"
        )


def changes(dialect: Dialect) -> View:
    """Every row that a snapshot created, updated or deleted."""
    query = _STEPS + "\nUNION ALL\n".join(
        part for entity in ESTATE for part in _changes_of(_Events(entity, dialect.plus), dialect)
    )
    key = column("key", "json", "The row's key without source_id, as a JSON object; spelled alike on both databases")
    comment = (
        "Every row that a snapshot created, updated or deleted, compared with the source's previous snapshot that is "
        "not pruned. The steps of some nights need not add up to the difference between the first and the last."
    )
    return View("changes", comment, (*_COMMON, key), query)


def _changes_of(events: _Events, dialect: Dialect) -> Iterator[str]:
    entity = events.entity
    kinds = {field.name: field.api.kind.sql for field in entity.fields}
    key = dialect.key([(name, f"r.{name}", kinds[name] == "text") for name in entity.key])

    def event(action: str, table: str, where: str) -> str:
        return (
            "SELECT n.source AS source, n.source_id AS source_id, n.id AS snapshot_id, n.observed_to AS observed_to,"
            f" '{entity.name}' AS table_name,\n"
            f"  {action} AS action, r.{entity.job_column} AS job_id, {key} AS key\n"
            f"{_OF_STEP.format(table=table, plus=events.plus)} AND {where}"
        )

    before = f"SELECT 1 FROM {entity.name}_history o WHERE {events.key} AND {events.was}"
    yield event("'create'", *events.first)
    for table, where in events.began:
        action = f"CASE WHEN EXISTS ({before}) THEN 'update' ELSE 'create' END"
        yield event(action, table, f"{where}\n  AND {events.is_new}")
    yield event("'delete'", f"{entity.name}_history", events.ended)


def change_details(dialect: Dialect) -> View:
    """Every value that a snapshot changed: `changes`, with a row a column."""
    query = (
        _STEPS + "SELECT d.source, d.source_id, d.snapshot_id, d.observed_to, d.table_name, d.action, d.job_id,\n"
        "       coalesce(\n"
        "         (SELECT j.name FROM jobs j WHERE j.source_id = d.source_id AND j.id = d.job_id),\n"
        "         (SELECT h.name FROM jobs_history h WHERE h.source_id = d.source_id AND h.id = d.job_id"
        " AND h.valid_from = (\n"
        "            SELECT max(g.valid_from) FROM jobs_history g"
        " WHERE g.source_id = d.source_id AND g.id = d.job_id))\n"
        "       ) AS job_name, d.natural_key, d.column_name, d.value_before AS before, d.value_after AS after\n"
        "FROM (\n"
        + "\nUNION ALL\n".join(
            part for entity in ESTATE for part in _details_of(_Events(entity, dialect.plus), dialect)
        )
        + "\n) d\nWHERE NOT coalesce(d.value_before = d.value_after, d.value_before IS NULL AND d.value_after IS NULL)"
    )
    columns = (
        *_COMMON,
        column("job_name", "text", "The job's name, the last one known"),
        column("natural_key", "text", "What tells the row from others of its job: of endpoints role, address and port"),
        column("column_name", "text", "The column that differs"),
        column("before", "text", "Its value before, as text; NULL where it had none. Times to the millisecond"),
        column("after", "text", "Its value after, as text; NULL where it has none. Times to the millisecond"),
    )
    comment = (
        "What changes says, with values: a row for each column that differs. A created row has a row here for each "
        "value, and so has a deleted one."
    )
    return View("change_details", comment, columns, query)


def _details_of(events: _Events, dialect: Dialect) -> Iterator[str]:
    """Yield the rows that began, with what they replace, and the rows that were removed."""
    entity = events.entity
    old, new, none = _value(entity, "o", dialect), _value(entity, "r", dialect), "CAST(NULL AS TEXT)"
    history = f"{entity.name}_history"
    names = ", ".join(f"r.{name}" for name in ("source_id", *entity.names))
    step = f"n.source AS step_source, n.id AS step_id, n.observed_to AS step_time, n.before_id, {names}"

    def head(action: str, row: str, before: str, after: str) -> str:
        return (
            f"SELECT {row}.step_source AS source, {row}.source_id AS source_id, {row}.step_id AS snapshot_id,"
            f" {row}.step_time AS observed_to, '{entity.name}' AS table_name,\n"
            f"  {action} AS action, {row}.{entity.job_column} AS job_id, {_natural_key(entity)} AS natural_key,\n"
            f"  c.column_name AS column_name, {before} AS value_before,\n  {after} AS value_after\n"
        )

    begun = [
        f"  SELECT {step} {_OF_STEP.format(table=table, plus=events.plus)} AND {where}\n"
        for table, where in (events.first, *events.began)
    ]
    is_known = f"CASE WHEN o.{entity.job_column} IS NULL THEN 'create' ELSE 'update' END"
    was = events.was.replace("n.id", "r.step_id").replace("n.before_id", "r.before_id")
    columns = f"JOIN dictionary c ON c.relation = '{entity.name}'"
    yield (
        head(is_known, "r", old, new)
        + "FROM (\n"
        + "  UNION ALL\n".join(begun)
        + f") r\nLEFT JOIN {history} o ON {events.key} AND {was}\n{columns}"
    )
    ended = f"  SELECT {step} {_OF_STEP.format(table=history, plus=events.plus)} AND {events.ended}\n"
    yield head("'delete'", "r", new, none) + f"FROM (\n{ended}) r\n{columns}"


def _value(entity: Entity, row: str, dialect: Dialect) -> str:
    """Return the expression of the value, as text, of the column that `c.column_name` names."""
    cases = "\n         ".join(
        f"WHEN '{field.name}' THEN {_as_text(field, f'{row}.{field.name}', dialect)}" for field in entity.compared
    )
    return f"CASE c.column_name\n         {cases}\n       END"


def _as_text(field: Field, value: str, dialect: Dialect) -> str:
    kind = field.api.kind.sql
    if kind == "time":
        return dialect.time_text.format(value)
    if kind == "boolean":
        return f"CASE WHEN {value} THEN 'true' WHEN NOT {value} THEN 'false' END"
    return value if kind == "text" else f"CAST({value} AS VARCHAR)"


def _natural_key(entity: Entity) -> str:
    """Return the expression of the key as people know it: the members that an `item` is made of, in its place."""
    by_path = {field.api.path: field.name for field in entity.fields if field.api.path is not None}
    names: list[str] = []
    for name in entity.key:
        if name == "item" and all(path in by_path for path in entity.identity) and entity.identity:
            names += [by_path[path] for path in entity.identity]
        elif name not in ("occurrence", entity.job_column):
            names.append(name)
    if not names:
        return "''"
    kinds = {field.name: field.api.kind.sql for field in entity.fields}
    parts = (f"r.{name}" if kinds[name] == "text" else f"CAST(r.{name} AS VARCHAR)" for name in names)
    return "trim(" + " || ' ' || ".join(f"coalesce({part}, '')" for part in parts) + ")"
