"""The configuration: a YAML file and the environment become frozen settings, or every fault at once.

Every relative path in the file is relative to its folder: of the database, of `${file:…}`, of ids and recordings.
What stands on the command line or in the environment, and the database's default, is relative to the working folder.
Nothing here touches the network or a database.
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
        for_export: read credentials too. Who only reads the database needs none, so an unset variable
            below `auth` is no fault then, and the file itself may be missing.
        standard_input: gives the lines for `jobs: {file: "-"}`; without it they are not read.
        no_env: check what does not depend on variables, `${file:…}` and credentials; `unchecked` names the rest.
        recordings: check that folders of recordings are there.

    Raises:
        ConfigError: every fault of the file, each with line and key.
        UsageError: no such file.
    """
    named = file or os.environ.get("INVENTORY_CONFIG")
    path = Path(named or DEFAULT_FILE)
    if not named and not for_export and not path.exists():
        return Settings()
    from inventory.config.reader import read  # who has no file need not wait for what reads it

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
