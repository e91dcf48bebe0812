"""The error messages of the package, read from its source: the text of each, with names in the place of values."""

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache

import inventory
from inventory.common.errors import ExitCode, InventoryError
from tests.conftest import ROOT

__all__ = ["Message", "messages"]

# Errors that become part of one of ours, and of which the text is shown: of the configuration, or of a URL.
WRAPPED = {"CredentialsError": 64, "_UrlError": 64, "TransportError": 1, "LookupError": 64}
REASONS = re.compile(r"_?(why|wrong|check_|unsupported|without_scheme|unknown)")  # functions that return one
UNSEEN = ("inventory/mock/service", "inventory/mock/identity", "inventory/mock/answers")  # the mock's answers
WORDS = {
    "strerror": "REASON", "summary": "…", "why": "REASON", "self": "DATABASE", "count": "NUMBER", "__name__": "KIND",
    "prefix": "", "match": "NAME", "args": "NAME", "unknown": "NAME", "id": "ID", "text": "TEXT",
}  # fmt: skip


@dataclass(frozen=True)
class Message:
    """A message. remedy: '' where the code has none, or a text that is made elsewhere."""

    module: str
    text: str
    code: str
    remedy: str


@cache
def messages() -> tuple[Message, ...]:
    """Return the messages in the order of the source, each once."""
    found: dict[str, Message] = {}
    for file in sorted((ROOT / "inventory").rglob("*.py")):
        module = str(file.relative_to(ROOT).with_suffix(""))
        if not module.startswith(UNSEEN):
            for each in _Reader(module, ast.parse(file.read_text())).found():
                known = found.setdefault(each.text, each)
                if each.remedy not in known.remedy or each.code not in known.code:
                    both = [dict.fromkeys(filter(None, pair)) for pair in _pairs(known, each)]
                    found[each.text] = replace(known, code=" or ".join(both[0]), remedy=" Or: ".join(both[1]))
    return tuple(found.values())


def _pairs(one: Message, other: Message) -> tuple[tuple[str, str], tuple[str, str]]:
    """Return the codes and the remedies of two messages with one text; a remedy that is in the other one is none."""
    remedy = "" if other.remedy in one.remedy else other.remedy
    return (one.code, "" if other.code in one.code else other.code), (one.remedy, remedy)


@cache
def _codes() -> dict[str, int]:
    """Return the name of each class of errors, with its exit code."""
    for each in pkgutil.walk_packages(inventory.__path__, "inventory."):
        if not each.name.endswith("__main__"):
            importlib.import_module(each.name)
    waiting, found = [InventoryError], dict(WRAPPED)
    while waiting:
        each_class = waiting.pop()
        found[each_class.__name__] = each_class.exit_code
        waiting += each_class.__subclasses__()
    return found


class _Reader:
    """Reads the messages of a module."""

    def __init__(self, module: str, tree: ast.Module) -> None:
        self.module, self.tree = module, tree
        self.constants = self._assigned(tree.body)
        for each in ast.walk(tree):  # what a function returns stands under its name and brackets
            if isinstance(each, ast.FunctionDef):
                returns = [node.value for node in ast.walk(each) if isinstance(node, ast.Return) and node.value]
                self.constants[f"{each.name}()"] = returns

    def found(self) -> Iterator[Message]:
        functions = [node for node in ast.walk(self.tree) if isinstance(node, ast.FunctionDef)]
        inner = {id(node) for each in functions for node in ast.walk(each) if node is not each}
        for function in functions:
            if id(function) not in inner:
                yield from self._of_function(function)
        if self.module.endswith("config/keys"):
            for node in ast.walk(self.tree):
                if isinstance(node, ast.Call) and _name(node.func) == "_form":
                    yield from self._message([node.args[1]], ExitCode.USAGE)
                elif isinstance(node, ast.Dict):
                    of = [value for key, value in zip(node.keys, node.values, strict=True) if _constant(key) == "wrong"]
                    yield from self._message(of, ExitCode.USAGE)

    def _of_function(self, function: ast.FunctionDef) -> Iterator[Message]:
        local = self.constants | self._assigned(list(ast.walk(function)))
        gives_reasons = self.module.startswith("inventory/config") and REASONS.match(function.name)
        for node in ast.walk(function):
            if isinstance(node, ast.Call):
                name = _name(node.func)
                if name == "_lost_error":  # of a class that depends on the database
                    yield from self._message(node.args, ExitCode.FAILED, local)
                elif name in _codes():
                    yield from self._message(node.args, _codes()[name], local)
                elif name == "error" and self.module.startswith("inventory/source/http"):
                    yield from self._message(node.args[:1], ExitCode.FAILED, local)
                elif name == "add" and "aults" in ast.unparse(node.func) and len(node.args) == 2:
                    yield from self._message(node.args[1:], ExitCode.USAGE, local)
            elif isinstance(node, ast.Return) and gives_reasons and node.value is not None:
                yield from self._message([node.value], ExitCode.USAGE, local)

    def _message(
        self, arguments: list[ast.expr], code: int, local: dict[str, list[ast.expr]] | None = None
    ) -> Iterator[Message]:
        known = self.constants if local is None else local
        if arguments and isinstance(arguments[0], ast.Starred):
            called = f"{_name(getattr(arguments[0].value, 'func', arguments[0]))}()"
            for each in known.get(called, []):
                yield from self._message(getattr(each, "elts", [each]), code, known)
            return
        plain = {name: given for name, given in known.items() if not name.endswith("()")}
        texts = [[*_texts(each, of)] for each, of in zip(arguments, (known, plain), strict=False)] + [[], []]
        for text in texts[0]:
            if len(re.sub(r"[A-Z_]{2,}|\W", "", text)) > 3:  # more than another error's text
                shown = text.rstrip(". ").replace("DATABASE: the proxy", "ADDRESS: the proxy")
                remedies = dict.fromkeys(each for each in texts[1] if each.strip(". "))
                yield Message(self.module, shown, str(int(code)), " Or: ".join(remedies))

    def _assigned(self, nodes: list[ast.stmt] | list[ast.AST]) -> dict[str, list[ast.expr]]:
        """Return name -> the expressions that are assigned to it."""
        found: dict[str, list[ast.expr]] = {}
        for node in nodes:
            if isinstance(node, ast.Assign):
                for target in node.targets:
                    if isinstance(target, ast.Name):
                        found.setdefault(target.id, []).append(node.value)
                    elif isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                        for name, value in zip(target.elts, node.value.elts, strict=False):  # *rest
                            found.setdefault(_name(name), []).append(value)
        return found


def _texts(  # noqa: C901  # one case for each kind of expression
    node: ast.expr, known: dict[str, list[ast.expr]], depth: int = 0
) -> Iterator[str]:
    """Yield the texts that an expression can be."""
    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.JoinedStr(values=parts):
            yield "".join(_part(part, known) for part in parts)
        case ast.IfExp(body=one, orelse=other):
            yield from _texts(one, known, depth)
            yield from _texts(other, known, depth)
        case ast.BoolOp(values=values):
            for each in values:
                yield from _texts(each, known, depth)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            after = [*_texts(right, known, depth)] or [""]
            yield from (text + after[0] for text in [*_texts(left, known, depth)] or [""])
        case ast.Tuple(elts=[first, *_]):
            yield from _texts(first, known, depth)
        case ast.Call(func=function) if depth < 3:
            is_text = isinstance(function, ast.Attribute) and function.attr == "rstrip"
            inner = [function.value] if is_text else known.get(f"{_name(function)}()", [])  # type: ignore[attr-defined]
            for each in inner:
                yield from _texts(each, known, depth + 1)
        case ast.Name(id=name) if depth < 3:
            for each in known.get(name, []):
                if not any(isinstance(inner, ast.Name) and inner.id == name for inner in ast.walk(each)):
                    yield from _texts(each, known, depth + 1)


def _part(part: ast.expr, known: dict[str, list[ast.expr]]) -> str:
    if isinstance(part, ast.Constant):
        return str(part.value)
    assert isinstance(part, ast.FormattedValue)
    value = part.value
    if isinstance(value, ast.Name) and value.id.lstrip("_").isupper():
        text = next((each.value for each in known.get(value.id, []) if isinstance(each, ast.Constant)), None)
        if text is not None:
            return str(text)
    if isinstance(value, ast.Call) and _name(value.func) in ("nearest", "_meant", "redirected"):
        return ""  # a suggestion, where there is one
    if isinstance(value, ast.Call | ast.Subscript | ast.BinOp | ast.BoolOp | ast.IfExp):
        shown = _computed(value)
    else:
        shown = _name(value)
    shown = shown if shown.startswith("NUMBER") else WORDS.get(shown, shown.upper().lstrip("_"))
    return f"'{shown}'" if part.conversion == ord("r") else shown


def _computed(value: ast.expr) -> str:
    """Return the word for a value that is computed: for an item what it is an item of, or its name."""
    if isinstance(value, ast.Call) and _name(value.func) in ("len", "count"):
        what = _constant(value.args[-1]) if len(value.args) > 1 else None
        return f"NUMBER {what}s" if what else "NUMBER"
    if isinstance(value, ast.Subscript):
        return _constant(value.slice) or next((n.id for n in ast.walk(value) if isinstance(n, ast.Name)), "…")
    return "…"


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else "…"


def _constant(node: ast.expr | None) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None
