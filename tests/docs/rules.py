"""The rules that are shipped, each with its page as `inventory check explain` prints it."""

from inventory.render.check import rule_page
from inventory.report.checks.rule import Rules
from tests.docs.markdown import joined, table

__all__ = ["part"]


def part() -> str:
    """Return the list of rules, and the page of each."""
    rules = Rules().by_id.values()
    rows = (
        (f"[{rule.id}](#{rule.name})", f"`{rule.name}`", rule.severity, rule.sla_days, rule.title) for rule in rules
    )
    lines = [*table(("id", "name", "severity", "days to close", "title"), rows)]
    for rule in rules:
        heading, *rest = rule_page(rule)
        split = next((at for at, line in enumerate(rest) if line.startswith("- ")), len(rest))
        lines += ["", f"##{heading.lstrip('#')} {{ #{rule.name} }}", *rest[:split]]
        lines += ["", *rest[split:]] if rest[split:] else []
        lines += ["", f'??? note "SQL of {rule.id}"', "", "    ```text"]
        lines += [f"    {line}".rstrip() for line in rule.text.strip().splitlines()]
        lines += ["    ```"]
    return joined(lines)
