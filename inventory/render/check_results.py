"""The results of `check` on the page of `inventory report`."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

from inventory.common.safe_text import count
from inventory.render.figures import LINES, Figure, Section, Table, first_of, left_out, text_of
from inventory.report.checks.rule import SEVERITIES
from inventory.report.page import CheckResult, Page

__all__ = ["check_results"]

_NAMED = 3  # rules of a line that are named; more are counted


def check_results(page: Page, most: int) -> Section:
    """Return the section: what is new, overdue or waived, and which rules could not judge a source."""
    if page.checks is None:
        return Section("checks", "Checks", [], ["No rule was checked; `inventory check` does."])
    order = sorted(page.checks, key=lambda each: (
        SEVERITIES.index(each.severity), each.opened, each.source, each.job_id, each.rule, each.detail,
    ))  # fmt: skip
    groups: list[tuple[str, str, Callable[[CheckResult], bool]]] = [
        ("new", "New", lambda each: each.state in {"new", "reopened"}),
        ("overdue", "Overdue", lambda each: each.is_overdue),
        ("waived", "Waived", lambda each: each.state == "waived"),
    ]
    figures = []
    for key, title, belongs in groups:
        found = [each for each in order if belongs(each)]
        table = _check_table(found, most, waived=key == "waived")
        said = "" if key == "waived" or not found else _severities(found)
        figures.append(Figure(
            f"checks-{key}", f"{title}: {len(found):,}", said, page.answers["checks"], table, f"No result is {key}.",
            shown=replace(table, rows=table.rows[:LINES], said=first_of(LINES, len(found), "result").strip()),
        ))  # fmt: skip
    figures.append(_unknown(page, most))
    same = [each for each in order if each.state == "open" and not each.is_overdue]
    notes = [f"{count(len(same), 'result')} more open and in time, as before."] if same else []
    return Section("checks", "Checks", figures, notes)


def _unknown(page: Page, most: int) -> Figure:
    groups: dict[tuple[str, str], list[str]] = {}
    for each in page.unknown:
        groups.setdefault((each.source, each.why), []).append(each.rule)
    rows = [[text_of(source), text_of(_named(rules)), text_of(why)] for (source, why), rules in groups.items()]
    table = Table([(head, False) for head in ("source", "rules", "why")], rows[:most], left_out(most, len(rows)))
    lead = f"In {count(len({source for source, _ in groups}), 'source')}; nothing opens or closes there."
    return Figure(
        "checks-unknown", f"Unknown: {len(page.unknown):,}", lead, page.answers["check-runs"], table,
        "Every rule could judge every source.",
        shown=replace(table, rows=rows[:LINES], said=first_of(LINES, len(rows), "line").strip()),
    )  # fmt: skip


def _named(rules: Sequence[str]) -> str:
    return count(len(rules), "rule") if len(rules) > _NAMED else ", ".join(rules)


def _severities(found: Sequence[CheckResult]) -> str:
    numbers = Counter(each.severity for each in found)
    return ", ".join(f"{numbers[each]:,} {each}" for each in SEVERITIES if numbers[each]) + "."


def _check_table(found: Sequence[CheckResult], most: int, *, waived: bool) -> Table:
    heads = ["severity", "rule", "task", "source", "what was found", "open since", *(
        ["reason", "by", "until"] if waived else ["due"]
    )]  # fmt: skip
    rows = [
        [each.severity, f"{each.rule} {each.title}", each.name or each.job_id, each.source, each.detail,
         str(each.opened), *([each.reason, each.by, str(each.until or "")] if waived else [str(each.due)])]
        for each in found[:most]
    ]  # fmt: skip
    return Table([(head, False) for head in heads], [[text_of(cell) for cell in row] for row in rows],
                 left_out(most, len(found)))  # fmt: skip
