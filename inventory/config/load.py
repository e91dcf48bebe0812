"""Loads the configuration: a YAML file and the environment become frozen settings, or all faults are reported.

Relative paths in the file are relative to its folder: of the database, of `${file:…}`, of ids and recordings.
Paths on the command line and in the environment, and the default database, are relative to the working folder.
Uses no network and no database.
"""

import os
from collections.abc import Iterable
from pathlib import Path

from inventory.common.errors import UsageError
from inventory.config.database_url import check_database_url
from inventory.config.located import Lines, Reading
from inventory.config.settings import Settings, Source

__all__ = ["choose_database", "load", "normal_url", "select"]

DEFAULT_FILE = "inventory.yaml"


def load(
    file: str | None,
    *,
    for_export: bool,
    standard_input: Lines | None = None,
    no_env: bool = False,
    recordings: bool = False,
) -> Settings:
    """Read the configuration: `file`, else INVENTORY_CONFIG, else inventory.yaml here.

    Args:
        for_export: read credentials too. Commands that only read the database do not need them: for these an unset
            variable below `auth` is no fault, and the file may be missing.
        standard_input: returns the lines for `jobs: {file: "-"}`; without it they are not read.
        no_env: check only what does not depend on variables, `${file:…}` and credentials; the rest is in `unchecked`.
        recordings: check that the folders of recordings exist.

    Raises:
        ConfigError: all faults of the file, each with line and key.
        UsageError: no such file.
    """
    named = file or os.environ.get("INVENTORY_CONFIG")
    path = Path(named or DEFAULT_FILE)
    if not named and not for_export and not path.exists():
        return Settings()
    from inventory.config.reader import read  # imported only if there is a file: it takes time

    return read(path, Reading(for_export, no_env, recordings, standard_input))


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
    """Return the URL with its driver: `postgresql://` means psycopg 3."""
    for scheme in ("postgresql://", "postgres://"):
        if url.startswith(scheme):
            return "postgresql+psycopg://" + url.removeprefix(scheme)
    return url


def select(settings: Settings, names: Iterable[str]) -> tuple[Source, ...]:
    """Return the sources with these names, in the configuration's order; all without names."""
    wanted = set(names)
    unknown = sorted(wanted - {source.name for source in settings.sources})
    if unknown:
        known = ", ".join(source.name for source in settings.sources) or "none"
        raise UsageError(f"the configuration has no source {unknown[0]!r}", f"It has: {known}")
    return tuple(source for source in settings.sources if not wanted or source.name in wanted)
