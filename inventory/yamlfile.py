"""YAML that remembers its lines, and `${NAME}` inside values. The only user of PyYAML."""

import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml

from inventory.located import Faults, Located

__all__ = ["read_yaml"]

_REFERENCE = re.compile(r"\$\$\{|\$\{([^}]*)\}")
_NAME = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?\Z", re.DOTALL)


def read_yaml(file: Path, faults: Faults, wanted: Callable[[str], bool]) -> Located:
    """Read a YAML file, expanding `${NAME}`, `${NAME:-default}` and `${file:/path}` inside values.

    Args:
        wanted: whether the value under this key is to be expanded; others keep their text.

    Raises:
        OSError: the file cannot be read.
    """
    text = file.read_bytes()
    root = Located(None, 1, "")
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "it is not text in UTF-8"
        faults.add(Located(None, mark.line + 1 if mark else 1, ""), f"not YAML: {problem}")
        return root
    if node is None:
        faults.add(root, "the file is empty; `inventory init` writes one to start from")
        return root
    return _Walk(faults, wanted).convert(node, "")


class _Walk:
    def __init__(self, faults: Faults, wanted: Callable[[str], bool]) -> None:
        self._faults = faults
        self._wanted = wanted
        self._loader = yaml.SafeLoader("")
        self._open: set[int] = set()

    def convert(self, node: yaml.Node, key: str) -> Located:
        line = node.start_mark.line + 1
        if id(node) in self._open:
            self._faults.add(Located(None, line, key), "an alias that contains itself")
            return Located(None, line, key)
        self._open.add(id(node))
        try:
            return Located(self._value(node, key, line), line, key)
        finally:
            self._open.discard(id(node))

    def _value(self, node: yaml.Node, key: str, line: int) -> Any:
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, key)
        if isinstance(node, yaml.SequenceNode):
            return [self.convert(item, f"{key}[{at}]") for at, item in enumerate(node.value)]
        try:
            value = self._loader.construct_object(node)
        except (yaml.YAMLError, ValueError):
            self._faults.add(Located(None, line, key), "not a value of its type")
            return None
        if isinstance(value, str) and "${" in value and self._wanted(key):
            return self._expand(value, Located(None, line, key))
        return value

    def _mapping(self, node: yaml.MappingNode, key: str) -> dict[str, Located]:
        found: dict[str, Located] = {}
        for name_node, value_node in node.value:
            name = str(getattr(name_node, "value", ""))
            inner = f"{key}.{name}" if key else name
            if name in found:
                self._faults.add(Located(None, name_node.start_mark.line + 1, inner), "given twice")
            value = self.convert(value_node, inner)
            found[name] = Located(value.value, name_node.start_mark.line + 1, inner)
        return found

    def _expand(self, text: str, at: Located) -> str:
        def replace(match: re.Match[str]) -> str:
            if match[0] == "$${":
                return "${"
            try:
                return _look_up(match[1], os.environ)
            except LookupError as error:
                self._faults.add(at, str(error.args[0]))
                return ""

        return _REFERENCE.sub(replace, text)


def _look_up(reference: str, environment: Mapping[str, str]) -> str:
    if reference.startswith("file:"):
        path = reference.removeprefix("file:")
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not text in UTF-8"
            raise LookupError(f"the file {path} cannot be read: {why}") from None
    match = _NAME.match(reference)
    if match is None:
        raise LookupError(f"${{{reference}}} is not a name; ${{NAME}}, ${{NAME:-default}} and ${{file:/path}} are")
    value = environment.get(match[1]) or match[2]
    if value is None:
        raise LookupError(f"the environment variable {match[1]} is not set")
    return value
