"""The sources of a configuration: each entry, completed by the defaults, its region and the environment."""

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from inventory.located import Faults, Located
from inventory.logins import Logins
from inventory.settings import MIB, Filters, Source

__all__ = ["SOURCE_KEYS", "SOURCE_NAME", "Lines", "Sources"]

SOURCE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}\Z")
_REGION = re.compile(r"[a-z0-9][a-z0-9-]{0,63}\Z")
_PROJECT = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
_PROJECT_NAME = re.compile(r"[^\x00-\x1f\x7f-\x9f]{1,128}\Z")
_PRINTABLE_ID = re.compile(r"[^\s\x00-\x1f\x7f-\x9f,]{1,120}\Z")
_ALL, _STDIN = "all", "-"

_NUMBERS = {  # key -> least, most, whole
    "concurrency": (1, 64, True),
    "requests_per_second": (0.01, 10_000, False),
    "timeout": (0.1, 3600, False),
    "attempts": (1, 20, True),
    "retry_seconds": (0, 86_400, False),
    "page_size": (0, 100, True),
}
_TUNING = (*_NUMBERS, "max_body_mib", "plain_http", "language")
SOURCE_KEYS = (
    "name", "region", "project_id", "project_name", "endpoint", "iam_endpoint", "auth", "jobs", "children", "filter",
    "except", "replay", *_TUNING,
)  # fmt: skip
_FILTER = ("status", "engine_type", "name", "tags", "enterprise_project_id")

Lines = Callable[[], Iterable[str]]


class Sources(Logins):
    """Reads the part of a configuration that says what is exported, and how one signs in."""

    def __init__(self, faults: Faults, file: Path, *, for_export: bool, standard_input: Lines | None) -> None:
        super().__init__(faults, for_export=for_export)
        self.file = file
        self._standard_input = standard_input
        self._reads_input: Located | None = None

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
            project = source.project_name if source.project_name != source.region else ""
            place = (source.region or source.endpoint or "", source.project_id or project or "")
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
        self._one_project(both, given)
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
            project_name=self.matching(both.get("project_name"), _PROJECT_NAME, "a project name, 1 to 128 characters"),
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
        return self.completed(source, entry, both.get("auth"), alone=alone)

    @staticmethod
    def _says_something(at: Located | None) -> bool:
        return at is not None and at.value != []

    def _needed(self, entry: Located, both: dict[str, Located]) -> None:
        if "region" not in both and "endpoint" not in both:
            self.faults.add(entry, "a source needs a region, or an endpoint, or replay")
        if "region" not in both and "project_id" not in both and not {"project_name", "iam_endpoint"} <= both.keys():
            self.faults.add(entry, "a source needs a project_id, or a region to find it by, or replay")
        if "jobs" not in both:
            self.faults.add(entry, "a source needs jobs, or replay")
        elif both["jobs"].value != _ALL:
            for key in ("filter", "children"):
                if key in both and both[key].value:
                    self.faults.add(both[key], "only the list API can serve this: it needs jobs: all")

    def _one_project(self, both: dict[str, Located], given: dict[str, Located]) -> None:
        """Let a project's id and its name exclude each other; the source's own counts before the defaults'."""
        if "project_id" in both and "project_name" in both:
            for key, other in (("project_id", "project_name"), ("project_name", "project_id")):
                if key in given and other not in given:
                    del both[other]
                    return
            self.faults.add(both["project_name"], "project_id and project_name: give one of them")

    def _tuning(self, both: dict[str, Located]) -> dict[str, Any]:
        found: dict[str, Any] = {
            key: self.number(both.get(key), least, most, whole=whole) for key, (least, most, whole) in _NUMBERS.items()
        }
        mib = self.number(both.get("max_body_mib"), 1, 100_000)
        found["max_body"] = mib and mib * MIB
        found["language"] = self.choice(both.get("language"), ("en-us", "zh-cn"))
        return {key: value for key, value in found.items() if value is not None}

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
