"""The configuration in force: each key with its value and where that came from. Secrets are masked."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from msgspec import UNSET, Struct

from inventory.common.exact_json import Json
from inventory.common.masks import MASK
from inventory.config.credentials import Found, find_credentials, home_folder
from inventory.config.database_url import safe_url
from inventory.config.keys import Auth, Configuration, secret_keys
from inventory.config.keys import fields as keys_of
from inventory.config.load import DEFAULT_FILE, choose_database
from inventory.config.located import FAULTY, Located, Reading
from inventory.config.reader import ConfigurationRead, examine
from inventory.config.settings import Settings
from inventory.config.sources import SourceRead
from inventory.config.variables import FAMILIES, drs_variable

__all__ = ["Origin", "ShownConfiguration", "ShownKey", "show"]

_SHORTEST_SECRET = 4  # shorter ones would mask half of every value


@dataclass(frozen=True)
class Origin:
    """Where a value came from.

    kind: file, variable, option, region, default or unset. name: of the file, the variable or the option.
    references: what `${…}` in the file stands for.
    """

    kind: str
    name: str = ""
    line: int | None = None
    references: tuple[str, ...] = ()

    def __str__(self) -> str:
        """Return it in words."""
        if self.kind == "file":
            place = self.name if self.line is None else f"{self.name}:{self.line}"
            return ", ".join([place, *self.references])
        named = {"variable": f"variable {self.name}", "option": self.name, "unset": "not set"}
        return named.get(self.kind, ", ".join([self.kind, *self.references]))


@dataclass(frozen=True)
class ShownKey:
    """A key in force. secret: its value is masked."""

    key: str
    value: Json
    secret: bool
    origin: Origin


@dataclass(frozen=True)
class ShownConfiguration:
    """All keys in force. file: None if there is none; origin: what named the file. warnings: for the user."""

    file: Path | None
    origin: Origin
    keys: list[ShownKey]
    warnings: tuple[str, ...] = ()


def show(file: str | None, database: str | None, *, no_env: bool = False) -> ShownConfiguration:
    """Return every key in force, as the export reads it.

    Args:
        file: what `--config` names. database: what `--database` names.
        no_env: read no variable of a reference, no file of one, and no credentials.

    Raises:
        ConfigError: all faults of the file, each with line and key.
        UsageError: no such file; a database that cannot be used.
    """
    named = file or os.environ.get("INVENTORY_CONFIG")
    path = Path(named or DEFAULT_FILE)
    if not named and not path.exists():
        empty = ConfigurationRead(Located({}, 1, ""), Configuration(sources=[]), [], Settings(), {})
        keys = list(_Shower(path, empty, database, no_env=no_env).keys())
        return ShownConfiguration(None, Origin("unset"), keys)
    read = examine(path, Reading(for_export=True, no_env=no_env))
    origin = Origin("option", "--config") if file else Origin("variable", "INVENTORY_CONFIG")
    origin = origin if named else Origin("default")
    shower = _Shower(path, read, database, no_env=no_env)
    return ShownConfiguration(path, origin, list(shower.keys()), read.settings.warnings)


class _Shower:
    def __init__(self, file: Path, read: ConfigurationRead, database: str | None, *, no_env: bool) -> None:
        self._file, self._read, self._database, self._no_env = file, read, database, no_env
        self._secrets = [secret for secret in read.settings.secrets if len(secret) >= _SHORTEST_SECRET]

    def keys(self) -> Iterator[ShownKey]:
        for shown in self._all():
            yield replace(shown, value=self._without_secrets(shown.value))

    def _all(self) -> Iterator[ShownKey]:
        for shown in self._struct("", self._read.keys, self._read.root.value, "sources", "defaults"):
            yield self._shown_database(shown) if shown.key == "database" else shown
        for number, source in enumerate(self._read.sources):
            yield from self._source(f"sources[{number}].", source)

    def _struct(self, prefix: str, keys: Struct, given: Mapping[str, Located], *without: str) -> Iterator[ShownKey]:
        """Yield the keys of a struct, and of those within it."""
        for name, field in keys_of(type(keys)).items():
            value, at = getattr(keys, field.name), given.get(name)
            if name in without:
                continue
            if isinstance(value, Struct):
                inner = at.value if at is not None and isinstance(at.value, dict) else {}
                yield from self._struct(f"{prefix}{name}.", value, inner)
            else:
                value = (
                    UNSET if at is not None and at.value is FAULTY else value
                )  # not read, so its default is not meant
                yield self._shown(f"{prefix}{name}", value, self._origin(at, value))

    def _shown(self, key: str, value: Any, origin: Origin) -> ShownKey:
        secret = _without_numbers(key) in secret_keys()
        value = None if value is UNSET else int(value) if isinstance(value, float) and value.is_integer() else value
        return ShownKey(key, MASK if secret and value else value, secret, origin)

    def _origin(self, at: Located | None, value: Any) -> Origin:
        if at is None:
            return Origin("unset" if value is UNSET else "default")
        found = [
            each for key, names in self._read.references.items() for each in names
            if key == at.key or key.startswith((f"{at.key}[", f"{at.key}."))
        ]  # fmt: skip
        return Origin("file", str(self._file), at.line, tuple(found))

    def _shown_database(self, shown: ShownKey) -> ShownKey:
        origin, variable = shown.origin, os.environ.get("INVENTORY_DATABASE_URL")
        if self._database:
            origin = Origin("option", "--database")
        elif variable:
            origin = Origin("variable", "INVENTORY_DATABASE_URL")
        elif self._no_env and shown.value is None:
            return shown
        url = choose_database(self._database, self._read.settings)
        return replace(shown, value=safe_url(url), origin=origin)

    def _source(self, prefix: str, read: SourceRead) -> Iterator[ShownKey]:
        found = None
        if not {"replay", "auth"} & read.entry.value.keys() and not self._no_env:
            found = find_credentials(os.environ, home_folder())
        for shown in self._struct(prefix, read.keys, read.entry.value):
            name = shown.key.removeprefix(prefix)
            if name == "auth" and found is not None:
                yield from self._credentials(shown.key, found)
            elif shown.origin.kind == "unset":
                yield self._completed(shown, name, read, found)
            else:
                yield shown

    def _credentials(self, prefix: str, found: Found) -> Iterator[ShownKey]:
        """Yield the credentials of the environment, each member with its variable."""
        given = found.credentials
        for member in (each.name for each in fields(given) if each.name in keys_of(Auth)):
            if value := getattr(given, member):
                yield self._shown(f"{prefix}.{member}", value, _variable(given.origin, member))

    def _completed(self, shown: ShownKey, name: str, read: SourceRead, found: Found | None) -> ShownKey:
        """Return a key that the source does not give: its value from the environment or the region, if there is one."""
        value = getattr(read.source, name, None) if name in _COMPLETED else None
        if not value:
            return shown
        by_region = Origin("region", references=("variable HW_CLOUD",) if os.environ.get("HW_CLOUD") else ())
        if name in ("project_id", "project_name"):
            origin = Origin("variable", found.project_origin if found else "")
        elif name == "iam_endpoint":
            is_own = found is not None and found.iam_endpoint == value
            origin = Origin("variable", found.iam_origin) if found is not None and is_own else by_region
        else:
            variable = drs_variable(read.source.region or "")
            is_set = bool(os.environ.get(variable)) and not read.source.replay
            origin = Origin("variable", variable) if is_set else by_region
        return replace(shown, value=value, origin=origin)

    def _without_secrets(self, value: Any) -> Any:
        """Mask secrets that stand in the value of another key too."""
        if isinstance(value, dict):
            return {name: self._without_secrets(each) for name, each in value.items()}
        if isinstance(value, list):
            return [self._without_secrets(each) for each in value]
        if isinstance(value, str):
            for secret in self._secrets:
                value = value.replace(secret, MASK)
        return value


_COMPLETED = ("endpoint", "iam_endpoint", "project_id", "project_name")


def _variable(origin: str, member: str) -> Origin:
    """Return the variable of one of the credentials; the file, if they came from there."""
    for family in FAMILIES:
        if any(origin in names.split() for names in family.values()):
            name = next((name for name in family.get(member, "").split() if os.environ.get(name)), origin)
            return Origin("variable", name)
    return Origin("file", origin)


def _without_numbers(key: str) -> str:
    return "".join(part.partition("]")[2] if at else part for at, part in enumerate(key.split("[")))
