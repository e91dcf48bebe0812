"""The sources of a configuration: each entry, completed by the defaults, its region and the environment."""

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from inventory.job_ids import numbered, why_no_id
from inventory.located import FAULTY, Faults, Located
from inventory.logins import Logins
from inventory.settings import MIB, SCENARIOS, Filters, Source

__all__ = ["SOURCE_KEYS", "SOURCE_NAME", "Lines", "Sources"]

SOURCE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}\Z")
_REGION = re.compile(r"[a-z0-9][a-z0-9-]{0,63}\Z")
_PROJECT = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
_PROJECT_NAME = re.compile(r"[^\x00-\x1f\x7f-\x9f]{1,128}\Z")
_ALL, _STDIN = "all", "-"
_MOST_TOLD = 3  # wrong lines of one list of ids
_LONGEST_LIST = 16 * MIB  # characters, 400,000 ids; what has no end is never read whole

_NUMBERS = {  # key -> least, most, whole
    "concurrency": (1, 64, True),
    "requests_per_second": (0.01, 10_000, False),
    "timeout": (0.1, 3600, False),
    "retry_seconds": (0, 86_400, False),
    "page_size": (0, 100, True),
}
_TUNING = (*_NUMBERS, "deadline", "max_body_mib", "plain_http", "language")
SOURCE_KEYS = (
    "name", "region", "project_id", "project_name", "endpoint", "iam_endpoint", "auth", "jobs", "scenarios", "children",
    "filter",
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
        excluded = frozenset(self._ids(both.get("except"), "a list of job ids") or ())
        source = Source(
            name=name or "",
            region=self.matching(both.get("region"), _REGION, "a region such as cn-north-4"),
            project_id=self.matching(both.get("project_id"), _PROJECT, "a project id: letters, digits, 1 to 64"),
            project_name=self.matching(both.get("project_name"), _PROJECT_NAME, "a project name, 1 to 128 characters"),
            endpoint=self.address(both.get("endpoint"), plain_http=plain_http),
            iam_endpoint=self.address(both.get("iam_endpoint"), plain_http=plain_http),
            jobs=self._jobs(both.get("jobs"), excluded, replay="replay" in both),
            scenarios=self._scenarios(both.get("scenarios")),
            children=self.flag(both.get("children")) or False,
            filters=self._filters(both.get("filter")),
            excluded=excluded,
            replay=replay,
            plain_http=plain_http,
            **self._tuning(both),
        )
        return self.completed(source, entry, both.get("auth"), alone=alone)

    def _needed(self, entry: Located, both: dict[str, Located]) -> None:
        if "region" not in both and "endpoint" not in both:
            self.faults.add(entry, "a source needs a region, or an endpoint, or replay")
        if "region" not in both and "project_id" not in both and not {"project_name", "iam_endpoint"} <= both.keys():
            self.faults.add(entry, "a source needs a project_id, or a region to find it by, or replay")
        if "jobs" not in both:
            self.faults.add(entry, "a source needs jobs, or replay")
        elif both["jobs"].value not in (_ALL, FAULTY):
            for key in ("filter", "children", "scenarios"):
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
        found["deadline"] = self.duration(both.get("deadline"))
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

    def _scenarios(self, at: Located | None) -> tuple[str, ...]:
        """Return the scenarios in the order in which their lists are read."""
        if at is None:
            return SCENARIOS
        chosen = {self.choice(entry, SCENARIOS) for entry in self.items(at, "scenarios")}
        return tuple(each for each in SCENARIOS if each in chosen)

    def _tag(self, at: Located) -> str:
        """Return a tag's value, which may be empty."""
        return "" if at.value == "" else self.text(at) or ""

    def _jobs(self, at: Located | None, excluded: frozenset[str], *, replay: bool) -> tuple[str, ...] | None:
        """Return the ids to ask for, sorted, without the excluded; None where all are meant."""
        if at is None:
            return ()
        if at.value == _ALL:
            return None
        if isinstance(at.value, dict):
            given = self.mapping(at, ("file", "allow_empty"))
            if "file" not in given and given.keys() == at.value.keys():
                self.faults.add(at, "a file is needed: {file: ids.txt}")
            may_be_empty, file = self.flag(given.get("allow_empty")), self.text(given.get("file"))
            where, ids = _shown(file or ""), self._listed(at, file) if file else None
        else:
            may_be_empty, where = False, "the list"
            ids = self._ids(at, "all, a list of job ids, or {file: ids.txt}")
        chosen = tuple(sorted(set(ids or ()) - excluded))
        if ids is not None and not chosen and not may_be_empty and not replay:
            but = " but those under except" if ids else ""
            hint = "If that is meant: {file: ids.txt, allow_empty: true}"
            self.faults.add(at, f"{where} has no job id{but}, so every known job would leave. {hint}")
        return chosen

    def _listed(self, at: Located, file: str) -> list[str] | None:
        """Return the ids of a file or of standard input; None where they are not read, or a fault was told."""
        if not self.for_export:
            return None
        ids: list[str] = []
        wrong = 0
        lines = self._lines(at, file)
        for number, text in numbered(lines or ()):
            why = why_no_id(text)
            if why is None:
                ids.append(text)
                continue
            wrong += 1
            if wrong <= _MOST_TOLD:
                self.faults.add(at, f"{_shown(file)}:{number}: not a job id: {why}")
        if wrong > _MOST_TOLD:
            self.faults.add(at, f"{_shown(file)}: {wrong - _MOST_TOLD:,} more lines are not job ids")
        return None if wrong or lines is None else ids

    def _lines(self, at: Located, file: str) -> list[str] | None:
        try:
            if file != _STDIN:
                with (self.file.parent / file).open(encoding="utf-8-sig") as opened:
                    text = opened.read(_LONGEST_LIST + 1)
            elif self._reads_input is not None:
                self.faults.add(at, f"standard input is read already on line {self._reads_input.line}")
                return None
            else:
                self._reads_input = at
                if self._standard_input is None:
                    return None
                text = _joined(self._standard_input())
        except (OSError, ValueError) as error:  # a name with a NUL character is a ValueError, as is what is not UTF-8
            why = error.strerror if isinstance(error, OSError) else "it is not text in UTF-8"
            self.faults.add(at, f"{_shown(file)} cannot be read: {why}")
            return None
        if len(text) > _LONGEST_LIST:
            self.faults.add(at, f"{_shown(file)} is longer than {_LONGEST_LIST // MIB} MiB: not a list of job ids")
            return None
        return text.split("\n")

    def _ids(self, at: Located | None, what: str) -> list[str] | None:
        """Return the ids of a list; None where a fault was told. `what` names what may stand here."""
        if at is None:
            return []
        if not isinstance(at.value, list):
            self.faults.add(at, f"{what} is needed")
            return None
        ids = []
        for entry in at.value:
            why = why_no_id(entry.value) if isinstance(entry.value, str) else "it is not text (quote a number)"
            if why is None:
                ids.append(entry.value)
            else:
                self.faults.add(entry, f"not a job id: {why}")
        return ids if len(ids) == len(at.value) else None


def _joined(lines: Iterable[str]) -> str:
    """Put lines together, until it is clear that they are too many."""
    found: list[str] = []
    length = 0
    for line in lines:
        found.append(line)
        length += len(line)
        if length > _LONGEST_LIST:
            break
    return "".join(found)


def _shown(file: str) -> str:
    return "standard input" if file == _STDIN else file
