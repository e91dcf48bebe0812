"""Runs a rule on one snapshot of one source."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, select, text

from inventory.common.errors import InventoryError, UsageError
from inventory.report.checks.rule import COLUMNS, Rule
from inventory.report.scope import Scope
from inventory.report.session import Prepared, ResultColumn, ask
from inventory.schema.keys import key_text
from inventory.schema.ledger import REPORT_SETTINGS
from inventory.schema.views.tasks import OWNER_TAG
from inventory.store.reader import SnapshotRow

__all__ = ["Found", "Identity", "RuleError", "evaluate", "owner_tag", "scope_of", "time_of"]

Identity = tuple[str, str]  # job id and key, each '' where the rule's identity does not have it
Found = dict[Identity, str]  # -> detail
MOST = 100_000  # results of one rule on one source: a rule that finds more is wrong


class RuleError(InventoryError):
    """A rule could not be run."""


def time_of(snapshot: SnapshotRow) -> datetime:
    """Return when a snapshot was observed."""
    moment: datetime = snapshot["observed_to"] or snapshot["finished_at"]
    return moment


def owner_tag(connection: Connection) -> str:
    """Return the key of the tag that names a task's owner."""
    query = select(REPORT_SETTINGS.c.value).where(REPORT_SETTINGS.c.name == OWNER_TAG)
    return str(connection.execute(query).scalar() or "")


def scope_of(connection: Connection, snapshot: SnapshotRow, *, is_last: bool) -> Scope:
    """Return the scope of one snapshot of one source. The rows are the same; of the last snapshot the query is simpler.

    Args:
        snapshot: its row, with the source's name. is_last: whether it is the last of its source.
    """
    dialect = connection.dialect.name
    schema = "main" if dialect == "sqlite" else str(connection.scalar(_SCHEMA))
    source_id = snapshot["source_id"]
    if is_last:
        return Scope(dialect, {source_id: None}, None, schema)
    return Scope(dialect, {source_id: snapshot["id"]}, time_of(snapshot).astimezone(UTC).date(), schema)


_SCHEMA = text("SELECT relnamespace::regnamespace FROM pg_class WHERE oid = to_regclass('snapshots')")


def evaluate(
    connection: Connection, rule: Rule, scope: Scope, source: str, as_of: datetime, timeout: float
) -> Found:  # fmt: skip
    """Return what a rule finds; several rows of one identity are one, with their details one after the other.

    Args:
        connection: in a read-only transaction; what this does to it is undone.
        source: the source's name. as_of: the value of `:now`.

    Raises:
        RuleError: the query fails, takes too long, or gives rows that are no results.
        UsageError: the rule is wrong.
    """
    statement = rule.statement(scope.dialect).with_values(rule.values(as_of))
    shadows = scope.shadows(statement)
    columns = [ResultColumn(name, "text") for name in COLUMNS]
    prepared = Prepared(statement, statement.sql(scope.in_order(shadows)), columns, is_scoped=bool(shadows))
    undone = connection.begin_nested()
    try:
        with ask(connection, prepared, limit=MOST, timeout=timeout) as result:
            rows = [dict(zip(COLUMNS, row, strict=True)) for row in result.rows()]
    except UsageError:
        raise
    except InventoryError as error:
        raise RuleError(error.summary) from None
    finally:
        undone.rollback()
    if result.truncated:
        raise RuleError(f"it gives more than {MOST:,} rows")
    details: dict[Identity, set[str]] = {}
    for row in rows:
        if row["source"] != source:
            raise RuleError(f"it gives a row of {row['source']!r} for the source {source!r}")
        details.setdefault(_identity(rule, row), set()).add(_text(row["detail"]))
    return {identity: "; ".join(sorted(found)) for identity, found in details.items()}


def _identity(rule: Rule, row: Mapping[str, Any]) -> Identity:
    job_id, key = (key_text(_text(row[name])) if name in rule.identity else "" for name in ("job_id", "key"))
    return job_id, key


def _text(value: object) -> str:
    return "" if value is None else str(value)
