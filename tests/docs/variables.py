"""The environment variables of Terraform's provider and of the vendor's SDK; and all that the package reads."""

import ast
import re
from collections.abc import Callable, Iterator

from inventory.config.json_schema import as_schema
from inventory.config.variables import FAMILIES, FILE, NOT_READ, UNSUPPORTED, Unsupported
from tests.conftest import ROOT
from tests.docs.markdown import code, joined, table

__all__ = ["PARTS", "named_in_the_code"]

_VARIABLE = re.compile(r"(HW|OS|HUAWEICLOUD|INVENTORY|HC|SSL|REQUESTS|CURL)_[A-Z_]*[A-Z]$|JOB_COMPLETION_INDEX$")
HEAD = ("key", "`HW_…`", "`HUAWEICLOUD_SDK_…`", "`OS_…`", "in the SDK's file")


def _families() -> str:
    keys = [*as_schema()["$defs"]["Auth"]["properties"], "project_id", "project_name", "iam_endpoint"]
    assert {*keys} >= {member for family in FAMILIES for member in family}
    rows = [
        (code(key), *(_names(family.get(key, "")) for family in FAMILIES), code(FILE.get(key)))
        for key in keys if any(key in family for family in FAMILIES)
    ]  # fmt: skip
    return joined(table(HEAD, rows))


def _names(words: str) -> str:
    return ", ".join(code(name) for name in words.split())


def _others(found: tuple[Unsupported, ...]) -> Callable[[], str]:
    def part() -> str:
        rows = ((" with ".join(code(name) for name in each.names), each.why) for each in found)
        return joined(table(("variable", "why, and what to do"), rows))

    return part


PARTS = {"logins": _families, "unsupported": _others(UNSUPPORTED), "not read": _others(NOT_READ)}


def named_in_the_code() -> Iterator[str]:
    """Yield the variables that the package names, or reads from the environment."""
    for file in (ROOT / "inventory").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and _VARIABLE.match(node.value):
                yield node.value
            elif isinstance(node, ast.Call | ast.Subscript):
                of = node.func.value if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) else node
                of = of.value if isinstance(of, ast.Subscript) else of
                key = node.slice if isinstance(node, ast.Subscript) else node.args[0] if node.args else None
                if isinstance(key, ast.Constant) and ast.unparse(of).endswith("environ"):
                    yield str(key.value)
