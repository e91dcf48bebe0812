"""The tables: of each its meaning, its key, and its columns with the types of both databases."""

from collections.abc import Iterable
from typing import Any

from inventory.schema import REVISION
from inventory.schema.dictionary import as_json
from tests.docs.markdown import code, joined, table

__all__ = ["HEAD", "cells", "part"]

HEAD = ("column", "SQLite", "PostgreSQL", "unit", "from", "reference", "meaning")


def part() -> str:
    """Return the list of tables, and a section for each."""
    declared = as_json()["tables"]
    rows = ((f"[`{each['name']}`](#{each['name']})", each["comment"]) for each in declared)
    lines = [f"Revision of the tables: {REVISION}.", "", *table(("table", "what it holds"), rows)]
    for each in declared:
        lines += ["", *_section(each)]
    return joined(lines)


def _section(declared: dict[str, Any]) -> Iterable[str]:
    name = declared["name"]
    yield from (f"## {name} {{ #{name} }}", "", declared["comment"], "")
    yield f"Key: {', '.join(code(each) for each in declared['key'])}."
    if declared["history"]:
        yield f"History: `{declared['history']}`, `{declared['as_of']}`, `{declared['periods']}`."
    if declared["read_from"]:
        yield f"Read from {', '.join(code(path) for path in declared['read_from'])}."
    yield ""
    yield from table(HEAD, (cells(each) for each in declared["columns"]))


def cells(column: dict[str, Any]) -> tuple[str, ...]:
    """Return a row about a column, in the order of HEAD."""
    meaning = str(column["comment"]).partition(" [Table ")[0]
    if column.get("values"):
        how = "Sent as" if column["type"] == "boolean" else "Documented:"
        meaning = f"{meaning.rstrip('.')}. {how} {', '.join(code(value) for value in column['values'])}."
    if column.get("secret"):
        meaning += " **Secret**: masked."
    number = column.get("reference_table")
    null = "" if column.get("nullable", True) else ", not null"
    return (
        f"`{column['name']}`", f"{column['sqlite_type']}{null}", f"{column['type']}{null}", column.get("unit") or "",
        code(column.get("path")), f"Table {number}" if number else "", meaning,
    )  # fmt: skip
