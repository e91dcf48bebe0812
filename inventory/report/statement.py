"""One SELECT: read, checked to be one, with its parameters as values, and the type of each column of its result."""

import logging
import re
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError
from sqlglot.optimizer.annotate_types import annotate_types
from sqlglot.optimizer.qualify import qualify

from inventory.common.errors import UsageError
from inventory.common.safe_text import clean
from inventory.report.relations import TYPES, relations
from inventory.schema.kinds import rfc3339

__all__ = ["SQLGLOT_DIALECTS", "Statement", "Value", "names_of"]

logging.getLogger("sqlglot").setLevel(logging.CRITICAL)  # it warns of what is refused here

Value = str | int | float | bool | date | datetime | None
SQLGLOT_DIALECTS = {"sqlite": "sqlite", "postgresql": "postgres"}
_OURS = {
    exp.DataType.Type.BOOLEAN: "boolean",
    exp.DataType.Type.TIMESTAMPTZ: "time",
    exp.DataType.Type.TIMESTAMP: "time",
    exp.DataType.Type.DATE: "date",
    exp.DataType.Type.JSON: "json",
    exp.DataType.Type.JSONB: "json",
}
_TEXTS = {*exp.DataType.TEXT_TYPES}
_NUMBERS = {*exp.DataType.INTEGER_TYPES, *exp.DataType.REAL_TYPES}
_REFUSED = exp.Into, exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.Lock, exp.Command, exp.Pragma
_MANY = "Give one statement at a time"
_NOT_ONE = "Give one SELECT; `inventory query --list` shows the reports that are there"


@dataclass(frozen=True)
class Statement:
    """A SELECT as it was written, and as a tree. dialect: sqlite or postgresql. changed: the tree is not the text."""

    text: str
    tree: exp.Query
    dialect: str
    changed: bool = False

    @classmethod
    def read(cls, text: str, dialect: str) -> "Statement":
        """Read a text.

        Raises:
            UsageError: it is not one SELECT.
        """
        try:
            found = [each for each in sqlglot.parse(text, read=SQLGLOT_DIALECTS[dialect]) if each is not None]
        except (SqlglotError, RecursionError) as error:
            raise UsageError(f"the query cannot be read: {_why(error)}", _NOT_ONE) from None
        if len(found) > 1:
            raise UsageError(f"the query has {len(found)} statements", _MANY)
        tree = found[0] if found else None
        if not isinstance(tree, exp.Query) or tree.find(*_REFUSED) is not None:
            raise UsageError("the query is not a SELECT", _NOT_ONE)
        for each in tree.find_all(exp.In):  # SQLite takes it, but no scope would shadow the table
            if isinstance(named := each.args.get("field"), exp.Column):
                hint = f"Write: IN (SELECT … FROM {clean(named.sql())})"
                raise UsageError(f"IN {clean(named.sql())} names a table without a SELECT", hint)
        return cls(text, tree, dialect)

    def tables(self) -> Iterator[exp.Table]:
        """Yield the tables and views that it names, without its own common table expressions."""
        own = {each.alias for each in self.tree.find_all(exp.CTE)}
        for table in self.tree.find_all(exp.Table):
            if isinstance(table.this, exp.Identifier) and (table.db or table.name not in own):
                yield table

    def parameters(self) -> set[str]:
        """Return the names of its parameters: `:name`."""
        return {each.name for each in self.tree.find_all(exp.Placeholder)}

    def functions(self) -> set[str]:
        """Return the names of all functions that it calls, in small letters."""
        names: set[str] = set()
        for each in self.tree.find_all(exp.Func):
            if isinstance(each, exp.Anonymous | exp.AnonymousAggFunc):
                names.add(each.name.lower())
            else:
                names.update(name.lower() for name in each.sql_names())
                names.add(each.sql(SQLGLOT_DIALECTS[self.dialect]).partition("(")[0].lower())
        return names

    def with_values(self, values: Mapping[str, tuple[str, Value]]) -> "Statement":
        """Return the same with values for its parameters.

        Args:
            values: name -> type and value.

        Raises:
            UsageError: a parameter has no value.
        """
        if missing := sorted(self.parameters() - values.keys()):
            raise UsageError(f"the parameter {missing[0]} has no value", f"Give --param {missing[0]}=VALUE")
        if not self.parameters():
            return self
        tree = self.tree.copy()
        for each in list(tree.find_all(exp.Placeholder)):
            each.replace(_literal(self.dialect, *values[each.name]))
        return Statement(self.text, tree, self.dialect, changed=True)

    def without_schema(self, schema: str) -> "Statement":
        """Return the same with plain names for what is named with this schema, so that a scope can shadow it."""
        if not any(table.db.lower() == schema.lower() for table in self.tree.find_all(exp.Table)):
            return self
        tree = self.tree.copy()
        for table in tree.find_all(exp.Table):
            if table.db.lower() == schema.lower():
                table.set("db", None)
                table.set("catalog", None)
        for each in tree.find_all(exp.Column):
            if each.db.lower() == schema.lower():
                each.set("db", None)
                each.set("catalog", None)
        return Statement(self.text, tree, self.dialect, changed=True)

    def with_stored_times(self) -> "Statement":
        """Return the same where times that SQLite's columns are compared with are written as they are stored.

        `'2026-11-01T01:00:00Z'` is the same moment as the stored `'2026-11-01T01:00:00.000000Z'`, but another text.
        """
        if self.dialect != "sqlite":
            return self
        known = relations(self.dialect).values()
        times = {name for columns in known for name, kind in columns.items() if kind == "time"}
        tree, changed = self.tree.copy(), False
        for node in tree.find_all(exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE, exp.Between, exp.In):
            if not any(isinstance(each, exp.Column) and each.name.lower() in times for each in _operands(node)):
                continue
            for each in _operands(node):
                if (
                    isinstance(each, exp.Literal)
                    and each.is_string
                    and (stored := _stored(each.this)) not in (None, each.this)
                ):
                    each.replace(exp.Literal.string(stored))
                    changed = True
        return Statement(self.text, tree, self.dialect, changed=True) if changed else self

    def with_reports(self, names: Set[str]) -> "Statement":
        """Return the same with `report.NAME` as a relation of that name, dot included, which `sql` may define."""
        if not names:
            return self
        tree = self.tree.copy()
        for table in list(tree.find_all(exp.Table)):
            if table.db.lower() == "report":
                alias = table.args.get("alias") or exp.TableAlias(this=exp.to_identifier(table.name, quoted=True))
                name = exp.to_identifier(f"report.{table.name.lower()}", quoted=True)
                table.replace(exp.Table(this=name, alias=alias, joins=table.args.get("joins")))
        return Statement(self.text, tree, self.dialect, changed=True)

    def sql(self, prefix: Mapping[str, str] | None = None) -> str:
        """Return the text to run. prefix: name -> SQL of common table expressions to put before it, in order."""
        if not prefix:
            return _spelled(self.tree, self.dialect) if self.changed or self.dialect == "postgresql" else self.text
        tree = self.tree.copy()
        own = tree.args.pop("with_", None) or tree.args.pop("with", None)
        # PostgreSQL would make a table without an index of what is named twice.
        how = "AS NOT MATERIALIZED" if self.dialect == "postgresql" else "AS"
        parts = [f"{exp.to_identifier(name, quoted=True).sql()} {how} (\n{sql}\n)" for name, sql in prefix.items()]
        recursive = ""
        if own is not None:
            recursive = "RECURSIVE " if own.args.get("recursive") else ""
            parts += [_spelled(each, self.dialect) for each in own.expressions]
        return f"WITH {recursive}" + ",\n".join(parts) + f"\n{_spelled(tree, self.dialect)}"

    def types(self, more: Mapping[str, Mapping[str, str]]) -> list[str]:
        """Return the type of each column of the result, as far as it can be told; '' where not.

        Args:
            more: relation -> column -> type, of relations that the database does not have.
        """
        known = {**relations(self.dialect), **more}
        schema: Any = {
            name: {column: TYPES[kind] for column, kind in columns.items()} for name, columns in known.items()
        }
        dialect = SQLGLOT_DIALECTS[self.dialect]
        try:
            tree = self.tree.copy()
            for each in tree.find_all(exp.Sum, exp.Avg, exp.Add, exp.Sub, exp.Mul, exp.Div):
                each.set("this", exp.cast(each.this.copy(), "double"))  # of booleans too it is a number
            tree = qualify(tree, schema=schema, dialect=dialect, validate_qualify_columns=False)
            tree = annotate_types(tree, schema=schema, dialect=dialect)
        except (SqlglotError, RecursionError, KeyError, ValueError, AttributeError):  # the database says what is wrong
            return []
        return [_ours(each) for each in tree.selects]


def names_of(statements: Iterable[Statement]) -> set[str] | None:
    """Return all names in statements, in lower case; None if one takes columns that it does not name."""
    found: set[str] = set()
    for tree in (statement.tree for statement in statements):
        stars = (each for each in tree.find_all(exp.Star) if not isinstance(each.parent, exp.Count))
        natural = (each for each in tree.find_all(exp.Join) if each.method.upper() == "NATURAL")
        if any(True for _ in (*stars, *natural)):
            return None
        found |= {each.name.lower() for each in tree.find_all(exp.Identifier)}
    return found


def _spelled(tree: Any, dialect: str) -> str:
    """Return SQL with functions in small letters, as most people write them: they name the columns of the result."""
    return str(tree.sql(SQLGLOT_DIALECTS[dialect], normalize_functions="lower"))


def _operands(node: Any) -> list[Any]:
    names = ("this", "expression", "low", "high")
    found = [node.args[name] for name in names if node.args.get(name) is not None]
    return [*found, *(node.args.get("expressions") or [])]


def _stored(text: str) -> str | None:
    """Return a time as SQLite stores it; None where a text is none, or a day, which compares as it is."""
    try:
        moment = datetime.fromisoformat(text) if len(text) > len("2026-11-01") else None
    except ValueError:
        return None
    if moment is None:
        return None
    return rfc3339(moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment)


def _ours(expression: Any) -> str:
    kind = expression.type
    if kind is None:
        return ""
    if kind.this in _NUMBERS:
        return "number"
    return "text" if kind.this in _TEXTS else _OURS.get(kind.this, "")


def _literal(dialect: str, kind: str, value: Value) -> exp.Expression:
    cast = {"time": "timestamptz", "date": "date", "text": "text", "integer": "bigint", "number": "double precision"}
    if value is None:
        found: exp.Expression = exp.Null()
    elif isinstance(value, bool):
        return exp.Boolean(this=value)
    elif isinstance(value, int | float):
        return exp.Literal.number(value) if value >= 0 else exp.Neg(this=exp.Literal.number(-value))
    elif isinstance(value, datetime):
        found = exp.Literal.string(rfc3339(value))
    else:
        found = exp.Literal.string(str(value))
    # Without its type a literal is `unknown` to PostgreSQL; SQLite has these values as text.
    return exp.cast(found, cast[kind], dialect="postgres") if dialect == "postgresql" and kind in cast else found


def _why(error: Exception) -> str:
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    details: list[dict[str, Any]] = getattr(error, "errors", None) or []
    if details:
        first = details[0]
        near = str(first.get("highlight") or "")[:40]
        said = str(first.get("description") or "a syntax error").rstrip(".")
        return f"line {first.get('line', 1)}, near {near!r}: {re.sub('<Token.*', '', said).strip()}"
    return "a syntax error"
