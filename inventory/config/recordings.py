"""Folders of recordings: checks them, makes sources of them without a file, and knows the two that are shipped."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from inventory.common.errors import UsageError
from inventory.config.database_url import check_database_url
from inventory.config.samples import samples_folder
from inventory.config.settings import RECORDING_END, RECORDING_HEAD, Settings, Source
from inventory.config.values import NAME_RULE, SOURCE_NAME

__all__ = ["DEMO_DATABASE", "DEMO_FILE", "DEMO_NIGHTS", "replay_settings", "why_no_recording", "write_demo"]

DEMO_FILE, DEMO_DATABASE, DEMO_NIGHTS = "inventory.yaml", "inventory.db", ("night-1", "night-2")
_DEMO = f"""\
# Written by `inventory demo`: two recorded nights, and no network.
# `inventory init` writes a configuration for a project of your own.

database: sqlite:///{DEMO_DATABASE}        # relative to this file
sources:
  - name: sample                       # any name; every table has it
    replay: [{", ".join(DEMO_NIGHTS)}]         # each recording becomes a snapshot, in this order
"""


def replay_settings(folders: Sequence[Path], name: str | None = None) -> Settings:
    """Return settings that read recordings, without a configuration: else the defaults.

    Args:
        folders: folders of the same name are one source, in this order.
        name: of the source; default: the name of the folder.

    Raises:
        UsageError: a folder is no recording, or its name cannot be a source's.
    """
    if name is not None and not SOURCE_NAME.match(name):
        raise UsageError(f"--source {name!r} is not a valid source name", f"Use {NAME_RULE}")
    sources: dict[str, list[Path]] = {}
    for folder in folders:
        if why := why_no_recording(folder):
            raise UsageError(f"--replay {folder}: the recording {why}")
        own = name or folder.resolve().name
        if not SOURCE_NAME.match(own):
            hint = f"Name the source with --source NAME: {NAME_RULE}"
            raise UsageError(f"--replay {folder}: the folder's name is not a valid source name", hint)
        sources.setdefault(own, []).append(folder)
    return Settings(sources=tuple(Source(own, replay=tuple(found)) for own, found in sources.items()))


def why_no_recording(folder: Path) -> str | None:
    """Return why a folder is no recording; None if it is one, as far as its names tell."""
    try:
        names = {file.name for file in folder.iterdir()}
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    except ValueError:
        return "cannot be read: its name holds a NUL character"
    if RECORDING_HEAD in names and RECORDING_END not in names:
        return f"was cut off: it has no {RECORDING_END}"
    pages = [name for name in names - {RECORDING_HEAD, RECORDING_END} if name.endswith((".json", ".json.gz"))]
    return None if pages else "has no pages: a page is a file NAME.json or NAME.json.gz"


def write_demo(folder: Path) -> str:
    """Write the two recordings that are shipped, and a configuration that reads them; return the database's URL.

    Raises:
        UsageError: something of it exists already, or the folder cannot be written.
    """
    url = f"sqlite:///{folder / DEMO_DATABASE}"
    if why := check_database_url(url):
        raise UsageError(f"{folder}: {why}", "Name another folder")
    try:
        for name in (DEMO_DATABASE, DEMO_FILE, *DEMO_NIGHTS):
            if (folder / name).exists():
                hint = "Nothing was changed. Name another folder, or remove this one"
                raise UsageError(f"{folder / name} exists already", hint)
        folder.mkdir(parents=True, exist_ok=True)
        for name in DEMO_NIGHTS:
            shutil.copytree(samples_folder() / name, folder / name)
        (folder / DEMO_FILE).write_text(_DEMO, encoding="utf-8")
    except OSError as error:
        hint = "Name a folder that can be written"
        raise UsageError(f"{error.filename or folder}: {error.strerror}", hint) from None
    return url
