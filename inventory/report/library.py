"""The reports: a question as one SQL file, with its parameters and columns. Some are shipped, a user adds others."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from importlib import resources
from pathlib import Path

from inventory.common.errors import UsageError
from inventory.config.values import nearest
from inventory.report.relations import TYPES
from inventory.report.statement import Value

__all__ = ["Column", "Library", "Parameter", "Report", "read_header", "read_parameter", "sql_files", "value_of"]

_NAME = re.compile(r"[a-z][a-z0-9-]{0,63}\Z")
_HEADER = re.compile(r"--\s*(?P<word>[a-z_]+)\s*:\s*(?P<text>.*?)\s*\Z")
_WORDS = ("name", "title", "question", "param", "column", "order")
_PARAMETER = re.compile(
    r"(?P<name>[a-z][a-z0-9_]*) (?P<kind>[a-z]+)(?: \((?P<values>[^)]+)\))?(?: = (?P<default>\S+|'[^']*'))?"
    r": (?P<meaning>.+)\Z"
)
_COLUMN = re.compile(r"(?P<name>[a-z][a-z0-9_]*) (?P<kind>[a-z]+)(?: \((?P<unit>[^)]+)\))?: (?P<meaning>.+)\Z")
_FROM_NOW = re.compile(r"(\+?)([0-9]{1,6})([dhm])\Z")
_UNITS = {"d": timedelta(days=1), "h": timedelta(hours=1), "m": timedelta(minutes=1)}
_WANTED = {
    "text": "a text", "integer": "a whole number", "number": "a number", "boolean": "true or false",
    "clock": "a time of the day: HH:MM",
    "date": "a day: YYYY-MM-DD, 30d before now, or +30d after now",
    "time": "a time: 2026-11-01T03:00Z, a day, 30d, 12h or 90m before now, or +30d after now",
}  # fmt: skip


@dataclass(frozen=True)
class Parameter:
    """A value that a report takes.

    default: as it is written; None: there is none. values: that a text may have, beside NULL; none: any.
    """

    name: str
    kind: str
    default: str | None
    meaning: str
    values: tuple[str, ...] = ()

    def value(self, text: str, now: datetime) -> Value:
        """Return a value as it was written.

        Raises:
            UsageError: it is not of the type, or not one of the values.
        """
        found = value_of(self.name, self.kind, text, now)
        if self.values and found is not None and found not in self.values:
            said = f"--param {self.name}={text}: {found!r} is not a value of it{nearest(str(found), self.values)}"
            raise UsageError(said, f"The values are {', '.join(self.values)}, and NULL")
        return found


@dataclass(frozen=True)
class Column:
    """A column of a report's result."""

    name: str
    kind: str
    unit: str
    meaning: str


@dataclass(frozen=True)
class Report:
    """A report. order: the columns that sort the result, no two rows alike in all of them. sql: the SELECT."""

    name: str
    title: str
    question: str
    parameters: tuple[Parameter, ...]
    columns: tuple[Column, ...]
    order: tuple[str, ...]
    sql: str
    text: str
    file: str

    @classmethod
    def read(cls, text: str, file: str) -> "Report":
        """Read a file: lines ``-- name: …`` (title, question, param, column, order), then the SELECT.

        Raises:
            UsageError: a line that is wrong or missing.
        """
        found, sql = read_header(text, file, _WORDS, _SHOWS)
        for word in ("name", "title", "question", "order"):
            if len(found.get(word, [])) != 1:
                raise UsageError(f"{file}: one line `-- {word}: …` is needed", _SHOWS)
        number, name = found["name"][0]
        if not _NAME.match(name):
            raise UsageError(f"{file}, line {number}: {name!r} is not a name", "Use small letters, digits and dashes")
        columns = tuple(_column(file, *each) for each in found.get("column", []))
        order = tuple(each.strip() for each in found["order"][0][1].split(","))
        for each in order:
            if each.removesuffix(" desc") not in {column.name for column in columns}:
                raise UsageError(f"{file}, line {found['order'][0][0]}: order: there is no column {each!r}", _SHOWS)
        parameters = tuple(read_parameter(file, *each) for each in found.get("param", []))
        title, question = found["title"][0][1], found["question"][0][1]
        return cls(name, title, question, parameters, columns, order, sql, text, file)

    def ordered(self, dialect: str) -> str:
        """Return the SELECT with its order, which is the same on both databases."""
        names = ", ".join(each.name for each in self.columns)
        order = ", ".join(self._sorted_by(each, dialect) for each in self.order)
        return f"SELECT {names} FROM (\n{self.sql}\n) AS report\nORDER BY {order}"

    def only(self, name: str) -> "Report":
        """Return the same with a parameter of a column's name: only the rows that have its value."""
        names = ", ".join(each.name for each in self.columns)
        column = next(each for each in self.columns if each.name == name)
        sql = f"SELECT {names} FROM (\n{self.sql}\n) AS every_row\nWHERE {name} = :{name}"
        parameter = Parameter(name, column.kind, None, f"Only rows of this {name}")
        return replace(self, sql=sql, parameters=(*self.parameters, parameter))

    def _sorted_by(self, each: str, dialect: str) -> str:
        """Return a term of ORDER BY: texts by code point, NULL as the least."""
        name, _, word = each.partition(" ")
        is_text = any(column.name == name and column.kind == "text" for column in self.columns)
        collated = f'{name} COLLATE "C"' if is_text and dialect == "postgresql" else name
        return f"{collated} DESC NULLS LAST" if word == "desc" else f"{collated} NULLS FIRST"

    def values(self, given: Mapping[str, str], now: datetime) -> dict[str, tuple[str, Value]]:
        """Return name -> type and value of each parameter, by default that of the file.

        Raises:
            UsageError: there is no such parameter, a value is not of its type, or one is missing.
        """
        known = {each.name: each for each in self.parameters}
        for name in given:
            if name not in known and name != "now":
                raise UsageError(
                    f"the report {self.name} has no parameter {name!r}{nearest(name, known)}",
                    f"It has: {', '.join(known) or 'none'}",
                )
        found: dict[str, tuple[str, Value]] = {}
        for name, each in known.items():
            text = given.get(name, each.default)
            if text is None:
                raise UsageError(f"the report {self.name} needs the parameter {name}", f"Give --param {name}=VALUE")
            if (each.default or "").startswith("+") and _FROM_NOW.match(text) and not text.startswith("+"):
                text = f"+{text}"  # of a time to come, 30d means in thirty days
            found[name] = each.kind, each.value(text, now)
        return found


_SHOWS = "`inventory query --report failed --show` prints one as an example"


class Library:
    """The reports by name: those that are shipped, and those of the user's folders, which come first."""

    def __init__(self, folders: Iterable[Path] = ()) -> None:
        """Read every file ``*.sql`` of the folders.

        Raises:
            UsageError: a folder or a file cannot be read, or two files of a user have one name.
        """
        shipped = resources.files("inventory.report") / "sql"
        self.reports = {
            report.name: report
            for each in sorted(shipped.iterdir(), key=lambda each: each.name)
            if each.name.endswith(".sql")
            for report in [Report.read(each.read_text(encoding="utf-8"), each.name)]
        }
        own: dict[str, str] = {}
        for folder in folders:
            for report in (Report.read(text, file) for file, text in sql_files(folder, "reports")):
                if report.name in own:
                    raise UsageError(f"{report.file}: the report {report.name} is in {own[report.name]} too")
                own[report.name] = report.file
                self.reports[report.name] = report

    def __getitem__(self, name: str) -> Report:
        """Return a report.

        Raises:
            UsageError: there is none of that name.
        """
        if name not in self.reports:
            hint = "`inventory query --list` shows those that are there"
            raise UsageError(f"there is no report {name!r}{nearest(name, self.reports)}", hint)
        return self.reports[name]


def read_header(
    text: str, file: str, words: Collection[str], hint: str
) -> tuple[dict[str, list[tuple[int, str]]], str]:
    """Read a file of SQL that begins with lines ``-- word: text``.

    Args:
        words: those that a header may have; another line is part of the SQL. hint: what to do about a wrong file.

    Returns:
        word -> line number and text of each of its lines; and the SQL below the header, without a semicolon.

    Raises:
        UsageError: there is no SQL.
    """
    found: dict[str, list[tuple[int, str]]] = {}
    body: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        match = _HEADER.match(line)
        if match and match["word"] in words and not body:
            found.setdefault(match["word"], []).append((number, match["text"]))
        elif body or line.strip():
            body.append(line)
    sql = "\n".join(body).strip().removesuffix(";")
    if not sql:
        raise UsageError(f"{file}: there is no SELECT below the header", hint)
    return found, sql


def sql_files(folder: Path, key: str) -> list[tuple[str, str]]:
    """Return path and text of each file ``*.sql`` of a folder that the configuration names under a key.

    Raises:
        UsageError: it cannot be read.
    """
    try:
        files = sorted(each for each in folder.iterdir() if each.suffix == ".sql")
        texts = [(each, each.read_text(encoding="utf-8")) for each in files]
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise UsageError(f"{key}: {folder} cannot be read: {why}", "Name a folder of SQL files") from None
    return [(str(file), text) for file, text in texts]


def value_of(name: str, kind: str, text: str, now: datetime) -> Value:
    """Return the value of a parameter; NULL is none.

    Raises:
        UsageError: the text is not of the type.
    """
    try:
        return _value(kind, text, now)
    except (ValueError, OverflowError):
        raise UsageError(f"--param {name}={text}: {_WANTED[kind]} is needed") from None


def _value(kind: str, text: str, now: datetime) -> Value:
    if text == "NULL":
        return None
    readers: dict[str, Callable[[], Value]] = {
        "integer": lambda: int(text),
        "number": lambda: float(text),
        "boolean": lambda: bool(("false", "true").index(text)),
        "clock": lambda: f"{datetime.strptime(text, '%H:%M'):%H:%M}",  # noqa: DTZ007  # of no day
        "time": lambda: _moment(text, now),
        "date": lambda: _moment(text, now).date(),
        "text": lambda: text[1:-1] if len(text) > 1 and text[0] == text[-1] == "'" else text,
    }
    return readers[kind]()


def _moment(text: str, now: datetime) -> datetime:
    if found := _FROM_NOW.match(text):
        distance = int(found[2]) * _UNITS[found[3]]
        return now + distance if found[1] else now - distance
    if len(text) == 10:
        return datetime.combine(date.fromisoformat(text), datetime.min.time(), UTC)
    moment = datetime.fromisoformat(text)
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def read_parameter(file: str, number: int, text: str) -> Parameter:
    """Read a line ``-- param: …``.

    Raises:
        UsageError: it is not one.
    """
    match = _PARAMETER.match(text)
    if match is None or match["kind"] not in _WANTED:
        raise UsageError(
            f"{file}, line {number}: a parameter is `-- param: NAME TYPE = DEFAULT: meaning`",
            f"The types are {', '.join(_WANTED)}; after text may stand its values: (one, two)",
        )
    values = tuple(each.strip() for each in (match["values"] or "").split(",") if each.strip())
    if values and (match["kind"] != "text" or match["default"] not in (None, "NULL", *values)):
        raise UsageError(
            f"{file}, line {number}: only a text has a list of values, and its default is one of them, or NULL",
            "Write NAME text (ONE, TWO) = ONE: meaning",
        )
    return Parameter(match["name"], match["kind"], match["default"], match["meaning"], values)


def _column(file: str, number: int, text: str) -> Column:
    match = _COLUMN.match(text)
    if match is None or match["kind"] not in TYPES:
        raise UsageError(
            f"{file}, line {number}: a column is `-- column: NAME TYPE (unit): meaning`",
            f"The types are {', '.join(TYPES)}",
        )
    return Column(match["name"], match["kind"], match["unit"] or "", match["meaning"])
