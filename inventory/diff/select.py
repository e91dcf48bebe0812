"""Which changes are wanted, and which are told apart by the exit code: the words of the command line."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from inventory.common.errors import UsageError
from inventory.config.values import nearest
from inventory.diff.records import SourceDiff
from inventory.schema import ESTATE

__all__ = ["Condition", "Selection"]

_ACTIONS = ("create", "update", "delete")
_COLUMNS = {entity.name: entity.names for entity in ESTATE}


@dataclass(frozen=True)
class Selection:
    """What to look at: one table, one job, jobs of a status and with all of some tags; columns to ignore.

    None and empty mean all and none. A status or tags count where the job has them at either end.
    """

    table: str | None = None
    job_id: str | None = None
    ignore: frozenset[str] = frozenset()
    status: str | None = None
    tags: tuple[tuple[str, str], ...] = ()

    @classmethod
    def of(
        cls, table: str | None, job_id: str | None, ignore: Iterable[str], status: str | None, tags: Iterable[str]
    ) -> "Selection":
        """Read the options as they were given.

        Raises:
            UsageError: a table or column that is not compared, a tag without `=`.
        """
        if table is not None:
            _one_of("--table", "table", table, _COLUMNS)
        known = [f"{name}.{column}" for name, columns in _COLUMNS.items() for column in columns]
        for name in ignore:
            _one_of("--ignore", "column", name, known)
        pairs = []
        for tag in tags:
            key, equals, value = tag.partition("=")
            if not equals:
                raise UsageError(f"--tag {tag!r} has no value", "Give KEY=VALUE")
            pairs.append((key, value))
        return cls(table, job_id, frozenset(ignore), status, tuple(pairs))

    def ignoring(self, columns: frozenset[str]) -> "Selection":
        """Return the same, with further columns to ignore."""
        return replace(self, ignore=self.ignore | columns)


@dataclass(frozen=True)
class Condition:
    """A change that makes the command fail: ACTION, ACTION:TABLE or update:TABLE.COLUMN."""

    action: str
    table: str = ""
    column: str = ""

    @classmethod
    def parse(cls, text: str) -> "Condition":
        """Read one `--fail-on`.

        Raises:
            UsageError: not of these forms, or nothing of that name.
        """
        action, _, place = text.partition(":")
        _one_of("--fail-on", "action", action, _ACTIONS)
        if not place:
            if ":" in text:
                raise UsageError(f"--fail-on {text!r} names no table", "Give ACTION:TABLE or ACTION alone")
            return cls(action)
        table, dot, column = place.partition(".")
        _one_of("--fail-on", "table", table, _COLUMNS)
        if dot:
            _one_of("--fail-on", f"column of {table}", column, _COLUMNS[table])
            if action != "update":
                hint = f"Give {action}:{table}, or update:{place}"
                raise UsageError(f"--fail-on {text!r}: only an update has columns that changed", hint)
        return cls(action, table, column)

    def holds(self, diff: SourceDiff) -> bool:
        """Tell whether a comparison has such a change."""
        if self.column:
            return any(table == self.table and name.partition(".")[0] == self.column for table, name in diff.updated)
        return any(action == self.action and self.table in ("", table) for table, action in diff.rows)


def _one_of(option: str, what: str, name: str, known: Iterable[str]) -> None:
    if name not in known:
        known = list(known)
        hint = f"There are: {', '.join(known)}" if len(known) < 20 else "`inventory schema` lists them"
        raise UsageError(f"{option}: there is no {what} {name!r}{nearest(name, known)}", hint)
