"""Reads a configuration file into frozen settings, or reports all faults. Imported only if there is a file."""

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path

from msgspec import UNSET
from msgspec.structs import asdict

from inventory.common.errors import ConfigError, UsageError
from inventory.common.permissions import readable_by_others
from inventory.config.database_url import check_database_url
from inventory.config.keys import Configuration, secret_keys
from inventory.config.located import ELSEWHERE, FAULTY, Faults, Located, Reading
from inventory.config.settings import Settings
from inventory.config.sources import SourceRead, Sources, as_list
from inventory.config.yaml import read_yaml

__all__ = ["ConfigurationRead", "examine", "read"]

_PASSWORD = re.compile(r"://[^/?]*:[^/?@\0]+@|[?&]\w*password=[^&\0]", re.IGNORECASE)  # in a database URL
_SQLITE = re.compile(r"(sqlite(?:\+\w+)?:///)(?!/|:memory:|file:|[a-z]:[/\\])(.+)\Z", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True)
class ConfigurationRead:
    """A configuration as it was read: located values, the same as keys, and the settings that they result in.

    references: key -> what its value was taken from, in words.
    """

    root: Located
    keys: Configuration
    sources: list[SourceRead]
    settings: Settings
    references: dict[str, list[str]]


def read(path: Path, reading: Reading) -> Settings:
    """Read a configuration.

    Raises:
        ConfigError: all faults of the file, each with line and key.
        UsageError: no such file.
    """
    return examine(path, reading).settings


def examine(path: Path, reading: Reading) -> ConfigurationRead:
    """Read a configuration, and keep where each value came from.

    Raises:
        ConfigError: all faults of the file, each with line and key.
        UsageError: no such file.
    """
    faults = Faults(path)
    try:
        document = read_yaml(path, faults, reading, _is_secret)
    except OSError as error:
        hint = "Name one with --config, or write one with `inventory init`"
        raise UsageError(f"the configuration {path} cannot be read: {error.strerror}", hint) from None
    reader = _Reader(faults, path, reading)
    settings = reader.settings(document.root)
    if faults.lines:
        raise ConfigError(faults.messages(), settings)
    for secret in document.secret_files if reading.for_export else ():
        if readable_by_others(secret):
            faults.warn(f"other users can read {secret}, which holds a secret; run chmod 600 {secret}")
    unchecked = tuple(text for _, text in sorted(faults.skipped, key=lambda skipped: skipped[0]))
    settings = replace(settings, warnings=tuple(faults.warnings), unchecked=unchecked)
    return ConfigurationRead(document.root, reader.keys, reader.sources_read, settings, document.references)


def _is_secret(key: str, text: str) -> bool:
    """Return whether the text under a key is or contains a secret."""
    if key == "database":
        return bool(_PASSWORD.search(text))
    return bool(text) and ELSEWHERE not in text and re.sub(r"\[\d+\]", "", key) in secret_keys()


class _Reader(Sources):
    """Converts located values into settings."""

    keys = Configuration(sources=[])

    def settings(self, root: Located) -> Settings:
        if not isinstance(root.value, dict):
            self.known(root, Configuration.__struct_fields__)
            return Settings()
        top = {**root.value, "sources": Located(FAULTY, 1, "sources")}  # read below, each with the defaults
        self.keys = found = self.struct(Located(top, root.line, root.key), Configuration)
        signing = root.value.get("signing")
        key = self._fingerprint_key(root.value["secrets"]) if found.secrets == "fingerprint" else None
        return Settings(
            file=self.file,
            database=self._database(root.value.get("database"), found.database),
            sources=self.sources(root.value),
            parallel=found.parallel,
            workers=found.workers,
            deadline=found.deadline,
            sqlite_lock_timeout=found.sqlite_lock_timeout,
            fingerprint_key=key,
            redact=frozenset(found.redact),
            ignore=frozenset(found.diff.ignore),
            reports=tuple(self.file.parent / folder for folder in as_list(found.reports)),
            retention={period: count for period, count in asdict(found.retention).items() if count is not UNSET},
            signs=signing is not None and isinstance(signing.value, dict) and "key" in signing.value,
            signing_key=found.signing.key or None,
            owner_tag=found.report.owner_tag,
            check_after_export=found.check.after_export,
            check_rules=tuple(self.file.parent / folder for folder in as_list(found.check.rules)),
            check_skip=tuple(found.check.skip),
            check_fail_on=found.check.fail_on,
            check_severity=found.check.severity,
            ping_start=found.ping.start or None,
            ping_success=found.ping.success or None,
            ping_failure=found.ping.failure or None,
        )

    def _fingerprint_key(self, at: Located) -> str | None:
        name = "INVENTORY_FINGERPRINT_KEY"
        if self.reading.no_env:
            self.faults.skip(at, name)
            return None
        key = os.environ.get(name)
        if not key and self.reading.for_export:
            self.faults.add(at, f"fingerprint needs the environment variable {name}")
        return key

    def _database(self, at: Located | None, text: str) -> str:
        """Return the database's URL; the path of an SQLite file is made relative to the working folder."""
        if at is None or text != at.value:
            return text
        relative = _SQLITE.match(text)
        url = f"{relative[1]}{self.file.parent / relative[2]}" if relative else text
        if why := check_database_url(url):
            self.faults.add(at, why)
        return url
