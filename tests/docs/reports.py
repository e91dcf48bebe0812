"""The reports that are shipped: the question of each, its parameters and its columns."""

from inventory.report.library import Library, Parameter, Report
from tests.docs.markdown import code, joined, table

__all__ = ["part"]


def part() -> str:
    """Return the list of reports, and a section for each."""
    reports = Library().reports.values()
    rows = ((f"[{each.name}](#{each.name})", each.question) for each in reports)
    lines = [*table(("report", "question"), rows)]
    for each in reports:
        lines += ["", *_section(each)]
    return joined(lines)


def _section(report: Report) -> list[str]:
    lines = [f"## {report.title} {{ #{report.name} }}", "", report.question, ""]
    lines += ["```bash", f"inventory query --report {report.name}{_needed(report)}", "```"]
    if report.parameters:
        given = ((f"`{p.name}`", _type(p), _default(p.default), p.meaning) for p in report.parameters)
        lines += ["", *table(("parameter", "type", "default", "meaning"), given)]
    columns = ((f"`{c.name}`", f"{c.kind}, {c.unit}" if c.unit else c.kind, c.meaning) for c in report.columns)
    return [*lines, "", *table(("column", "type and unit", "meaning"), columns)]


def _type(parameter: Parameter) -> str:
    return f"{parameter.kind}: {', '.join(map(code, parameter.values))}" if parameter.values else parameter.kind


def _default(text: str | None) -> str:
    return "none: it must be given" if text is None else f"`{text}`"


def _needed(report: Report) -> str:
    return "".join(f" --param {each.name}=VALUE" for each in report.parameters if each.default is None)
