"""Reads the sources of a configuration: each entry, completed from the defaults, its region and the environment."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from msgspec import UnsetType

from inventory.config.job_ids import numbered, why_no_id
from inventory.config.keys import JobsFile, SourceDefaults, SourceKeys, fields
from inventory.config.located import Faults, Located, Reading
from inventory.config.logins import Logins
from inventory.config.recordings import why_no_recording
from inventory.config.settings import MIB, SCENARIOS, Filters, Source

__all__ = ["SourceRead", "Sources"]

_ALL, _STDIN = "all", "-"
_MAX_REPORTED = 3  # wrong lines of one list of ids
_MAX_LIST = 16 * MIB  # characters, 400,000 ids; prevents reading an endless file
_COPIED = (  # keys that `Source` has with the same name and type
    "children", "concurrency", "requests_per_second", "timeout", "retry_seconds", "deadline", "plain_http", "page_size",
    "language",
)  # fmt: skip
_PLACE = ("region", "endpoint", "project_id", "project_name")


@dataclass(frozen=True)
class SourceRead:
    """A source as it was read: its values merged with `defaults`, the same as keys, and what they result in."""

    entry: Located
    keys: SourceKeys
    source: Source


class Sources(Logins):
    """Reads the sources of a configuration."""

    def __init__(self, faults: Faults, file: Path, reading: Reading) -> None:
        super().__init__(faults, reading)
        self.file = file
        self.sources_read: list[SourceRead] = []
        self._input_used_by: Located | None = None

    def sources(self, top: dict[str, Located]) -> tuple[Source, ...]:
        defaults = self.known(top["defaults"], fields(SourceDefaults)) if "defaults" in top else {}
        listed = top.get("sources")
        if listed is None or not isinstance(listed.value, list) or not listed.value:
            self.faults.add(listed or Located(None, 1, "sources"), "a list with at least one source is needed")
            return ()
        sources = []
        names: dict[Any, int] = {}
        places: dict[Any, int] = {}
        for entry in listed.value:
            given = self.known(entry, fields(SourceKeys))
            if not given:
                if entry.value == {}:
                    self.faults.add(entry, "the key name is needed")
                continue
            both = {**defaults, **given}
            self._check_one_project(both, given)
            # Unknown keys are kept: their fault may suggest a missing key.
            source = self._source(Located({**entry.value, **both}, entry.line, entry.key), alone=len(listed.value) == 1)
            project = source.project_name if source.project_name != source.region else ""
            place = (source.region or source.endpoint or "", source.project_id or project or "")
            if any(key in both and not getattr(source, key) for key in _PLACE):
                place = ("", "")  # part of it is faulty
            for seen, what, found in ((names, "name", source.name), (places, "project and region", place)):
                if found in seen and found not in ("", ("", "")):
                    self.faults.add(entry, f"the same {what} as the source on line {seen[found]}")
                seen.setdefault(found, entry.line)
            sources.append(source)
        return tuple(sources)

    def _source(self, entry: Located, *, alone: bool) -> Source:
        both: dict[str, Located] = entry.value
        keys = self.struct(entry, SourceKeys)
        replay = tuple(self.file.parent / folder for folder in as_list(keys.replay))
        if "replay" not in both:
            self._check_required(entry, keys)
        elif self.reading.recordings:
            self._check_recordings(both["replay"])
        excluded = frozenset(keys.excluded)
        source = Source(
            name=keys.name or "",
            region=keys.region or None,
            project_id=keys.project_id or None,
            project_name=keys.project_name or None,
            endpoint=self.address("endpoint", entry, keys.endpoint, plain_http=keys.plain_http),
            iam_endpoint=self.address("iam_endpoint", entry, keys.iam_endpoint, plain_http=keys.plain_http),
            jobs=self._jobs(both.get("jobs"), keys, excluded),
            scenarios=tuple(each for each in SCENARIOS if each in (keys.scenarios or SCENARIOS)),
            filters=_filters(keys),
            excluded=excluded,
            replay=replay,
            max_body=keys.max_body_mib * MIB,
            **{key: getattr(keys, key) for key in _COPIED},
        )
        source = self.completed(source, entry, keys, alone=alone)
        self.sources_read.append(SourceRead(entry, keys, source))
        return source

    def _check_required(self, entry: Located, keys: SourceKeys) -> None:
        both: dict[str, Located] = entry.value
        if "region" not in both and "endpoint" not in both:
            self.faults.add(entry, "a source needs a region, or an endpoint, or replay")
        if "region" not in both and "project_id" not in both and not {"project_name", "iam_endpoint"} <= both.keys():
            self.faults.add(entry, "a source needs a project_id, or a region to find it by, or replay")
        if "jobs" not in both:
            self.faults.add(entry, "a source needs jobs, or replay")
        elif keys.jobs and keys.jobs != _ALL:
            for key in ("filter", "children", "scenarios"):
                if key in both and both[key].value and getattr(keys, key):
                    self.faults.add(both[key], "only the list API can serve this: it needs jobs: all")

    def _check_one_project(self, both: dict[str, Located], given: dict[str, Located]) -> None:
        """Let a project's id and its name exclude each other; the source's own counts before the defaults'."""
        if "project_id" in both and "project_name" in both:
            for key, other in (("project_id", "project_name"), ("project_name", "project_id")):
                if key in given and other not in given:
                    del both[other]
                    return
            self.faults.add(both["project_name"].place, "project_id and project_name: give one of them")

    def _check_recordings(self, at: Located) -> None:
        """Report folders that are not recordings; their pages are not read."""
        for entry in at.value if isinstance(at.value, list) else [at]:
            folder = self.file.parent / entry.value if entry.value and isinstance(entry.value, str) else None
            if folder and (why := why_no_recording(folder)):
                self.faults.add(entry, f"the recording {folder} {why}")

    def _jobs(self, at: Located | None, keys: SourceKeys, excluded: frozenset[str]) -> tuple[str, ...] | None:
        """Return the ids to request, sorted, without the excluded ones; None for all jobs."""
        if at is None or not (keys.jobs or keys.jobs == []):
            return ()
        if keys.jobs == _ALL:
            return None
        if isinstance(keys.jobs, JobsFile):
            may_be_empty, file = keys.jobs.allow_empty, keys.jobs.file
            where, ids = _shown(file or ""), self._listed(at, file) if file else None
        else:
            may_be_empty, where, ids = False, "the list", list(keys.jobs or ())
        chosen = tuple(sorted(set(ids or ()) - excluded))
        if ids is not None and not chosen and not may_be_empty and not keys.replay:
            but = " but those under except" if ids else ""
            hint = "If this is intended, write {file: ids.txt, allow_empty: true}"
            self.faults.add(at, f"{where} has no job id{but}, so every known job would leave. {hint}")
        return chosen

    def _listed(self, at: Located, file: str) -> list[str] | None:
        """Return the ids of a file or of standard input; None if they are not read, or there was a fault."""
        if not self.reading.for_export:
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
            if wrong <= _MAX_REPORTED:
                self.faults.add(at, f"{_shown(file)}:{number}: not a job id: {why}")
        if wrong > _MAX_REPORTED:
            self.faults.add(at, f"{_shown(file)}: {wrong - _MAX_REPORTED:,} more lines are not job ids")
        return None if wrong or lines is None else ids

    def _lines(self, at: Located, file: str) -> list[str] | None:
        try:
            if file != _STDIN:
                with (self.file.parent / file).open(encoding="utf-8-sig") as opened:
                    text = opened.read(_MAX_LIST + 1)
            elif self._input_used_by is not None:
                self.faults.add(at, f"standard input is read already on line {self._input_used_by.line}")
                return None
            else:
                self._input_used_by = at
                if self.reading.standard_input is None:
                    return None
                text = _join(self.reading.standard_input())
        except (OSError, ValueError) as error:  # ValueError: a NUL character in the name, or not UTF-8
            why = error.strerror if isinstance(error, OSError) else "it is not text in UTF-8"
            self.faults.add(at, f"{_shown(file)} cannot be read: {why}")
            return None
        if len(text) > _MAX_LIST:
            self.faults.add(at, f"{_shown(file)} is longer than {_MAX_LIST // MIB} MiB: not a list of job ids")
            return None
        return text.split("\n")


def as_list(value: str | list[str] | UnsetType) -> list[str]:
    return [value] if isinstance(value, str) else value or []


def _filters(keys: SourceKeys) -> Filters:
    if not keys.filter:
        return Filters()
    return Filters(
        status=frozenset(as_list(keys.filter.status)) or None,
        engine_type=frozenset(as_list(keys.filter.engine_type)) or None,
        name=keys.filter.name or None,
        tags=tuple(keys.filter.tags.items()),
        enterprise_project_id=keys.filter.enterprise_project_id or None,
    )


def _join(lines: Iterable[str]) -> str:
    """Join lines, and stop when they are too long."""
    found: list[str] = []
    length = 0
    for line in lines:
        found.append(line)
        length += len(line)
        if length > _MAX_LIST:
            break
    return "".join(found)


def _shown(file: str) -> str:
    return "standard input" if file == _STDIN else file
