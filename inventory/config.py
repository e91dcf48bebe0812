"""The configuration: a YAML file and the environment become frozen settings, or every fault at once.

Every relative path in the file is relative to its folder: of the database, of `${file:…}`, of ids and recordings.
What stands on the command line or in the environment, and the database's default, is relative to the working folder.
Nothing here touches the network or a database.
"""

import os
import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from inventory.address import check_address
from inventory.database_url import check_database_url
from inventory.errors import ConfigError, InventoryError, UsageError
from inventory.located import ELSEWHERE, Faults, Located
from inventory.permissions import readable_by_others
from inventory.seal import Sealer
from inventory.settings import DEFAULT_DATABASE, Settings, Source
from inventory.sources import SOURCE_KEYS, Lines, Sources
from inventory.values import nearest

__all__ = ["SOURCE_KEYS", "TOP_KEYS", "choose_database", "load", "normal_url", "select"]

DEFAULT_FILE = "inventory.yaml"

TOP_KEYS = (
    "database", "defaults", "sources", "parallel", "workers", "deadline", "secrets", "redact", "diff", "retention",
    "signing", "ping",
)  # fmt: skip
_CREDENTIALS = re.compile(r"\.auth|^ping|^signing")  # keys that only who exports needs
_SECRETS = re.compile(r"\.auth\.(token|secret_key|security_token|password)$|^ping\.|^signing\.key$")
_PASSWORD = re.compile(r"://[^/?]*:[^/?@\0]+@|[?&]\w*password=[^&\0]", re.IGNORECASE)  # in a database's URL
_SQLITE = re.compile(r"(sqlite(?:\+\w+)?:///)(?!/|:memory:|file:|[a-z]:[/\\])(.+)\Z", re.IGNORECASE | re.DOTALL)
_RETENTION = ("keep_daily", "keep_weekly", "keep_monthly")


def load(file: str | None, *, for_export: bool, standard_input: Lines | None = None) -> Settings:
    """Read the configuration: `file`, else INVENTORY_CONFIG, else inventory.yaml here.

    Args:
        for_export: read credentials too. Who only reads the database needs none, so an unset variable
            below `auth` is no fault then, and the file itself may be missing.
        standard_input: gives the lines for `jobs: {file: "-"}`; without it they are not read.

    Raises:
        ConfigError: every fault of the file, each with line and key.
        UsageError: no such file.
    """
    named = file or os.environ.get("INVENTORY_CONFIG")
    path = Path(named or DEFAULT_FILE)
    if not named and not for_export and not path.exists():
        return Settings()
    from inventory.yamlfile import read_yaml  # who has no file need not wait for its reader

    faults = Faults(path)
    try:
        document = read_yaml(path, faults, lambda key: for_export or not _CREDENTIALS.search(key), _is_secret)
    except OSError as error:
        hint = "Name one with --config, or write one with `inventory init`"
        raise UsageError(f"the configuration {path} cannot be read: {error.strerror}", hint) from None
    settings = _Reader(faults, path, for_export=for_export, standard_input=standard_input).settings(document.root)
    if faults.lines:
        raise ConfigError(faults.told(), settings)
    for secret in document.secret_files if for_export else ():
        if readable_by_others(secret):
            faults.warn(f"other users can read {secret}, which holds a secret; run chmod 600 {secret}")
    return replace(settings, warnings=tuple(faults.warnings))


def _is_secret(key: str, text: str) -> bool:
    """Tell whether what is written under a key is a secret, or has one in it."""
    if key == "database":
        return bool(_PASSWORD.search(text))
    return bool(text and ELSEWHERE not in text and _SECRETS.search(key))


def choose_database(option: str | None, settings: Settings) -> str:
    """Return the database's URL: the option, else INVENTORY_DATABASE_URL, else the configuration's.

    Raises:
        UsageError: it cannot be used.
    """
    variable = os.environ.get("INVENTORY_DATABASE_URL")
    url = option or variable or settings.database
    if why := check_database_url(url):
        raise UsageError(f"{'--database' if option else 'INVENTORY_DATABASE_URL' if variable else 'database'}: {why}")
    return normal_url(url)


def normal_url(url: str) -> str:
    """Name the drivers: `postgresql://` means psycopg 3."""
    for scheme in ("postgresql://", "postgres://"):
        if url.startswith(scheme):
            return "postgresql+psycopg://" + url.removeprefix(scheme)
    return url


def select(settings: Settings, names: Iterable[str]) -> tuple[Source, ...]:
    """Return the sources that were named, in the configuration's order; all without names."""
    wanted = set(names)
    unknown = sorted(wanted - {source.name for source in settings.sources})
    if unknown:
        known = ", ".join(source.name for source in settings.sources) or "none"
        raise UsageError(f"no source is called {unknown[0]!r}", f"The configuration has: {known}")
    return tuple(source for source in settings.sources if not wanted or source.name in wanted)


class _Reader(Sources):
    """Turns located values into settings, one part of the file after the other."""

    def settings(self, root: Located) -> Settings:
        top = self.mapping(root, TOP_KEYS)
        if not isinstance(root.value, dict):
            return Settings()
        secrets = self.choice(top.get("secrets"), ("mask", "fingerprint")) or "mask"
        key = os.environ.get("INVENTORY_FINGERPRINT_KEY") if secrets == "fingerprint" else None
        if secrets == "fingerprint" and not key and self.for_export:
            self.faults.add(top["secrets"], "fingerprint needs the environment variable INVENTORY_FINGERPRINT_KEY")
        diff = self.mapping(top.get("diff"), ("ignore",))
        signing = self.mapping(top.get("signing"), ("key",))
        ping = self.mapping(top.get("ping"), ("start", "success", "failure"))
        return Settings(
            file=self.file,
            database=self._database(top.get("database")) or DEFAULT_DATABASE,
            sources=self.sources(top),
            parallel=self.number(top.get("parallel"), 1, 64) or Settings.parallel,
            workers=Settings.workers if top.get("workers") is None else self.number(top["workers"], 0, 16) or 0,
            deadline=self.duration(top.get("deadline")) or Settings.deadline,
            fingerprint_key=key,
            redact=frozenset(self._columns(top.get("redact"), keys=False)),
            ignore=frozenset(self._columns(diff.get("ignore"), keys=True)),
            retention={
                k: n for k, v in self.mapping(top.get("retention"), _RETENTION).items()
                if (n := self.number(v, 0, 10_000)) is not None
            },
            signs="key" in signing,
            signing_key=self._signing_key(signing.get("key")) if self.for_export else None,
            ping_start=self._ping(ping.get("start")) if self.for_export else None,
            ping_success=self._ping(ping.get("success")) if self.for_export else None,
            ping_failure=self._ping(ping.get("failure")) if self.for_export else None,
        )  # fmt: skip

    def _database(self, at: Located | None) -> str | None:
        """Return the database's URL, with the path of an SQLite file as it is seen from the working folder."""
        text = self.text(at)
        if at is None or text is None:
            return None
        relative = _SQLITE.match(text)
        url = f"{relative[1]}{self.file.parent / relative[2]}" if relative else text
        if why := check_database_url(url):
            self.faults.add(at, why)
        return url

    def _signing_key(self, at: Located | None) -> str | None:
        pem = self.text(at)
        if at is None or pem is None:
            return None
        try:
            Sealer(pem)
        except InventoryError as error:
            self.faults.add(at, str(error))
        return pem

    def _ping(self, at: Located | None) -> str | None:
        """Return an address to ask once; unlike those of the service it may have a query."""
        text = self.text(at)
        why = check_address(text.partition("?")[0], plain_http=True) if text else None
        if at is not None and why:
            self.faults.add(at, why)
            return None
        return text

    def _columns(self, at: Located | None, *, keys: bool) -> list[str]:
        from inventory.schema import BY_NAME

        if at is None:
            return []
        if not isinstance(at.value, list):
            self.faults.add(at, "a list of table.column is needed")
            return []
        known = {f"{entity.name}.{field.name}": field for entity in BY_NAME.values() for field in entity.fields}
        names = []
        for entry in at.value:
            name = self.text(entry)
            if name is None:
                continue
            if name not in known:
                self.faults.add(entry, f"no such column{nearest(name, known)}")
            elif (not keys and known[name].api.path is None) or name == "jobs.id":
                self.faults.add(entry, "this column is not the service's text and cannot be masked")
            else:
                names.append(name)
        return names
