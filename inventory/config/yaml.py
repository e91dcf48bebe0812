"""Reads YAML with line numbers, and expands `${NAME}` inside values. The only user of PyYAML.

Plain scalars are accepted only if YAML 1.1, YAML 1.2 and people read them alike: decimal numbers, true and false.
Others (`010` is 8, `1:30` is 90, `no` is false in YAML 1.1) become `Ambiguous`, and their key refuses them.
"""

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from inventory.config.located import ELSEWHERE, FAULTY, FOR_EXPORT, Ambiguous, Faults, Located, Reading
from inventory.config.values import DECIMAL, WHOLE

__all__ = ["Document", "read_yaml"]

MAX_DEPTH = 32  # levels; the composer is recursive
MAX_REPEATED = 100_000  # values repeated by aliases: a few nested aliases can give millions
MAX_BYTES = 4 * 1024 * 1024  # of a file; prevents reading an endless file

_DOLLAR = re.compile(r"\$(?:(?P<escaped>\$)|\{(?P<reference>[^{}]*)\}|(?P<wrong>[{(A-Za-z_]))")
_NAME = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?\Z", re.DOTALL)
_CREDENTIAL = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*\Z")
_CREDENTIALS = "CREDENTIALS_DIRECTORY"  # the variable that systemd sets to the folder of a service's credentials
_FORMS = "${NAME}, ${NAME:-default}, ${file:PATH} and ${credential:NAME} are replaced; write $$ for a $"
_WRONG = {
    "{": f"a ${{ that is not closed, or has a brace inside; {_FORMS}",
    "(": f"no command is run for $(; {_FORMS}",
    "": f"a $ before a name; {_FORMS}",
}
_TAG = "tag:yaml.org,2002:"
_TEXTS = {f"{_TAG}{kind}" for kind in ("str", "value", "merge")}


@dataclass(frozen=True)
class Document:
    """A parsed file.

    secret_files: files that contain a secret: this file, or files in its references. references: key -> what its value
    was taken from, in words.
    """

    root: Located
    secret_files: list[Path] = field(default_factory=list)
    references: dict[str, list[str]] = field(default_factory=dict)


def read_yaml(file: Path, faults: Faults, reading: Reading, secret: Callable[[str, str], bool]) -> Document:
    """Read a YAML file, expanding `${NAME}`, `${NAME:-default}`, `${file:PATH}` and `${credential:NAME}` inside values.

    References in credentials are expanded only for an export.

    Args:
        secret: returns whether the text under a key is secret; ELSEWHERE in the text replaces values from elsewhere.

    Raises:
        OSError: the file cannot be read.
    """
    with file.open("rb") as opened:
        content = opened.read(MAX_BYTES + 1)
    broken = Document(Located(FAULTY, 1, ""))
    if len(content) > MAX_BYTES:
        faults.add(Located(None, 1, ""), f"longer than {MAX_BYTES // 2**20} MiB; put job ids in a file of their own")
        return broken
    try:
        node = yaml.compose(content, Loader=_Loader)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        line, problem = _problem(error, content)
        faults.add(Located(None, line, ""), f"not YAML: {problem}")
        return broken
    if node is None:
        faults.add(Located(None, 1, ""), "the file is empty; `inventory init` writes one to start from")
        return broken
    walk = _Walk(file, faults, reading, secret)
    try:
        return Document(walk.convert(node, ""), walk.secret_files, walk.references)
    except _TooManyError as error:
        faults.add(error.at, f"aliases repeat more than {MAX_REPEATED:,} values; write them once, or fewer aliases")
        return broken


class _Loader(yaml.SafeLoader):
    """Composes nodes, with a limit for nesting."""

    _depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            problem = f"it is nested more than {MAX_DEPTH} levels deep"
            raise yaml.composer.ComposerError(None, None, problem, self.get_mark())
        found: yaml.Node | None = super().compose_node(parent, index)
        self._depth -= 1
        return found


def _problem(error: Exception, content: bytes) -> tuple[int, str]:
    """Return line and description of a syntax error, without the text that it quotes: that may be a secret."""
    mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
    if isinstance(error, yaml.reader.ReaderError):
        at = content.count(b"\n", 0, error.position) + 1
        return at, "a control character" if error.encoding == "unicode" else "it is not text in UTF-8"
    if problem and "undefined alias" in problem:
        problem = "an alias without its anchor; a text that begins with * needs quotes"
    text = re.sub(r"'([^']*)'", _unquoted, problem or "it is not text in UTF-8")
    at = mark.line + 1 if mark else 1
    if text.endswith("'{'") and b"${" in b"".join(content.splitlines()[at - 1 : at]):
        text += "; ${NAME} between { and } or [ and ] needs quotes"
    return at, text


def _unquoted(match: re.Match[str]) -> str:
    return match[0] if len(match[1]) <= 1 or match[1].startswith("<") else "'…'"


class _TooManyError(Exception):
    def __init__(self, at: Located) -> None:
        super().__init__(at.key)
        self.at = at


class _Walk:
    def __init__(self, file: Path, faults: Faults, reading: Reading, secret: Callable[[str, str], bool]) -> None:
        self.secret_files: list[Path] = []
        self.references: dict[str, list[str]] = {}
        self._file = file
        self._faults = faults
        self._reading = reading
        self._secret = secret
        self._open: set[int] = set()
        self._seen: set[int] = set()
        self._repeated = 0

    def convert(self, node: yaml.Node, key: str, line: int | None = None) -> Located:
        line = line or node.start_mark.line + 1
        if id(node) in self._seen:
            self._repeated += 1
            if self._repeated > MAX_REPEATED:
                raise _TooManyError(Located(None, line, key))
        self._seen.add(id(node))
        if id(node) in self._open:
            return self._faulty(Located(None, line, key), "an alias that contains itself")
        self._open.add(id(node))
        try:
            return self._convert_node(node, Located(None, line, key))
        finally:
            self._open.discard(id(node))

    def _faulty(self, at: Located, why: str) -> Located:
        self._faults.add(at, why)
        return Located(FAULTY, at.line, at.key)

    def _convert_node(self, node: yaml.Node, at: Located) -> Located:
        key, line = at.key, at.line
        if isinstance(node, yaml.MappingNode):
            return Located(self._mapping(node, key), line, key)
        if isinstance(node, yaml.SequenceNode):
            items = [self.convert(item, f"{key}[{number}]") for number, item in enumerate(node.value)]
            return Located(items, line, key)
        if node.tag not in _TEXTS:
            plain = _plain(node)
            return self._faulty(at, "a tag that is not known here") if plain is FAULTY else Located(plain, line, key)
        wanted = self._reading.for_export or not FOR_EXPORT.search(key)
        found = self._expand(node.value, at) if wanted else Located(node.value, line, key)
        if found.value is FAULTY:
            return found
        if (text := _combine_surrogates(found.value)) is None:
            return self._faulty(at, "half of a character; it is not text in UTF-8")
        return Located(text, line, key)

    def _mapping(self, node: yaml.MappingNode, key: str) -> dict[str, Located]:
        found: dict[str, Located] = {}
        for name_node, value_node in node.value:
            line = name_node.start_mark.line + 1
            if not isinstance(name_node, yaml.ScalarNode):
                self._faults.add(Located(None, line, key), "a key is a list or has keys itself; it must be a word")
                continue
            name = name_node.value
            inner = f"{key}.{name}" if key else name
            if name in found:
                self._faults.add(Located(None, line, inner), "given twice")
            found[name] = self.convert(value_node, inner, line)
        return found

    def _expand(self, text: str, at: Located) -> Located:
        """Replace references and the escaped `$`. Values from elsewhere are not expanded again."""
        wrong = [_WRONG.get(match["wrong"], _WRONG[""]) for match in _DOLLAR.finditer(text) if match["wrong"]]
        if wrong:
            return self._faulty(at, wrong[0])
        files: list[Path] = []

        def replace(match: re.Match[str]) -> str:
            if match["escaped"]:
                return "$"
            self.references.setdefault(at.key, []).append(self._described(match["reference"]))
            try:
                return self._look_up(match["reference"], files)
            except LookupError as error:
                wrong.append(str(error.args[0]))
                return ""

        value = _DOLLAR.sub(replace, text)
        for why in wrong:
            self._faults.add(at, why)
        if wrong:
            return Located(FAULTY, at.line, at.key)
        if ELSEWHERE in value and self._reading.no_env:
            unknown = (match[0] for match in _DOLLAR.finditer(text) if match["reference"] and ":-" not in match[0])
            self._faults.skip(at, ", ".join(unknown))
            return Located(FAULTY, at.line, at.key)
        if self._secret(at.key, _DOLLAR.sub(_own_text, text)):
            self.secret_files.append(self._file)
        if self._secret(at.key, value):
            self.secret_files.extend(files)
        return Located(value, at.line, at.key)

    def _described(self, reference: str) -> str:
        """Return in words what a reference takes its value from."""
        unread = ", not read" if self._reading.no_env else ""
        if reference.startswith("file:"):
            return f"file {self._file.parent / reference.removeprefix('file:')}{unread}"
        if reference.startswith("credential:"):
            return f"credential {reference.removeprefix('credential:')}{unread}"
        name, _, default = reference.partition(":-")
        if default and (self._reading.no_env or not os.environ.get(name)):
            return f"the default of variable {name}"
        return f"variable {name}{unread}"

    def _look_up(self, reference: str, files: list[Path]) -> str:
        """Return the value of a reference.

        Raises:
            LookupError: it has none; the text says why.
        """
        if reference.startswith(("file:", "credential:")):
            if self._reading.no_env:
                return ELSEWHERE
            is_file = reference.startswith("file:")
            files.append(self._file.parent / reference.removeprefix("file:") if is_file else _credential(reference))
            return _content(files[-1])
        match = _NAME.match(reference)
        if match is None:
            raise LookupError(f"a ${{…}} that is not a reference; {_FORMS}")
        value = None if self._reading.no_env else os.environ.get(match[1])
        if value:
            return value
        if match[2] is None and self._reading.no_env:
            return ELSEWHERE
        if match[2] is None:
            raise LookupError(f"the environment variable {match[1]} is not set, or is empty")
        if (wrong := _DOLLAR.search(match[2])) and wrong["wrong"]:
            raise LookupError(_WRONG[""])
        return match[2].replace("$$", "$")


def _own_text(match: re.Match[str]) -> str:
    """Return the text in the file itself for a reference: its default, or ELSEWHERE."""
    return "$" if match["escaped"] else match["reference"].partition(":-")[2] or ELSEWHERE


def _combine_surrogates(text: str) -> str | None:
    r"""Return a text with surrogate pairs such as \uD83D\uDE00 combined; None if one is unpaired."""
    try:
        return text if text.isascii() else text.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        return None


def _plain(node: Any) -> Any:
    """Return the value of a scalar without quotes; FAULTY if it has another tag."""
    kind, text = node.tag.removeprefix(_TAG), node.value
    if node.style is not None:
        return FAULTY
    try:
        if kind == "int":
            return int(text) if WHOLE.fullmatch(text) else Ambiguous("a number")
        if kind == "float":
            return float(text) if DECIMAL.fullmatch(text) else Ambiguous("a number")
    except ValueError:  # more digits than Python parses
        return Ambiguous("a number")
    if kind == "bool":
        return text.lower() == "true" if text.lower() in ("true", "false") else Ambiguous("true or false")
    null = Ambiguous("null, that is, no value") if text else None
    return {"null": null, "timestamp": Ambiguous("a date")}.get(kind, FAULTY)


def _credential(reference: str) -> Path:
    """Return the file of a credential.

    Raises:
        LookupError: it is not the name of a file, or there is no folder of credentials.
    """
    name, folder = reference.removeprefix("credential:"), os.environ.get(_CREDENTIALS, "")
    if not _CREDENTIAL.match(name):
        raise LookupError(
            "a ${credential:…} that is not the name of a file: letters, digits, dots, dashes, underscores"
        )
    if not folder:
        raise LookupError(f"the environment variable {_CREDENTIALS} is not set, so there is no credential {name}")
    return Path(folder) / name


def _content(path: Path) -> str:
    try:
        with path.open("rb") as opened:
            content = opened.read(MAX_BYTES + 1)
        if len(content) <= MAX_BYTES:
            return content.decode("utf-8-sig").strip()
        why: str | None = "it is too long"
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not text in UTF-8"
    except ValueError:
        why = "its name holds a NUL character"
    raise LookupError(f"the file {path} cannot be read: {why}")
