"""What part of the database a query sees: all of it, some sources, or the state at the end of a day or a snapshot.

Each table that a query uses, itself or in a view, is shadowed by a common table expression of its name, which has only
the rows of the scope. The views that it uses are repeated behind these, so that they read the shadows. So every query
and every report can be asked of any day, without a second spelling.
"""

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cache

import sqlglot
from sqlalchemy import Connection, text
from sqlglot import exp

from inventory.common.errors import CompareError, UsageError
from inventory.report.statement import SQLGLOT_DIALECTS, Statement, names_of
from inventory.schema import ENTITIES, JOB_DIGESTS
from inventory.schema.ledger import METADATA
from inventory.schema.views import declared_views
from inventory.store.reader import resolve, snapshots, sources

__all__ = ["Scope"]

_ENTITIES = {entity.name: entity for entity in (*ENTITIES, JOB_DIGESTS)}
_NEVER = "1 = 0"
_SEEN = {  # tables with a source_id -> which of their rows a snapshot sees
    "snapshots": "id <= {}",
    "check_runs": "snapshot_id <= {}",
    "check_results": "snapshot_id <= {}",
    "check_waivers": "",
}


@dataclass(frozen=True)
class Scope:
    """Sources and the last snapshot of each that is seen.

    last: source id -> id of that snapshot; None for whatever it has now. None: everything. day: the last day of the
    calendar, where it is limited. schema: what a table's real name begins with. now: what the present is: of a day its
    end, of a snapshot its time, and never later than the real one. chosen: whether only some sources are seen.
    """

    dialect: str
    last: Mapping[int, int | None] | None = None
    day: date | None = None
    schema: str = "main"
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    chosen: bool = False

    @classmethod
    def of(cls, connection: Connection, names: Iterable[str], day: str | None, ref: str | None) -> "Scope":
        """Read the options.

        Args:
            names: sources; none for all. day: a UTC day. ref: a snapshot: id, latest~N, day or time.

        Raises:
            UsageError: not a day, not a reference, no such source.
            CompareError: no source has a snapshot then.
        """
        dialect, chosen = connection.dialect.name, list(names)
        found = sources(connection, chosen)
        schema = "main" if dialect == "sqlite" else str(connection.scalar(_SCHEMA))
        if day is None and ref is None:
            return cls(dialect, {row["id"]: None for row in found} if chosen else None, None, schema)
        until = _day(day) if day is not None else None
        last = {row["id"]: resolve(day or ref or "", snapshots(connection, row["id"])) for row in found}
        seen = {source: row for source, row in last.items() if row is not None}
        if not seen:
            raise CompareError(f"no source has a snapshot {day or ref}", "`inventory snapshots` shows what there is")
        times = [row["observed_to"] or row["finished_at"] for row in seen.values()]
        last_time = max(moment.astimezone(UTC) for moment in times)
        end = datetime.combine(until + timedelta(days=1), time(), UTC) if until is not None else last_time
        return cls(
            dialect, {source: row["id"] for source, row in seen.items()}, until or last_time.date(), schema,
            min(end, datetime.now(UTC)), chosen=bool(chosen),
        )  # fmt: skip

    @property
    def is_past(self) -> bool:
        """Whether it is the state of some time, not the present one."""
        return self.day is not None

    def in_order(self, shadows: Mapping[str, str]) -> dict[str, str]:
        """Return shadows in the order in which they can be defined: tables, then views behind those that they read."""
        views = [view.name for view in declared_views(self.dialect)]
        return {name: shadows[name] for name in (*METADATA.tables, *views) if name in shadows}

    def shadows(self, *statements: Statement) -> dict[str, str]:
        """Return name -> SQL of what shadows the tables and views that statements use."""
        if self.last is None:
            return {}
        views = {view.name: view.query for view in declared_views(self.dialect)}
        tables = (table for statement in statements for table in statement.tables())
        wanted = self._with_inner({table.name.lower() for table in tables if not table.db}, views)
        named = None if wanted & views.keys() or self.dialect != "sqlite" else names_of(statements)
        found = {name: sql for name in METADATA.tables if name in wanted and (sql := self._table(name, named))}
        return found | {name: views[name] for name in views if name in wanted}

    def _with_inner(self, names: set[str], views: Mapping[str, str]) -> set[str]:
        """Return the names with those of all tables and views that they read."""
        found: set[str] = set()
        waiting = list(names)
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                waiting += _tables_of(views[name], self.dialect) if name in views else ()
        return found

    def _table(self, name: str, named: Set[str] | None) -> str:
        """Return the rows of one table in the scope; '' for a table that is the same in every scope.

        named: the columns that are needed of current rows, with other names; None for all.
        """
        base = name.removesuffix("_history")
        table, source = METADATA.tables[name], f"{self.schema}.{name}"
        if base in _ENTITIES:
            return self._history(base) if base != name else self._current(base, named)
        columns = ", ".join(_quoted(column.name) for column in table.columns)
        if name == "calendar":
            return f"SELECT {columns} FROM {source} WHERE day <= {self._date()}" if self.day is not None else ""
        if name == "sources":
            return f"SELECT {self._source_columns()} FROM {source} s WHERE {self._either('s.id')}"
        if name in _SEEN:
            return f"SELECT {columns} FROM {source} WHERE {self._either('source_id', _SEEN[name])}"
        if name == "snapshot_counts":
            seen = f"SELECT id FROM {self.schema}.snapshots WHERE {self._either('source_id', 'id <= {}')}"
            return f"SELECT {columns} FROM {source} WHERE snapshot_id IN ({seen})"
        return ""

    def _current(self, name: str, named: Set[str] | None) -> str:
        """The rows that a current table had.

        The plus keeps SQLite from reading a whole table by its key, and columns that nobody asks for are left out,
        because SQLite 3.40 reads them all the same: they made a count of 200,000 rows three times as long.
        """
        every = METADATA.tables[name].columns.keys()
        needed = [each for each in every if named is None or each in named] or every[:1]
        columns = ", ".join(map(_quoted, needed))
        source = "+source_id" if self.dialect == "sqlite" and self.is_past and not self.chosen else "source_id"
        now = f"SELECT {columns} FROM {self.schema}.{name} WHERE {self._either(source, 'valid_from <= {}')}"
        if not self.is_past:
            return now
        then = self._either(source, "valid_from <= {0} AND valid_to > {0}")
        return f"{now}\nUNION ALL\nSELECT {columns} FROM {self.schema}.{name}_history WHERE {then}"

    def _history(self, name: str) -> str:
        """The rows that a history table had: those that ended by then."""
        table = METADATA.tables[f"{name}_history"]
        columns = ", ".join(_quoted(column.name) for column in table.columns)
        return f"SELECT {columns} FROM {self.schema}.{table.name} WHERE {self._either('source_id', 'valid_to <= {}')}"

    def _source_columns(self) -> str:
        """The columns of `sources`; one that was retired later was not retired yet."""
        columns = [f"s.{_quoted(column.name)}" for column in METADATA.tables["sources"].columns]
        if not self.is_past:
            return ", ".join(columns)
        assert self.last is not None  # checked by `shadows`
        ids = ", ".join(str(last) for last in self.last.values())
        then = f"SELECT max(n.finished_at) FROM {self.schema}.snapshots n WHERE n.id IN ({ids}) AND n.source_id = s.id"
        known = f"CASE WHEN s.retired_at <= ({then}) THEN s.retired_at END AS retired_at"
        return ", ".join(known if each.endswith("retired_at") else each for each in columns)

    def _either(self, source: str, condition: str = "") -> str:
        """Return the condition for rows of the sources, each with the condition of its last snapshot."""
        assert self.last is not None  # checked by `shadows`
        if not self.last:
            return _NEVER
        if not self.is_past or not condition:
            return f"{source} IN ({', '.join(map(str, self.last))})"
        return " OR ".join(f"({source} = {each} AND {condition.format(last)})" for each, last in self.last.items())

    def _date(self) -> str:
        return f"'{self.day}'" if self.dialect == "sqlite" else f"DATE '{self.day}'"


_SCHEMA = text("SELECT relnamespace::regnamespace FROM pg_class WHERE oid = to_regclass('snapshots')")


@cache
def _tables_of(query: str, dialect: str) -> tuple[str, ...]:
    tree = sqlglot.parse_one(query, read=SQLGLOT_DIALECTS[dialect])
    return tuple(table.name for table in tree.find_all(exp.Table) if not table.db)


def _quoted(name: str) -> str:
    return f'"{name}"'


def _day(text: str) -> date:
    try:
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).date()
    except ValueError:
        raise UsageError(f"--day {text!r} is not a day", "Give YYYY-MM-DD, a day in UTC") from None
