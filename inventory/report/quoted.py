"""Names in double quotes that SQLite would take for texts.

SQLite reads `SELECT "nmae" FROM jobs` as a text where there is no column `nmae`, so that a slip changes the result and
says nothing. PostgreSQL refuses it, and so do we, where it is certain that nothing has that name.
"""

import re
from collections.abc import Collection, Mapping

from sqlglot import exp

from inventory.common.errors import UsageError
from inventory.config.values import nearest
from inventory.report.relations import relations
from inventory.report.statement import Statement

__all__ = ["refuse_unknown"]

_ALWAYS = {"rowid", "oid", "_rowid_"}
_PLAIN = re.compile(r"[a-z_][a-z0-9_]*", re.IGNORECASE | re.ASCII)  # a column without an alias may have any other name


def refuse_unknown(statement: Statement, reports: Mapping[str, Collection[str]]) -> None:
    """Refuse a name in double quotes that is no column, alias or table anywhere in a statement for SQLite.

    Args:
        reports: name -> columns of the reports that it uses as tables, by their names in it.

    Raises:
        UsageError: there is one.
    """
    tree = statement.tree
    if statement.dialect != "sqlite" or tree.find(exp.Values):  # whose columns have names of SQLite's own
        return
    schema = relations(statement.dialect)
    own = {each.alias.lower() for each in tree.find_all(exp.CTE)}
    columns = set(_ALWAYS)
    for table in tree.find_all(exp.Table):
        name = table.name.lower()
        found = reports.get(name) or schema.get(name)
        if found is None and (table.db or name not in own):  # a function, or what only the database knows
            return
        columns.update(found or ())
    named = {each.alias.lower() for each in tree.find_all(exp.Alias)} | own | schema.keys()
    for alias in tree.find_all(exp.TableAlias):
        named |= {alias.name.lower(), *(each.name.lower() for each in alias.columns)}
    for each in tree.find_all(exp.Column):
        name = each.name
        if each.table or not getattr(each.this, "quoted", False) or isinstance(each.parent, exp.Collate):
            continue
        if _PLAIN.fullmatch(name) is not None and name.lower() not in columns | named:
            said = f'there is no column "{name}" in the query{nearest(name, sorted(columns | named))}'
            raise UsageError(said, f"A text stands in single quotes: '{name}'")
