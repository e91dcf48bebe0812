"""Rules: each is one SQL file with a stable id, a severity, a remedy and a deadline. Some are shipped.

A rule is a function of one snapshot: the same snapshot and the same rule give the same rows. So it may read the tables
and views of the state alone, none of history, which `prune` shortens, and nothing that depends on the clock but `:now`.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, cached_property
from importlib import resources
from pathlib import Path

from sqlglot import exp

from inventory.common.errors import UsageError
from inventory.common.exact_json import canonical
from inventory.config.values import nearest, seconds_of
from inventory.report.library import Parameter, read_header, read_parameter, sql_files
from inventory.report.quoted import refuse_unknown
from inventory.report.statement import Statement, Value
from inventory.schema import ENTITIES

__all__ = ["SEVERITIES", "Rule", "Rules"]

SEVERITIES = ("critical", "high", "medium", "low")  # the worst first
COLUMNS = ("source", "job_id", "key", "detail")
RELATIONS = frozenset(
    {entity.name for entity in ENTITIES}
    | {"sources", "snapshots", "enum_values", "tasks", "sub_tasks", "endpoint_security"}
)
# They count in the order of content, or hash it: one more row, or another value, would make another result of it.
_NO_IDENTITY = frozenset({"item", "occurrence", "item_occurrence"})
# What pruning moves.
_HISTORIC = frozenset({"status_since", "pruned_at"})

_WORDS = {"id", "name", "title", "severity", "meaning", "remedy", "sla_days", "identity", "max_age", "param"}
_ONCE = ("id", "name", "title", "severity", "meaning", "remedy", "sla_days", "identity")
_IDENTITIES = {"source": ("source",), "job_id": ("job_id",), "job_id, key": ("job_id", "key"), "key": ("key",)}
_FORMS = {  # of the text after a word, and what is needed
    "id": (r"[A-Z][A-Z0-9]{0,15}-[0-9]{1,6}", "an id such as DRS-001"),
    "name": (r"[a-z][a-z0-9-]{0,63}", "a name of small letters, digits and dashes"),
    "severity": ("|".join(SEVERITIES), f"one of {', '.join(SEVERITIES)}"),
    "sla_days": ("[0-9]{1,4}", "a whole number of days, 0 to 9999"),
    "identity": ("|".join(_IDENTITIES), f"one of: {'; '.join(_IDENTITIES)}"),
    "max_age": (".*", "a time such as 36h, up to 720h, or none"),
}
_DEFAULT_MAX_AGE = "36h"
_SHOWS = "`inventory check explain DRS-001` prints one as an example"


@dataclass(frozen=True)
class Rule:
    """A rule.

    severity: of SEVERITIES. meaning: why it matters. sla_days: days from the opening of a result to its deadline.
    identity: which of job_id and key tell results of one source apart. max_age: how old a snapshot may be to be judged;
    None: the rule is about that age itself, is judged on every snapshot, and `:now` is the time of the check.
    """

    id: str
    name: str
    title: str
    severity: str
    meaning: str
    remedy: str
    sla_days: int
    identity: tuple[str, ...]
    max_age: timedelta | None
    parameters: tuple[Parameter, ...]
    sql: str
    text: str
    file: str

    @classmethod
    def read(cls, text: str, file: str) -> "Rule":
        """Read a file: lines ``-- id: …`` and so on, then one SELECT of source, job_id, key and detail.

        Raises:
            UsageError: a line that is wrong or missing.
        """
        found, sql = read_header(text, file, _WORDS, _SHOWS)
        for word in _ONCE:
            if len(found.get(word, [])) != 1 or not found[word][0][1]:
                raise UsageError(f"{file}: one line `-- {word}: …` is needed", _SHOWS)

        found.setdefault("max_age", [(0, _DEFAULT_MAX_AGE)])
        for word, (pattern, needed) in _FORMS.items():
            number, given = found[word][0]
            if not re.fullmatch(pattern, given) or (word == "max_age" and given != "none" and not seconds_of(given)):
                raise UsageError(f"{file}, line {number}: {word}: {given!r} is not {needed}", _SHOWS)
        values = {word: lines[0][1] for word, lines in found.items() if word != "param"}
        seconds = seconds_of(values["max_age"])
        parameters = tuple(read_parameter(file, *each) for each in found.get("param", []))
        if lacking := [each.name for each in parameters if each.default is None]:
            raise UsageError(f"{file}: the parameter {lacking[0]} has no default", "Write NAME TYPE = DEFAULT: meaning")
        return cls(
            values["id"], values["name"], values["title"], values["severity"], values["meaning"], values["remedy"],
            int(values["sla_days"]), _IDENTITIES[values["identity"]], timedelta(seconds=seconds) if seconds else None,
            parameters,
            sql, text, file,
        )  # fmt: skip

    def statement(self, dialect: str) -> Statement:
        """Return the SELECT for a dialect, without values for its parameters.

        Raises:
            UsageError: it is not one SELECT of the columns; or it reads what would change by itself.
        """
        try:
            statement = _parsed(self.sql, dialect)
            refuse_unknown(statement, {})
        except UsageError as error:
            raise UsageError(f"{self.file}: {error.summary}", error.hint) from None
        if statement.tree.named_selects != list(COLUMNS):
            raise UsageError(f"{self.file}: the SELECT must give {', '.join(COLUMNS)}, in this order", _SHOWS)
        for table in statement.tables():
            if table.name not in RELATIONS or table.db:
                named = f"{table.db}.{table.name}" if table.db else table.name
                raise UsageError(f"{self.file}: a rule cannot read {named}{nearest(named, RELATIONS)}", _READS)
        selected = {
            column.name
            for select in statement.tree.find_all(exp.Select)
            for each in select.expressions
            for column in each.find_all(exp.Column)
        }
        for column in sorted(selected & _NO_IDENTITY):
            raise UsageError(
                f"{self.file}: {column} is selected, which is another one when other rows change",
                "Build the key from what identifies the item, such as host and port",
            )
        for column in sorted({each.name for each in statement.tree.find_all(exp.Column)} & _HISTORIC):
            raise UsageError(f"{self.file}: a rule cannot read {column}, which pruning changes", _READS)
        known = {*(each.name for each in self.parameters), "now"}
        for name in sorted(statement.parameters() - known):
            raise UsageError(f"{self.file}: there is no line `-- param:` for :{name}{nearest(name, known)}", _SHOWS)
        return statement

    def values(self, now: datetime) -> dict[str, tuple[str, Value]]:
        """Return name -> type and value of each parameter. now: the value of `:now`.

        Raises:
            UsageError: a default is not of its type.
        """
        found = {each.name: (each.kind, each.value(each.default or "", now)) for each in self.parameters}
        return {"now": ("time", now), **found}

    def unfit(self, snapshot_id: int, status: str, age: timedelta) -> tuple[str, str]:
        """Return why the rule cannot judge a snapshot, as it is recorded and for people; '' if it can."""
        if self.max_age is None:
            return "", ""
        if status == "partial":
            return "partial", f"snapshot {snapshot_id} is partial"
        if age > self.max_age:
            hours, most = (round(each.total_seconds() / 3600) for each in (age, self.max_age))
            return "stale", f"snapshot {snapshot_id} is {hours} h old, and the rule allows {most} h"
        return "", ""

    @cached_property
    def _reads_owner(self) -> bool:
        tree = self.statement("sqlite").tree
        return any(each.name == "owner" for each in tree.find_all(exp.Column))

    def digest(self, owner_tag: str) -> str:
        """Return SHA-256, in hex, over all that the results of the rule depend on beside the snapshot.

        These are the lines of its file but for name, title, meaning and remedy, and, where it reads `owner`, the key
        of the tag that names one.
        """
        parts = {
            "id": self.id, "severity": self.severity, "sla_days": self.sla_days, "identity": list(self.identity),
            "max_age": None if self.max_age is None else int(self.max_age.total_seconds()),
            "parameters": {each.name: f"{each.kind} {each.default}" for each in self.parameters},
            "sql": self.sql, "owner_tag": owner_tag if self._reads_owner else None,
        }  # fmt: skip
        return hashlib.sha256(canonical(parts).encode()).hexdigest()


@cache
def _parsed(sql: str, dialect: str) -> Statement:
    return Statement.read(sql, dialect)


_READS = f"It reads the state of one snapshot: {', '.join(sorted(RELATIONS))}"


class Rules:
    """The rules by id, in the order of ids: those that are shipped, and those of the user's folders, which come first.

    A user's rule with the id of a shipped one stands in its place.
    """

    def __init__(self, folders: Iterable[Path] = (), without: Iterable[str] = ()) -> None:
        """Read every file ``*.sql`` of the folders.

        Args:
            without: ids of rules that are left out.

        Raises:
            UsageError: a folder or a file cannot be read, two files of a user have one id, or two rules one name.
        """
        shipped = resources.files("inventory.report") / "rules"
        files = sorted((each for each in shipped.iterdir() if each.name.endswith(".sql")), key=lambda each: each.name)
        found = {rule.id: rule for each in files for rule in [Rule.read(each.read_text(encoding="utf-8"), each.name)]}
        own: dict[str, str] = {}
        for folder in folders:
            for file, text in sql_files(folder, "check.rules"):
                rule = Rule.read(text, file)
                if rule.id in own:
                    raise UsageError(f"{file}: the rule {rule.id} is in {own[rule.id]} too", "Give it another id")
                own[rule.id], found[rule.id] = file, rule
        skipped = set(without)
        for each in sorted(skipped - found.keys()):
            raise UsageError(f"check.skip: there is no rule {each!r}{nearest(each, found)}", _LISTS)
        self.by_id = {id_: found[id_] for id_ in sorted(found) if id_ not in skipped}
        names: dict[str, Rule] = {}
        for rule in self.by_id.values():
            if (other := names.setdefault(rule.name, rule)) is not rule:
                raise UsageError(f"{rule.file}: the name {rule.name} is that of {other.id} too", "Give it another name")
        self._by_name = names

    def __getitem__(self, word: str) -> Rule:
        """Return a rule by its id or its name.

        Raises:
            UsageError: there is none.
        """
        found = self.by_id.get(word.upper()) or self._by_name.get(word)
        if found is None:
            known = [*self.by_id, *self._by_name]
            raise UsageError(f"there is no rule {word!r}{nearest(word, known)}", _LISTS)
        return found

    def choose(self, words: Iterable[str]) -> list[Rule]:
        """Return some rules, or without words all of them, in the order of ids."""
        chosen = {self[word].id for word in words}
        return [rule for id_, rule in self.by_id.items() if not chosen or id_ in chosen]


_LISTS = "`inventory check list` shows those that are there"
