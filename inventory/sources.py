"""The sources of a configuration: each entry, completed by the defaults, its region and the environment."""

import os
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from inventory.address import check_address, drs_endpoint, iam_endpoint
from inventory.credentials import Credentials, CredentialsError, Found, Keys, Password, Token, find_credentials
from inventory.located import Faults, Located
from inventory.settings import MIB, Filters, Source
from inventory.values import Values

__all__ = ["SOURCE_KEYS", "SOURCE_NAME", "Lines", "Sources"]

SOURCE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}\Z")
_REGION = re.compile(r"[a-z0-9][a-z0-9-]{0,63}\Z")
_PROJECT = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
_PRINTABLE_ID = re.compile(r"[^\s\x00-\x1f\x7f-\x9f,]{1,120}\Z")
_ALL, _STDIN = "all", "-"

_NUMBERS = {  # key -> least, most, whole
    "concurrency": (1, 64, True),
    "requests_per_second": (0.01, 10_000, False),
    "timeout": (0.1, 3600, False),
    "retry_seconds": (0, 86_400, False),
    "page_size": (0, 100, True),
}
_TUNING = (*_NUMBERS, "deadline", "max_body_mib", "plain_http", "language")
SOURCE_KEYS = (
    "name", "region", "project_id", "endpoint", "iam_endpoint", "auth", "jobs", "children", "filter", "except",
    "replay", *_TUNING,
)  # fmt: skip
_AUTH = ("token", "access_key", "secret_key", "security_token", "username", "password", "domain")
_FILTER = ("status", "engine_type", "name", "tags", "enterprise_project_id")

Lines = Callable[[], Iterable[str]]


class Sources(Values):
    """Reads the part of a configuration that says what is exported, and how one signs in."""

    def __init__(self, faults: Faults, file: Path, *, for_export: bool, standard_input: Lines | None) -> None:
        super().__init__(faults)
        self.file = file
        self.for_export = for_export
        self._standard_input = standard_input
        self._reads_input: Located | None = None
        self._found: Found | None = None  # credentials of the environment, looked for once
        self._looked = False

    def sources(self, top: dict[str, Located]) -> tuple[Source, ...]:
        defaults = self.mapping(top.get("defaults"), (key for key in SOURCE_KEYS if key != "name"))
        listed = top.get("sources")
        if listed is None or not isinstance(listed.value, list) or not listed.value:
            if not self.faults.lines:
                self.faults.add(listed or Located(None, 1, "sources"), "a list with at least one source is needed")
            return ()
        sources = []
        names: dict[Any, int] = {}
        places: dict[Any, int] = {}
        for entry in listed.value:
            source = self._source(entry, defaults, alone=len(listed.value) == 1)
            if source is None:
                continue
            place = (source.region or source.endpoint or "", source.project_id or "")
            for seen, what, found in ((names, "name", source.name), (places, "project and region", place)):
                if found in seen and found != ("", ""):
                    self.faults.add(entry, f"the same {what} as the source on line {seen[found]}")
                seen.setdefault(found, entry.line)
            sources.append(source)
        return tuple(sources)

    def _source(self, entry: Located, defaults: dict[str, Located], *, alone: bool) -> Source | None:
        given = self.mapping(entry, SOURCE_KEYS)
        if not given:
            return None
        both = {**defaults, **given}
        name = self.matching(given.get("name"), SOURCE_NAME, "letters, digits, dot, dash and underscore, 1 to 100")
        if "name" not in given:
            self.faults.add(entry, "a source needs a name")
        if "replay" in both:
            replay = tuple(self.file.parent / text for text in self.texts(both["replay"], "folders"))
        else:
            replay = ()
            self._needed(entry, both)
        plain_http = self.flag(both.get("plain_http")) or False
        excluded = frozenset(self._ids(both.get("except"))) if self._says_something(both.get("except")) else frozenset()
        jobs = self._jobs(both.get("jobs"))
        source = Source(
            name=name or "",
            region=self.matching(both.get("region"), _REGION, "a region such as cn-north-4"),
            project_id=self.matching(both.get("project_id"), _PROJECT, "a project id: letters, digits, 1 to 64"),
            endpoint=self.address(both.get("endpoint"), plain_http=plain_http),
            iam_endpoint=self.address(both.get("iam_endpoint"), plain_http=plain_http),
            jobs=None if jobs is None else tuple(sorted(set(jobs) - excluded)),
            children=self.flag(both.get("children")) or False,
            filters=self._filters(both.get("filter")),
            excluded=excluded,
            replay=replay,
            plain_http=plain_http,
            **self._tuning(both),
        )
        return self._completed(source, entry, both.get("auth"), alone=alone)

    @staticmethod
    def _says_something(at: Located | None) -> bool:
        return at is not None and at.value != []

    def _needed(self, entry: Located, both: dict[str, Located]) -> None:
        if "region" not in both and "endpoint" not in both:
            self.faults.add(entry, "a source needs a region, or an endpoint, or replay")
        if "region" not in both and "project_id" not in both:
            self.faults.add(entry, "a source needs a project_id, or a region to find it by, or replay")
        if "jobs" not in both:
            self.faults.add(entry, "a source needs jobs, or replay")
        elif both["jobs"].value != _ALL:
            for key in ("filter", "children"):
                if key in both and both[key].value:
                    self.faults.add(both[key], "only the list API can serve this: it needs jobs: all")

    def _completed(self, source: Source, entry: Located, auth: Located | None, *, alone: bool) -> Source:
        """Add what follows from the region, and the credentials: the source's own, else the environment's."""
        region = source.region
        more: dict[str, Any] = {}
        if region and not source.endpoint:
            more["endpoint"] = drs_endpoint(region)
        if region and not source.iam_endpoint:
            more["iam_endpoint"] = iam_endpoint(region)
        if source.replay:
            return source
        credentials = self._auth(auth) if auth is not None else None
        if auth is None and self.for_export and (found := self._environment(entry)) is not None:
            credentials = found.credentials
            if found.iam_endpoint and not source.iam_endpoint:
                more["iam_endpoint"] = found.iam_endpoint
            if not source.project_id and (found.region == region or (found.region is None and alone)):
                more["project_id"] = found.project_id
        return replace(source, credentials=credentials, **more)

    def _environment(self, entry: Located) -> Found | None:
        if not self._looked:
            self._looked = True
            try:
                self._found = find_credentials(os.environ, Path.home())
            except CredentialsError as error:
                self.faults.add(entry, str(error))
                return None
        if self._found is None:
            names = "HW_ACCESS_KEY and HW_SECRET_KEY, HUAWEICLOUD_SDK_AK and _SK"
            self.faults.add(entry, f"a source needs auth, or {names}, or ~/.huaweicloud/credentials, or replay")
        return self._found

    def _tuning(self, both: dict[str, Located]) -> dict[str, Any]:
        found: dict[str, Any] = {
            key: self.number(both.get(key), least, most, whole=whole) for key, (least, most, whole) in _NUMBERS.items()
        }
        mib = self.number(both.get("max_body_mib"), 1, 100_000)
        found["max_body"] = mib and mib * MIB
        found["deadline"] = self.duration(both.get("deadline"))
        found["language"] = self.choice(both.get("language"), ("en-us", "zh-cn"))
        return {key: value for key, value in found.items() if value is not None}

    def _auth(self, at: Located) -> Credentials | None:
        auth = self.mapping(at, _AUTH)
        if not self.for_export:
            return None
        given = {name: self.header(entry) for name, entry in auth.items() if name not in ("username", "password")}
        given |= {name: self.text(auth.get(name)) for name in ("username", "password")}
        for kind, needed, more in (
            (Token, ("token",), ()),
            (Keys, ("access_key", "secret_key"), ("security_token",)),
            (Password, ("username", "password", "domain"), ()),
        ):
            if auth.keys() <= {*needed, *more} and auth.keys() >= set(needed):
                found = {name: value for name, value in given.items() if name in auth}
                complete = all(found[name] for name in needed)
                return kind(**found) if complete else None  # type: ignore[arg-type]
        if auth or not self.faults.lines:
            self.faults.add(at, "a token, or access_key and secret_key, or username, password and domain are needed")
        return None

    def address(self, at: Located | None, *, plain_http: bool) -> str | None:
        text = self.text(at)
        if at is None or text is None:
            return None
        why = check_address(text, plain_http=plain_http)
        if why:
            self.faults.add(at, why)
        return text.rstrip("/")

    def _filters(self, at: Located | None) -> Filters:
        given = self.mapping(at, _FILTER)
        tags = given.get("tags")
        if tags is not None and not isinstance(tags.value, dict):
            self.faults.add(tags, "tags are needed as key: value")
            tags = None
        return Filters(
            status=frozenset(self.texts(given.get("status"), "status")) or None,
            engine_type=frozenset(self.texts(given.get("engine_type"), "engine types")) or None,
            name=self.text(given.get("name")),
            tags=tuple((key, self._tag(entry)) for key, entry in (tags.value if tags else {}).items()),
            enterprise_project_id=self.text(given.get("enterprise_project_id")),
        )

    def _tag(self, at: Located) -> str:
        """Return a tag's value, which may be empty."""
        return "" if at.value == "" else self.text(at) or ""

    def _jobs(self, at: Located | None) -> list[str] | None:
        """Return the ids to ask for; None where all are meant."""
        if at is None:
            return []
        if at.value == _ALL:
            return None
        if not isinstance(at.value, dict):
            return self._ids(at)
        file = self.text(self.mapping(at, ("file",)).get("file"))
        if file is None:
            return []
        ids = [line.split("#")[0].strip() for line in self._lines(at, file)]
        key = f"{at.key} ({file})"
        return self._ids(Located([Located(i, at.line, key) for i in ids if i], at.line, at.key))

    def _lines(self, at: Located, file: str) -> Iterator[str]:
        try:
            if file != _STDIN:
                yield from (self.file.parent / file).read_text(encoding="utf-8-sig").splitlines()
            elif self._reads_input is not None:
                self.faults.add(at, f"standard input is read already on line {self._reads_input.line}")
            else:
                self._reads_input = at
                yield from self._standard_input() if self._standard_input else ()
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not text in UTF-8"
            self.faults.add(at, f"{file} cannot be read: {why}")

    def _ids(self, at: Located | None) -> list[str]:
        if at is None:
            return []
        if not isinstance(at.value, list):
            self.faults.add(at, "all, a list of job ids, or {file: ids.txt} is needed")
            return []
        ids = []
        for entry in at.value:
            if isinstance(entry.value, str) and _PRINTABLE_ID.match(entry.value):
                ids.append(entry.value)
            else:
                self.faults.add(entry, "not a job id: text without spaces, 1 to 120 characters (quote a number)")
        return ids
