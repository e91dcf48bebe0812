"""The result of a query: a table, CSV, JSON, JSON Lines, Markdown or a workbook."""

import csv
import io
import re
from collections.abc import Iterator

from inventory.common.errors import UsageError
from inventory.common.exact_json import Json, pretty
from inventory.common.safe_text import clean, table
from inventory.render.json import document
from inventory.render.markdown import code
from inventory.report.library import Library
from inventory.report.session import Result, ResultColumn

__all__ = [
    "as_csv", "as_json", "as_json_lines", "as_list", "as_markdown", "as_table", "as_workbook", "list_document",
]  # fmt: skip

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")  # what a spreadsheet takes for the beginning of a formula
_WHOLE_SECOND = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000000Z\Z", re.ASCII)
_SHEET_ROWS = 1_048_575  # of a workbook, without the header


def as_table(result: Result, *, width: int | None, full: bool) -> Iterator[str]:
    """Yield an aligned table; cells are cut to fit a terminal, unless `full`."""
    rows: list[list[object]] = [list(map(_short, row)) for row in result.rows()]
    yield table([clean(column.name) for column in result.columns], rows, width=width, full=full)


def as_csv(result: Result, *, in_terminal: bool = False) -> Iterator[str]:
    """Yield CSV by RFC 4180; a text that a spreadsheet would take for a formula gets a TAB before it.

    Args:
        in_terminal: control characters are written as in JSON, so that they have no effect; else all is exact.
    """

    def seen(value: Json) -> Json:
        return clean(value) if in_terminal and isinstance(value, str) else value

    line = io.StringIO()
    writer = csv.writer(line, lineterminator="\r\n")
    writer.writerow([seen(column.name) for column in result.columns])
    for row in result.rows():
        writer.writerow([_harmless(seen(value)) for value in row])
        if line.tell() > 1 << 16:
            yield _taken(line)
    yield _taken(line)


def as_json(result: Result) -> Iterator[str]:
    """Yield the pieces of one document, row by row."""
    head = document(columns=[_column(each) for each in result.columns])
    yield pretty(head).removesuffix("\n}") + ',\n  "rows": ['
    for number, row in enumerate(_objects(result)):
        yield ("," if number else "") + "\n    " + pretty(row, indent=None)
    total = "null" if result.total is None else str(result.total)
    yield f'\n  ],\n  "total": {total},\n  "truncated": {"true" if result.truncated else "false"}\n}}\n'


def as_json_lines(result: Result) -> Iterator[str]:
    """Yield an object a row."""
    yield from (pretty(row, indent=None) + "\n" for row in _objects(result))


def as_markdown(result: Result) -> Iterator[str]:
    """Yield a table of Markdown; nothing in a cell is taken for markup."""
    yield "| " + " | ".join(_cell(column.name) for column in result.columns) + " |\n"
    yield "|" + " --- |" * len(result.columns) + "\n"
    for row in result.rows():
        yield "| " + " | ".join("" if value is None else _cell(value) for value in row) + " |\n"


def as_workbook(result: Result) -> bytes:
    """Return an XLSX workbook of one sheet; every text is a text, none a formula.

    Raises:
        UsageError: the library is not installed, or there are more rows than a sheet holds.
    """
    try:
        import xlsxwriter
    except ImportError:
        hint = "Run: pip install 'drs-inventory[xlsx]'"
        raise UsageError("--format xlsx needs a library that is not installed", hint) from None
    data = io.BytesIO()
    book = xlsxwriter.Workbook(data, {"in_memory": True, "constant_memory": False})
    sheet = book.add_worksheet("result")
    bold = book.add_format({"bold": True})
    for at, column in enumerate(result.columns):
        sheet.write_string(0, at, column.name, bold)
    for number, row in enumerate(result.rows(), 1):
        if number > _SHEET_ROWS:
            raise UsageError(f"a workbook holds {_SHEET_ROWS:,} rows at most", "Use --format csv, or --limit")
        for at, value in enumerate(row):
            if isinstance(value, bool):
                sheet.write_boolean(number, at, value)
            elif isinstance(value, int | float) and abs(value) < 10**15:  # beyond it a sheet rounds
                sheet.write_number(number, at, value)
            elif value is not None:
                sheet.write_string(number, at, str(_shown(value))[:32_767])
    sheet.freeze_panes(1, 0)
    sheet.autofit()
    book.close()
    return data.getvalue()


def _objects(result: Result) -> Iterator[dict[str, Json]]:
    names = [column.name for column in result.columns]
    return (dict(zip(names, row, strict=True)) for row in result.rows())


def _column(column: ResultColumn) -> Json:
    return {"name": column.name, "type": column.kind or None, "unit": column.unit or None}


def _cell(value: Json) -> str:
    """Return a cell of Markdown: a number or a truth as it is, a text as code, in which nothing is markup."""
    if isinstance(value, bool | int | float):
        return str(_shown(value))
    return code(str(_short(value))).replace("|", "\\|")  # in a table a pipe ends a cell, in a code span too


def _short(value: Json) -> Json:
    """Return a value as a person reads it: a time without a fraction of zero."""
    shown = _shown(value)
    return f"{shown[:19]}Z" if isinstance(shown, str) and _WHOLE_SECOND.match(shown) else shown


def _shown(value: Json) -> Json:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list):
        return pretty(value, indent=None)
    return value


def _harmless(value: Json) -> Json:
    shown = _shown(value)
    return f"\t{shown}" if isinstance(value, str) and value.startswith(_FORMULA) else shown


def _taken(line: io.StringIO) -> str:
    text = line.getvalue()
    line.seek(0)
    line.truncate()
    return text


def as_list(library: Library, *, width: int | None) -> Iterator[str]:
    """Yield a line for each report: its name, its parameters, its question."""
    rows: list[list[object]] = [
        [name, " ".join(each.name for each in report.parameters), report.question]
        for name, report in sorted(library.reports.items())
    ]
    yield table(["report", "parameters", "question"], rows, width=width, full=width is None)


def list_document(library: Library) -> dict[str, Json]:
    """Return the one document of `query --list --json`."""
    return document(
        reports=[
            {
                "name": name,
                "title": report.title,
                "question": report.question,
                "parameters": [
                    {
                        "name": each.name,
                        "type": each.kind,
                        "values": list(each.values) or None,
                        "default": each.default,
                        "meaning": each.meaning,
                    }
                    for each in report.parameters
                ],
                "columns": [
                    {"name": each.name, "type": each.kind, "unit": each.unit or None, "meaning": each.meaning}
                    for each in report.columns
                ],
                "order": list(report.order),
            }
            for name, report in sorted(library.reports.items())
        ]
    )
