"""The exit codes, each with the page of the runbook about it."""

from inventory.common.errors import ExitCode
from inventory.export.run import worst
from tests.docs.markdown import joined, table

__all__ = ["part"]


def part() -> str:
    """Return the table of codes, and which of several is the one that is returned."""
    rows = ((f"`{code}`", code.meaning, f"[Exit code {code}](../runbook/exit-{code}.md)") for code in ExitCode)
    left: list[int] = [code for code in ExitCode if code is not ExitCode.USAGE]  # before anything has begun
    order = []
    while left:
        order.append(worst(left))
        left.remove(order[-1])
    told = f"Of several sources the worst counts; the order is {', '.join(f'`{code}`' for code in order)}."
    return joined([*table(("code", "meaning", "what to do"), rows), "", told])
