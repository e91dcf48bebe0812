"""The configuration: a YAML file and the environment become frozen settings, or every fault at once.

Paths in the file are relative to its folder. Nothing here touches the network or a database.
"""

import difflib
import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from inventory.errors import ConfigError, UsageError
from inventory.located import Faults, Located, read_yaml

__all__ = ["DEFAULT_DATABASE", "SOURCE_NAME", "Settings", "Source", "choose_database", "load", "normal_url", "select"]

DEFAULT_DATABASE = "sqlite:///inventory.db"
DEFAULT_FILE = "inventory.yaml"
LOOPBACK = ("127.0.0.1", "localhost", "::1")

SOURCE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}\Z")
_REGION = re.compile(r"[a-z0-9][a-z0-9-]{0,63}\Z")
_PROJECT = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
_PRINTABLE_ID = re.compile(r"[^\s\x00-\x1f\x7f-\x9f]{1,120}\Z")
_ALL = "all"

_TUNING = ("concurrency", "requests_per_second", "timeout", "page_size", "language")
_SOURCE = ("name", "region", "project_id", "endpoint", "auth", "jobs", "except", "replay", *_TUNING)
_DEFAULTS = tuple(key for key in _SOURCE if key != "name")
_TOP = ("database", "defaults", "sources", "secrets", "redact", "diff", "retention")
_RETENTION = ("keep_daily", "keep_weekly", "keep_monthly")


@dataclass(frozen=True)
class Source:
    """One project in one region, live or recorded. `jobs`: ids to ask for, sorted, without `except`."""

    name: str
    region: str | None = None
    project_id: str | None = None
    endpoint: str | None = None
    token: str | None = field(default=None, repr=False)
    jobs: tuple[str, ...] = ()
    excluded: frozenset[str] = frozenset()
    replay: tuple[Path, ...] = ()
    concurrency: int = 8
    requests_per_second: float = 20
    timeout: float = 30
    page_size: int = 10
    language: str = "en-us"


@dataclass(frozen=True)
class Settings:
    """All that the configuration says. Without a file: the defaults, and no source."""

    file: Path | None = None
    database: str = field(default=DEFAULT_DATABASE, repr=False)
    sources: tuple[Source, ...] = ()
    fingerprint_key: str | None = field(default=None, repr=False)
    redact: frozenset[str] = frozenset()
    ignore: frozenset[str] = frozenset()
    retention: dict[str, int] = field(default_factory=dict)


def load(file: str | None, *, for_export: bool) -> Settings:
    """Read the configuration: `file`, else INVENTORY_CONFIG, else inventory.yaml here.

    Args:
        for_export: read credentials too. Who only reads the database needs none, so an unset variable
            below `auth` is no fault then, and the file itself may be missing.

    Raises:
        ConfigError: every fault of the file, each with line and key.
        UsageError: no such file.
    """
    named = file or os.environ.get("INVENTORY_CONFIG")
    path = Path(named or DEFAULT_FILE)
    if not named and not for_export and not path.exists():
        return Settings()
    faults = Faults(path)
    try:
        root = read_yaml(path, faults, lambda key: for_export or ".auth" not in key)
    except OSError as error:
        hint = "Name one with --config, or write one with `inventory init`"
        raise UsageError(f"the configuration {path} cannot be read: {error.strerror}", hint) from None
    settings = _Reader(faults, path, for_export=for_export).settings(root)
    if faults.lines:
        raise ConfigError(faults.told())
    return settings


def choose_database(option: str | None, settings: Settings) -> str:
    """Return the database's URL: the option, else INVENTORY_DATABASE_URL, else the configuration's."""
    return normal_url(option or os.environ.get("INVENTORY_DATABASE_URL") or settings.database)


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


class _Reader:
    """Turns located values into settings. A method for each kind of value; each returns None after a fault."""

    def __init__(self, faults: Faults, file: Path, *, for_export: bool) -> None:
        self._faults = faults
        self._file = file
        self._for_export = for_export

    def settings(self, root: Located) -> Settings:
        top = self._mapping(root, _TOP)
        secrets = self._choice(top.get("secrets"), ("drop", "fingerprint")) or "drop"
        key = os.environ.get("INVENTORY_FINGERPRINT_KEY") if secrets == "fingerprint" else None
        if secrets == "fingerprint" and not key and self._for_export:
            self._faults.add(top["secrets"], "fingerprint needs the environment variable INVENTORY_FINGERPRINT_KEY")
        diff = self._mapping(top.get("diff"), ("ignore",))
        return Settings(
            file=self._file,
            database=self._text(top.get("database")) or DEFAULT_DATABASE,
            sources=self._sources(top),
            fingerprint_key=key,
            redact=frozenset(self._columns(top.get("redact"), keys=False)),
            ignore=frozenset(self._columns(diff.get("ignore"), keys=True)),
            retention={
                k: n for k, v in self._mapping(top.get("retention"), _RETENTION).items()
                if (n := self._number(v, 0, 10_000)) is not None
            },
        )  # fmt: skip

    def _sources(self, top: dict[str, Located]) -> tuple[Source, ...]:
        defaults = self._mapping(top.get("defaults"), _DEFAULTS)
        listed = top.get("sources")
        if listed is None or not isinstance(listed.value, list) or not listed.value:
            if not self._faults.lines:
                self._faults.add(listed or Located(None, 1, "sources"), "a list with at least one source is needed")
            return ()
        sources = []
        names: dict[Any, int] = {}
        places: dict[Any, int] = {}
        for entry in listed.value:
            source = self._source(entry, defaults)
            if source is None:
                continue
            place = (source.region or source.endpoint or "", source.project_id or "")
            for seen, what, found in ((names, "name", source.name), (places, "project and region", place)):
                if found in seen and found != ("", ""):
                    self._faults.add(entry, f"the same {what} as the source on line {seen[found]}")
                seen.setdefault(found, entry.line)
            sources.append(source)
        return tuple(sources)

    def _source(self, entry: Located, defaults: dict[str, Located]) -> Source | None:
        given = self._mapping(entry, _SOURCE)
        if not given:
            return None
        both = {**defaults, **given}
        name = self._matching(given.get("name"), SOURCE_NAME, "letters, digits, dot, dash and underscore, 1 to 100")
        if "name" not in given:
            self._faults.add(entry, "a source needs a name")
        replay = self._paths(both.get("replay"))
        region = self._matching(both.get("region"), _REGION, "a region such as cn-north-4")
        project = self._matching(both.get("project_id"), _PROJECT, "a project id: letters, digits, dash, 1 to 64")
        endpoint = self._endpoint(both.get("endpoint"), region)
        token = self._auth(both.get("auth"))
        jobs, excluded = self._jobs(both.get("jobs")), frozenset(self._ids(both.get("except")) or ())
        if not replay:
            self._needed(entry, both)
        return Source(
            name=name or "",
            region=region,
            project_id=project,
            endpoint=endpoint,
            token=token,
            jobs=tuple(sorted(set(jobs or ()) - excluded)),
            excluded=excluded,
            replay=tuple(replay or ()),
            **self._tuning(both),
        )

    def _needed(self, entry: Located, both: dict[str, Located]) -> None:
        if "region" not in both and "endpoint" not in both:
            self._faults.add(entry, "a source needs a region, or an endpoint, or replay")
        for key, what in (("project_id", "a project_id"), ("auth", "auth"), ("jobs", "jobs")):
            if key not in both:
                self._faults.add(entry, f"a source needs {what}, or replay")

    def _tuning(self, both: dict[str, Located]) -> dict[str, Any]:
        found = {
            "concurrency": self._number(both.get("concurrency"), 1, 64),
            "requests_per_second": self._number(both.get("requests_per_second"), 0.01, 1000, whole=False),
            "timeout": self._number(both.get("timeout"), 0.1, 3600, whole=False),
            "page_size": self._number(both.get("page_size"), 0, 100),
            "language": self._choice(both.get("language"), ("en-us", "zh-cn")),
        }
        return {key: value for key, value in found.items() if value is not None}

    def _auth(self, at: Located | None) -> str | None:
        auth = self._mapping(at, ("token",))
        token = self._text(auth.get("token"))
        if at is not None and auth and not token:
            self._faults.add(at, "a token is needed")
        if token and not (token.isascii() and token.isprintable()):
            self._faults.add(auth["token"], "holds a character that no header can carry, a line break perhaps")
        return token

    def _endpoint(self, at: Located | None, region: str | None) -> str | None:
        if at is None:
            top = "eu" if region and region.startswith("eu-west-1") else "com"
            return f"https://drs.{region}.myhuaweicloud.{top}" if region else None
        text = self._text(at)
        if text is None:
            return None
        try:
            parts = urlsplit(text)
            host = parts.hostname
        except ValueError:
            parts, host = urlsplit(""), None
        if parts.scheme not in ("http", "https") or not host or parts.username or parts.query or parts.fragment:
            self._faults.add(at, "not an address such as https://drs.cn-north-4.myhuaweicloud.com")
        elif parts.scheme == "http" and host not in LOOPBACK:
            self._faults.add(at, "http would send the token in clear; use https")
        return text.rstrip("/")

    def _jobs(self, at: Located | None) -> list[str] | None:
        if at is None:
            return None
        if at.value == _ALL:
            self._faults.add(at, "finding all jobs is not built yet; give a list of ids, or {file: ids.txt}")
            return None
        if not isinstance(at.value, dict):
            return self._ids(at)
        file = self._text(self._mapping(at, ("file",)).get("file"))
        if file is None:
            return None
        try:
            lines = (self._file.parent / file).read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not text in UTF-8"
            self._faults.add(at, f"{file} cannot be read: {why}")
            return None
        ids = [line.split("#")[0].strip() for line in lines]
        return self._ids(Located([Located(i, at.line, f"{at.key} ({file})") for i in ids if i], at.line, at.key))

    def _ids(self, at: Located | None) -> list[str] | None:
        if at is None:
            return None
        if not isinstance(at.value, list):
            self._faults.add(at, "a list of job ids is needed")
            return None
        ids = []
        for entry in at.value:
            if isinstance(entry.value, str) and _PRINTABLE_ID.match(entry.value):
                ids.append(entry.value)
            else:
                self._faults.add(entry, "not a job id: text without spaces, 1 to 120 characters (quote a number)")
        return ids

    def _paths(self, at: Located | None) -> list[Path] | None:
        if at is None:
            return None
        if not isinstance(at.value, list) or not at.value:
            self._faults.add(at, "a list of folders is needed")
            return None
        return [self._file.parent / text for entry in at.value if (text := self._text(entry))]

    def _columns(self, at: Located | None, *, keys: bool) -> list[str]:
        from inventory.schema import BY_NAME

        if at is None:
            return []
        if not isinstance(at.value, list):
            self._faults.add(at, "a list of table.column is needed")
            return []
        known = {
            f"{entity.name}.{column.name}": column for entity in BY_NAME.values() for column in entity.columns
        }  # fmt: skip
        names = []
        for entry in at.value:
            if entry.value not in known:
                self._faults.add(entry, f"no such column{_nearest(str(entry.value), known)}")
            elif (not keys and known[entry.value].info["api"].path is None) or entry.value == "jobs.id":
                self._faults.add(entry, "this column is not the service's text and cannot be masked")
            else:
                names.append(entry.value)
        return names

    def _mapping(self, at: Located | None, known: tuple[str, ...]) -> dict[str, Located]:
        if at is None or (at.value is None and self._faults.lines):
            return {}
        if not isinstance(at.value, dict):
            self._faults.add(at, f"keys are needed here: {', '.join(known)}")
            return {}
        for name, entry in at.value.items():
            if name not in known:
                self._faults.add(entry, f"unknown key{_nearest(name, known)}")
        return {name: entry for name, entry in at.value.items() if name in known}

    def _text(self, at: Located | None) -> str | None:
        if at is None:
            return None
        if not isinstance(at.value, str) or not at.value:
            if not any(line == at.line for line, _ in self._faults.lines):
                self._faults.add(at, "a text is needed")
            return None
        return at.value

    def _matching(self, at: Located | None, pattern: re.Pattern[str], what: str) -> str | None:
        text = self._text(at)
        if at is not None and text is not None and not pattern.match(text):
            self._faults.add(at, f"not {what}")
            return None
        return text

    def _choice(self, at: Located | None, known: tuple[str, ...]) -> str | None:
        if at is None or at.value in known:
            return None if at is None else str(at.value)
        self._faults.add(at, f"one of {', '.join(known)} is needed")
        return None

    def _number(self, at: Located | None, least: float, most: float, *, whole: bool = True) -> Any:
        if at is None:
            return None
        try:
            if isinstance(at.value, bool) or not isinstance(at.value, int | float | str):
                raise ValueError  # noqa: TRY004  # told below with the rest
            number = int(str(at.value)) if whole else float(at.value)
            if not least <= number <= most:
                raise ValueError
        except ValueError:
            self._faults.add(at, f"a {'whole ' if whole else ''}number from {least:g} to {most:g} is needed")
            return None
        return number


def _nearest(name: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(name, list(known), n=1)
    return f"; do you mean {close[0]}?" if close else ""
